"""psycopg2: every value stands as a literal in a simple Query."""
import io

import psycopg2
import psycopg2.extras
from steps import COLUMNS, URL, fails, row, rows, step, version

version("psycopg2", psycopg2.__version__.split()[0])
connection = psycopg2.connect(URL)
cursor = connection.cursor()
PLACES = ", ".join(f"%({name})s" for name in COLUMNS)
INSERT = f"INSERT INTO vaults ({', '.join(COLUMNS)}) VALUES ({PLACES})"


def sent(values):
    json = psycopg2.extras.Json
    return {name: json(value) if isinstance(value, dict) else value for name, value in values.items()}


def run(sql, values=None):
    cursor.execute(sql, values)
    types = [(column.name, column.type_code) for column in cursor.description or []]
    return [cursor.rowcount, cursor.statusmessage, types, cursor.fetchall() if types else None]


@step("insert")
def _():
    done = [run(INSERT, sent(values)) for values in rows()]
    connection.commit()
    return done


@step("read")
def _():
    return [run("SELECT * FROM vaults ORDER BY id"), run("SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = %s", (2,)),
            run("SELECT blob, raw FROM vaults WHERE label = ANY(%s) ORDER BY id", (["row 1", "row 3"],))]


@step("update")
def _():
    done = [run("UPDATE vaults SET secret = %s, pin = %s WHERE id = %s", ("it's \\ new", "1234", 1)), run("UPDATE vaults SET settings = %s WHERE account_id = %s AND id = %s", (psycopg2.extras.Json({"b": [1, "ü"]}), 1, 2)),
            run("UPDATE vaults SET blob = %s, rank = rank + 1 WHERE id = %s RETURNING *", (b"\0\1\xfe", 3)), run("UPDATE vaults SET secret = NULL WHERE id = %s", (4,)), run("UPDATE vaults SET secret = %s WHERE id = %s", ("x", 999))]
    connection.commit()
    return [*done, run("SELECT * FROM vaults ORDER BY id")]


@step("upsert")
def _():
    return run(f"{INSERT} ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw", sent(row(2, "upserted")))


@step("transaction")
def _():
    connection.rollback()
    run("UPDATE vaults SET secret = %s WHERE id = 2", ("rolled back",))
    seen = run("SELECT secret FROM vaults WHERE id = 2")
    connection.rollback()
    run("SAVEPOINT a")
    run("UPDATE vaults SET secret = %s WHERE id = 3", ("kept",))
    run("SAVEPOINT b")
    failed = fails(run, "INSERT INTO vaults (id, account_id, label, secret) VALUES (1, 1, 'x', 'y')")
    aborted = fails(run, "SELECT secret FROM vaults")
    run("ROLLBACK TO b")
    connection.commit()
    return [seen, failed, aborted, run("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id"), connection.info.transaction_status]


@step("errors")
def _():
    found = []
    for sql, values in [
        (INSERT, sent(row(1, "again"))), ("SELECT secret, nothing FROM vaults", None), ("SELEC 1", None), ("UPDATE vaults SET pin = %s WHERE id = 1", ("x" * 2001,)),
        ("UPDATE vaults SET settings = %s WHERE id = 1", ("{bad",)), ("INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', 's')", None), ("SELECT 1/0", None), ("SELECT * FROM missing", None),
    ]:
        connection.rollback()
        found.append(fails(run, sql, values))
    connection.rollback()
    return found


@step("batch")
def _():
    cursor.executemany(INSERT, [sent(values) for values in rows(101)])
    counts = [cursor.rowcount]
    psycopg2.extras.execute_batch(cursor, INSERT, [sent(values) for values in rows(201)], page_size=4)
    given = psycopg2.extras.execute_values(
        cursor, f"INSERT INTO vaults ({', '.join(COLUMNS)}) VALUES %s RETURNING id, secret", [tuple(sent(values).values()) for values in rows(301)], page_size=100, fetch=True)
    psycopg2.extras.execute_batch(cursor, "UPDATE vaults SET secret = %s WHERE account_id = %s AND id = %s", [(f"batch {number}", 1 + number % 2, number) for number in range(301, 304)])
    connection.commit()
    return [counts, given, run("SELECT * FROM vaults WHERE id > 100 ORDER BY id")]


@step("several updates by key in one text")
def _():
    connection.rollback()
    psycopg2.extras.execute_batch(cursor, INSERT, [sent(values) for values in rows(951)])
    psycopg2.extras.execute_batch(cursor, "UPDATE vaults SET secret = %s, label = %s WHERE id = %s", [(f"by key {number}", f"l{number}", number) for number in range(951, 999)])
    connection.commit()
    return run("SELECT id, account_id, label, secret FROM vaults WHERE id > 950 ORDER BY id")


@step("cursor")
def _():
    connection.rollback()
    with connection.cursor("named", scrollable=True) as named:
        named.itersize = 3
        named.execute("SELECT id, secret, settings FROM vaults ORDER BY id")
        seen = [named.fetchone(), named.fetchmany(4)]
        named.scroll(-2)
        seen += [named.fetchone(), list(named)]
    connection.commit()
    return seen


def copied(table, columns, text):
    cursor.copy_from(io.StringIO(text), table, columns=columns)
    out = io.StringIO()
    cursor.copy_expert(f"COPY (SELECT {', '.join(columns)} FROM {table} ORDER BY {columns[0]} DESC LIMIT 3) TO STDOUT WITH (FORMAT csv, HEADER)", out)
    connection.commit()
    return [cursor.rowcount, out.getvalue()]


@step("copy")
def _():
    return copied("notes", ("body",), "a\nb\\tc\n\\N\n")


@step("delete")
def _():
    connection.rollback()
    done = [run("DELETE FROM vaults WHERE id = %s RETURNING secret", (5,)), run("DELETE FROM vaults WHERE id = %s", (5,))]
    connection.commit()
    return done


@step("copy of the sealed table")
def _():
    connection.rollback()
    return copied("vaults", ("id", "account_id", "label", "secret", "settings"), '901\t1\tc1\tco\\\\p\\ty\t{"a": 1}\n902\t2\tc2\t\\N\t\\N\n')


connection.close()
