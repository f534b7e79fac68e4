"""`pgseal unseal`: a table leaves; its sealed values become plaintext where they stand, while clients go on and commands are killed."""
import json
import os
import signal
import subprocess
import threading
import time

import psycopg
import pytest
from replicas import Database, Replica, eventually

ROWS = 100_000 if "PGSEAL_SOAK" in os.environ else 12_000
TABLES = """
CREATE TABLE leaving (id int PRIMARY KEY, org int NOT NULL, email text, doc jsonb, raw bytea, note json, code varchar(200), kept text);
CREATE TABLE leaving_parts (id int, org int, mail text) PARTITION BY RANGE (id);
CREATE TABLE leaving_low PARTITION OF leaving_parts FOR VALUES FROM (0) TO (10);
CREATE TABLE leaving_high PARTITION OF leaving_parts FOR VALUES FROM (10) TO (20);
CREATE TABLE owners (id int PRIMARY KEY, org int NOT NULL);
CREATE TABLE leaving_notes (id int PRIMARY KEY, owner_id int, note text);
INSERT INTO owners VALUES (1, 1), (2, 2);
"""
SEALED = """
[[seal]]
table = "public.leaving"
tenant = "org"
columns = [{ name = "email", search = "exact" }, { name = "doc" }, { name = "raw" }, { name = "note" }, { name = "code", search = "exact", scope = "deployment" }, "kept"]
[[seal]]
table = "public.leaving_parts"
tenant = "org"
columns = [{ name = "mail" }]
[[seal]]
table = "public.leaving_notes"
tenant = { parent = "public.owners", on = "owner_id", column = "org" }
columns = [{ name = "note" }]
"""
COLUMNS = "email", "doc", "raw", "note", "code"


def row(n):
    return (n, n % 3, f"mail {n} é", {"n": n}, n.to_bytes(4, "big") + b"\x00\\", '{"a" :  %d}' % n, f"code {n}", f"kept {n}")


@pytest.fixture(scope="module")
def database():
    with Database() as database:
        with database.connect() as direct:
            direct.execute(TABLES)
        for name, state in (("sealed", ""), ("migrating", ', state = "migrating"'), ("unsealing", ', state = "unsealing"')):
            # Of the columns only, not of the tenant's rule.
            lines = (line.replace(" }", state + " }") if line.startswith("columns") else line for line in SEALED.splitlines())
            (database.folder / f"{name}.toml").write_text("\n".join(lines))
        with Replica(database, PGSEAL_RULES=str(database.folder / "sealed.toml")) as replica, replica.connect() as client:
            with client.cursor() as cursor, cursor.copy("COPY leaving FROM STDIN") as copy:
                for n in range(ROWS):
                    copy.write_row([json.dumps(value) if isinstance(value, dict) else value for value in row(n)])
            client.execute("INSERT INTO leaving (id, org, email, doc, raw) VALUES (-1, 1, NULL, NULL, NULL), (-2, 1, '', '{}', '')")
            for n in range(20):
                client.execute("INSERT INTO leaving_parts VALUES (%s, %s, %s)", (n, n % 2, f"part {n}"))
            for n in (1, 2):
                client.execute("INSERT INTO leaving_notes VALUES (%s, %s, %s)", (n, n, f"note {n}"))
        yield database


def command(database, *words, rules="unsealing", **more):
    return database.command(*words, timeout=600, PGSEAL_RULES=str(database.folder / f"{rules}.toml"), **more)


def counts(done):
    return {line["column"].split(".", 1)[1]: line for line in map(json.loads, done.stdout.splitlines())}


def raw_rows(direct, where="true"):
    return {found[0]: found[1:] for found in direct.execute(f"SELECT id, email, doc, raw, note::text, code FROM leaving WHERE {where}").fetchall()}


def sealed_left(direct):
    return direct.execute(
        r"SELECT count(*) FROM leaving WHERE email LIKE '~s%' OR doc::text LIKE '""~s%' OR note::text LIKE '""~s%' OR code LIKE '~s%' OR substr(raw, 1, 3) = '\xf87376'"
        .replace('""', '"')).fetchone()[0]


def test_nothing_is_unsealed_by_mistake(database, direct):
    before = raw_rows(direct)
    refused = command(database, "unseal", "leaving", "--confirm", "leaving", rules="sealed")
    assert refused.returncode == 1 and 'state = "unsealing"' in refused.stderr
    for sql in command(database, "fence", rules="sealed").stdout.splitlines():
        direct.execute(sql)
    refused = command(database, "unseal", "leaving", "--confirm", "leaving")
    assert refused.returncode == 1
    assert 'ALTER TABLE "public"."leaving" DROP CONSTRAINT "pgseal_fence_email";' in refused.stderr and "pgseal_fence_kept" not in refused.stderr
    # Fences of what is unsealed come down, others stay.
    for sql in command(database, "fence").stdout.splitlines():
        if "DROP" in sql:
            direct.execute(sql)
    assert direct.execute("SELECT conname FROM pg_constraint WHERE conname LIKE 'pgseal_fence%'").fetchall() == [("pgseal_fence_kept",)]
    for typed in ("yes\n", "", "leavin\n"):
        refused = command(database, "unseal", "leaving", input=typed)
        assert refused.returncode == 1 and "not confirmed" in refused.stderr and f"{sum(len(COLUMNS) * [ROWS]) + 3} values" in refused.stderr
    assert raw_rows(direct) == before and sealed_left(direct) > ROWS
    assert b"mail 5" not in (database.folder / "server.log").read_bytes()


def test_replicas_go_over_one_by_one(database, direct):
    """First all read what is not sealed, then all leave it unsealed: at no time does one refuse what another has written."""
    with Replica(database, PGSEAL_RULES=str(database.folder / "migrating.toml")) as reading, Replica(database, PGSEAL_RULES=str(database.folder / "unsealing.toml")) as leaving, \
            Replica(database, PGSEAL_RULES=str(database.folder / "sealed.toml")) as strict, reading.connect() as a, leaving.connect() as b, strict.connect() as late:
        def seen(connection, n):
            return connection.execute("SELECT email, doc, raw, note::text, code, kept FROM leaving WHERE id = %s", (n,)).fetchone()

        insert = "INSERT INTO leaving (id, org, email, doc, raw, note, code, kept) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        values = ["new é'\\", '{"x": [1]}', b"\x00'\\", '{"a" :  2}', "code", "kept"]
        wanted = tuple([values[0], {"x": [1]}, *values[2:]])
        b.execute(insert, (-10, 1, *values))
        with b.cursor() as cursor, cursor.copy("COPY leaving (id, org, email, doc, raw, note, code, kept) FROM STDIN") as copy:
            copy.write_row((-11, 1, *values))
        psycopg.ClientCursor(b).execute(insert, (-12, 1, *values))
        b.execute("INSERT INTO leaving (id, org) VALUES (-13, 1)")
        b.execute("UPDATE leaving SET email = %s, doc = %s, raw = %s, note = %s, code = COALESCE(%s, code), kept = %s WHERE id = -13", values)
        b.execute(insert + " ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email", (-13, 1, *values))
        a.execute(insert, (-14, 1, *values))
        raw = raw_rows(direct, "id BETWEEN -14 AND -10")
        assert {n: raw[n] for n in (-10, -11, -12, -13)} == dict.fromkeys((-10, -11, -12, -13), wanted[:5])
        assert raw[-14][0].startswith("~s2") and raw[-14][2].startswith(b"\xf8sv\x01")
        assert direct.execute("SELECT count(*) FROM leaving WHERE kept NOT LIKE '~s1%'").fetchone() == (0,)
        for n in (-10, -11, -12, -13, -14):
            assert seen(a, n) == seen(b, n) == wanted
        assert seen(b, 5) == (row(5)[2], row(5)[3], row(5)[4], row(5)[5], row(5)[6], row(5)[7])
        with pytest.raises(psycopg.Error) as planted:
            seen(late, -10)
        assert planted.value.sqlstate == "SV002"
        with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
            b.execute("SELECT id FROM leaving WHERE org = 1 AND email = 'x'")
        assert "refused-rotating" in refused.value.diag.message_hint
        direct.execute("DELETE FROM leaving WHERE id < -9")
    told = command(database, "explain", "UPDATE leaving SET email = $1, kept = $2 WHERE id = 1").stdout
    assert "what is stored in public.leaving.email goes as it is" in told and "$2 is sealed for public.leaving.kept" in told


def test_a_table_is_unsealed_under_traffic_by_commands_that_are_killed(database, direct):
    env = database.settings(PGSEAL_RULES=str(database.folder / "unsealing.toml"))
    wanted = {n: row(n)[2:7] for n in range(ROWS)} | {-1: (None,) * 5, -2: ("", {}, b"", None, None)}
    with Replica(database, PGSEAL_RULES=str(database.folder / "unsealing.toml")) as replica, replica.connect() as client:
        over = threading.Event()

        def traffic():
            with replica.connect() as other:
                for n in range(7, ROWS, 97):
                    if over.is_set():
                        return
                    other.execute("UPDATE leaving SET email = %s, kept = 'k' WHERE org = %s AND id = %s", (f"new {n}", n % 3, n))
                    wanted[n] = (f"new {n}", *wanted[n][1:])
                    assert other.execute("SELECT code FROM leaving WHERE id = %s", (n + 1,)).fetchone() == (f"code {n + 1}",)
                    time.sleep(0.01)

        thread = threading.Thread(target=traffic)
        thread.start()
        left = []
        for pause in (0.5, 1, 1.5):
            with subprocess.Popen([os.environ["PGSEAL_BIN"], "unseal", "leaving", "--confirm", "leaving"], env=env, cwd=database.folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
                time.sleep(pause)
                killed.send_signal(signal.SIGKILL)
            left.append(sum(line["left"] for line in counts(command(database, "unseal", "leaving", "--dry-run", "--json")).values()))
        assert left == sorted(left, reverse=True) and 0 < left[0] <= len(COLUMNS) * ROWS + 3
        # What is half done is read as if nothing were.
        assert client.execute("SELECT count(*) FROM (SELECT email, doc, raw, note, code FROM leaving) x").fetchone() == (ROWS + 2,)
        done = command(database, "unseal", "leaving", "--json", input="leaving\n")
        over.set()
        thread.join()
        assert done.returncode == 0, done.stdout + done.stderr
        assert list(counts(done)) == [f"leaving.{name}" for name in COLUMNS] and all(line["left"] == 0 for line in counts(done).values())
        assert sealed_left(direct) == 0 and raw_rows(direct) == wanted
        assert {found[0]: found[1:] for found in client.execute("SELECT id, email, doc, raw, note::text, code FROM leaving").fetchall()} == wanted
    verified = command(database, "verify", "leaving", "--json")
    assert verified.returncode == 0, verified.stdout
    assert {name: line["opened"] for name, line in counts(verified).items()} == {f"leaving.{name}": 0 for name in COLUMNS} | {"leaving.kept": ROWS}
    again = command(database, "unseal", "leaving", "--json")
    assert again.returncode == 0 and all(line["unsealed"] == 0 for line in counts(again).values())
    assert command(database, "seal", "leaving_notes").returncode == 1


def test_partitions_parents_and_values_of_other_tenants(database, direct):
    done = command(database, "unseal", "leaving_parts", "--confirm", "leaving_parts")
    assert done.returncode == 0, done.stderr
    assert direct.execute("SELECT id, mail FROM leaving_parts ORDER BY id").fetchall() == [(n, f"part {n}") for n in range(20)]
    # A value that somebody moved to another tenant's row is told, and stays sealed.
    direct.execute("UPDATE leaving_notes SET owner_id = 2 WHERE id = 1")
    told = command(database, "unseal", "leaving_notes", "--confirm", "leaving_notes", "--json")
    note = counts(told)["leaving_notes.note"]
    assert told.returncode == 1 and (note["unsealed"], note["left"], note["why"]) == (1, 1, {"it belongs to another tenant than its row": 1})
    assert direct.execute("SELECT id, note LIKE '~s1%' FROM leaving_notes ORDER BY id").fetchall() == [(1, True), (2, False)]
    direct.execute("UPDATE leaving_notes SET owner_id = 1 WHERE id = 1")
    assert command(database, "unseal", "leaving_notes", "--confirm", "leaving_notes").returncode == 0
    assert direct.execute("SELECT note FROM leaving_notes ORDER BY id").fetchall() == [("note 1",), ("note 2",)]


def test_a_tenant_that_is_closed_is_not_unsealed_and_duplicates_are_told(database, direct, tmp_path):
    direct.execute("CREATE TABLE logins (id int PRIMARY KEY, org int NOT NULL, name text, UNIQUE (org, name))")
    text = '[[seal]]\ntable = "public.logins"\ntenant = "org"\ncolumns = [{ name = "name", search = "exact" }]\n'
    rules = tmp_path / "rules.toml"
    rules.write_text(text)
    env = {"PGSEAL_RULES": str(rules)}
    with Replica(database, **env) as replica, replica.connect() as client:
        for n, org in ((1, 1), (2, 1), (3, 77)):
            client.execute("INSERT INTO logins VALUES (%s, %s, %s)", (n, org, f"name {n}"))
    # The rule need not say any more that it could be searched.
    rules.write_text(text.replace('search = "exact"', 'state = "unsealing"'))
    direct.execute("INSERT INTO logins VALUES (4, 1, 'name 1')")
    assert database.command("tenant", "disable", "77").returncode == 0
    told = database.command("unseal", "logins", "--confirm", "logins", "--json", **env)
    name = counts(told)["logins.name"]
    assert told.returncode == 1 and (name["unsealed"], name["left"]) == (1, 2) and "unique constraint" in str(name["why"]) and "disabled" in str(name["why"])
    direct.execute("DELETE FROM logins WHERE id = 4")
    assert database.command("tenant", "enable", "77").returncode == 0
    eventually(lambda: all_done(database, env))
    assert direct.execute("SELECT name FROM logins ORDER BY id").fetchall() == [("name 1",), ("name 2",), ("name 3",)]


def all_done(database, env):
    assert database.command("unseal", "logins", "--confirm", "logins", **env).returncode == 0
