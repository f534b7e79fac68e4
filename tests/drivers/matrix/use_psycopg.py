"""psycopg 3: parameters, in text and in binary, prepared or not, or as literals (client); pipelines; COPY."""
import sys

import psycopg
from psycopg.types.json import Json, Jsonb
from steps import COLUMNS, URL, fails, row, rows, step, version

MODE = sys.argv[1]
version("psycopg 3", psycopg.__version__)
connection = psycopg.connect(URL, cursor_factory=psycopg.ClientCursor if MODE == "client" else psycopg.Cursor, prepare_threshold=2)
cursor = connection.cursor(binary=MODE == "binary")
B = "b" if MODE == "binary" else "s"
CAST = {"settings": Jsonb, "raw": Json}
INSERT = f"INSERT INTO vaults ({', '.join(COLUMNS)}) VALUES ({', '.join(f'%({name})s' if name in CAST else f'%({name}){B}' for name in COLUMNS)})"


def sent(values):
    return {name: CAST[name](value) if name in CAST and value is not None else value for name, value in values.items()}


def given(cursor):
    types = [(column.name, column.type_code, column._fmod) for column in cursor.description or []]
    return [cursor.rowcount, cursor.statusmessage, types, cursor.fetchall() if types else None]


def run(sql, values=None):
    return given(cursor.execute(sql, values))


@step("insert")
def _():
    done = [run(INSERT, sent(values)) for values in rows()]
    connection.commit()
    return done


@step("read")
def _():
    return [run("SELECT * FROM vaults ORDER BY id"), run(f"SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = %{B}", (2,)),
            run(f"SELECT blob, raw FROM vaults WHERE label = ANY(%{B}) ORDER BY id", (["row 1", "row 3"],))]


@step("update")
def _():
    done = [run(f"UPDATE vaults SET secret = %{B}, pin = %{B} WHERE id = %s", ("it's \\ new", "1234", 1)), run("UPDATE vaults SET settings = %s WHERE account_id = %s AND id = %s", (Jsonb({"b": [1, "ü"]}), 1, 2)),
            run(f"UPDATE vaults SET blob = %{B}, rank = rank + 1 WHERE id = %{B} RETURNING *", (b"\0\1\xfe", 3)), run("UPDATE vaults SET secret = NULL WHERE id = %s", (4,)), run("UPDATE vaults SET secret = %s WHERE id = %s", ("x", 999))]
    connection.commit()
    return [*done, run("SELECT * FROM vaults ORDER BY id")]


@step("upsert")
def _():
    return run(f"{INSERT} ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw", sent(row(2, "upserted")))


@step("transaction")
def _():
    connection.rollback()
    seen = []
    with connection.transaction(force_rollback=True):
        run("UPDATE vaults SET secret = %s WHERE id = 2", ("rolled back",))
        seen.append(run("SELECT secret FROM vaults WHERE id = 2"))
    with connection.transaction():
        run("UPDATE vaults SET secret = %s WHERE id = 3", ("kept",))
        try:
            with connection.transaction():
                run("UPDATE vaults SET secret = %s WHERE id = 3", ("lost",))
                seen.append(fails(run, "INSERT INTO vaults (id, account_id, label, secret) VALUES (1, 1, 'x', %s)", ("y",)))
                seen.append(fails(run, "SELECT secret FROM vaults"))
                raise ValueError
        except ValueError:
            pass
    return [seen, run("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id"), connection.info.transaction_status.name]


@step("errors")
def _():
    found = []
    for sql, values in [
        (INSERT, sent(row(1, "again"))), ("SELECT secret, nothing FROM vaults", None), ("SELEC 1", None), ("UPDATE vaults SET pin = %s WHERE id = 1", ("x" * 2001,)),
        ("UPDATE vaults SET settings = %s WHERE id = 1", ("{bad",)), ("INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', %s)", ("s",)), ("SELECT 1/%s", (0,)), ("SELECT * FROM missing", None),
    ]:
        connection.rollback()
        found.append(fails(run, sql, values))
    connection.rollback()
    return found


@step("batch")
def _():
    cursor.executemany(INSERT, [sent(values) for values in rows(101)])
    counts = [cursor.rowcount]
    cursor.executemany(f"{INSERT} RETURNING id, secret", [sent(values) for values in rows(201)], returning=True)
    while True:
        counts.append(cursor.fetchall())
        if not cursor.nextset():
            break
    connection.commit()
    return [counts, run("SELECT * FROM vaults WHERE id > 100 ORDER BY id")]


def broken():
    with connection.pipeline():
        connection.execute("UPDATE vaults SET secret = %s WHERE id = 301", ("lost",))
        connection.execute("INSERT INTO vaults (id, account_id, label, secret) VALUES (301, 1, 'x', %s)", ("y",))
        connection.execute("UPDATE vaults SET secret = %s WHERE id = 302", ("skipped",))


if MODE != "client":
    @step("pipeline")
    def _():
        connection.rollback()
        with connection.pipeline():
            many = [connection.cursor(binary=MODE == "binary").execute(INSERT, sent(values)) for values in rows(301)]
            reads = [connection.cursor(binary=MODE == "binary").execute("SELECT id, secret, blob FROM vaults WHERE id = %s", (number,)) for number in range(301, 308)]
        connection.commit()
        failed = fails(broken)
        connection.rollback()
        return [[given(cursor) for cursor in [*many, *reads]], failed, run("SELECT secret FROM vaults WHERE id = 301")]


@step("cursor")
def _():
    connection.rollback()
    with psycopg.ServerCursor(connection, "named", scrollable=True) as named:
        named.execute("SELECT id, secret, settings, blob FROM vaults ORDER BY id", binary=MODE == "binary")
        named.itersize = 3
        seen = [named.fetchone(), named.fetchmany(4)]
        named.scroll(-2)
        seen += [named.fetchone(), list(named)]
    connection.commit()
    if MODE != "client":
        seen.append(list(cursor.stream("SELECT id, secret FROM vaults WHERE id < %s ORDER BY id", (5,))))
        connection.commit()
    return seen


def copied(table, columns, types, records):
    form = "WITH (FORMAT binary)" if MODE == "binary" else ""
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN {form}") as copy:
        copy.set_types(types)
        for record in records:
            copy.write_row(record)
    count = cursor.rowcount
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) TO STDOUT {form}") as copy:
        copy.set_types(types)
        out = sorted(copy.rows(), key=str)
    connection.commit()
    return [count, out]


@step("copy")
def _():
    return copied("notes", ["body"], ["text"], [("a",), ("b\tc\\",), (None,), ("é\n",)])


@step("delete")
def _():
    connection.rollback()
    done = [run("DELETE FROM vaults WHERE id = %s RETURNING secret", (5,)), run("DELETE FROM vaults WHERE id = %s", (5,))]
    connection.commit()
    return done


@step("copy of the sealed table")
def _():
    connection.rollback()
    types = ["int4", "int4", "text", "text", "varchar", "jsonb", "json", "bytea"]
    return copied("vaults", COLUMNS, types, [tuple(sent(values).values()) for values in rows(901)])


connection.close()
