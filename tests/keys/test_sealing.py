"""`pgseal seal` and `verify`: a table that was plaintext is sealed where it stands, while clients go on and commands are killed."""
import json
import os
import signal
import subprocess
import threading
import time

import psycopg
import pytest
from replicas import Database, Replica

# PGSEAL_SOAK makes it a table as large as those that people have.
ROWS = 100_000 if "PGSEAL_SOAK" in os.environ else 20_000
TABLES = f"""
CREATE TABLE old (id int PRIMARY KEY, org int, email text, doc jsonb, raw bytea, note json);
CREATE TABLE old_parts (id int, mail varchar(300)) PARTITION BY RANGE (id);
CREATE TABLE old_low PARTITION OF old_parts FOR VALUES FROM (0) TO (10);
CREATE TABLE old_high PARTITION OF old_parts FOR VALUES FROM (10) TO (20);
CREATE TABLE old_notes (id int PRIMARY KEY, old_id int, note varchar(40));
INSERT INTO old SELECT n, n % 3, 'mail ' || n, jsonb_build_object('n', n), decode(lpad(to_hex(n), 8, '0'), 'hex'), CASE WHEN n % 1000 = 0 THEN '{{"a" :  1}}'::json END
    FROM generate_series(1, {ROWS}) n;
INSERT INTO old VALUES (0, 1, '', NULL, '', NULL), (-1, 1, NULL, NULL, NULL, NULL);
INSERT INTO old_parts SELECT n, 'part ' || n FROM generate_series(0, 19) n;
INSERT INTO old_notes VALUES (1, 1, 'a note'), (2, 2, 'a note of forty letters, which is too long'::varchar(40)), (3, NULL, 'whose');
"""
RULES = """
[[seal]]
table = "public.old"
tenant = "org"
columns = [{ name = "email", search = "exact", state = "migrating" }, { name = "doc", state = "migrating" }, { name = "raw", state = "migrating" }, { name = "note", state = "migrating" }]
[[seal]]
table = "public.old_parts"
tenant = { constant = "main" }
columns = [{ name = "mail", state = "migrating" }]
[[seal]]
table = "public.old_notes"
tenant = { parent = "public.old", on = "old_id", column = "org" }
columns = [{ name = "note", state = "migrating" }]
"""


@pytest.fixture(scope="module")
def database():
    with Database() as database:
        with database.connect() as direct:
            direct.execute(TABLES)
        rules = database.folder / "old.toml"
        rules.write_text(RULES)
        (database.folder / "strict.toml").write_text(RULES.replace(', state = "migrating"', ""))
        # Key files are made by the first that needs one.
        with Replica(database, PGSEAL_RULES=str(rules)):
            yield database


def command(database, *words, rules="old.toml"):
    return database.command(*words, timeout=600, PGSEAL_RULES=str(database.folder / rules))


def counts(done):
    return {line["column"].split(".", 1)[1]: line for line in map(json.loads, done.stdout.splitlines())}


def test_a_table_is_sealed_where_it_stands_under_traffic_by_commands_that_are_killed(database, direct):
    env = database.settings(PGSEAL_RULES=str(database.folder / "old.toml"))
    with Replica(database, PGSEAL_RULES=str(database.folder / "old.toml")) as replica, replica.connect() as client:
        asked = command(database, "seal", "old", "--dry-run", "--json")
        assert asked.returncode == 1 and {name: line["left"] for name, line in counts(asked).items()} == {
            "old.email": ROWS + 1, "old.doc": ROWS, "old.raw": ROWS + 1, "old.note": ROWS // 1000}
        over, written = threading.Event(), {}

        def traffic():
            with replica.connect() as other:
                for n in range(7, ROWS, 97):
                    if over.is_set():
                        return
                    other.execute("UPDATE old SET email = %s WHERE org = %s AND id = %s", (f"new {n}", n % 3, n))
                    written[n] = f"new {n}"
                    time.sleep(0.01)

        thread = threading.Thread(target=traffic)
        thread.start()
        left = []
        for pause in (0.5, 1, 2):
            with subprocess.Popen([os.environ["PGSEAL_BIN"], "seal", "old"], env=env, cwd=database.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
                time.sleep(pause)
                killed.send_signal(signal.SIGKILL)
            left.append(sum(line["left"] for line in counts(command(database, "seal", "old", "--dry-run", "--json")).values()))
        assert left == sorted(left, reverse=True)
        done = command(database, "seal", "old", "--json")
        over.set()
        thread.join()
        assert done.returncode == 0, done.stdout + done.stderr
        assert all(line["left"] == 0 for line in counts(done).values()) and written
        unsealed = r"""SELECT count(*) FROM old WHERE email NOT LIKE '~s2%' OR doc::text NOT LIKE '"~s1%' OR note::text NOT LIKE '"~s1%' OR substr(raw, 1, 3) <> '\xf87376'"""
        assert direct.execute(unsealed).fetchone() == (0,)
        wrong = 0
        for n, org, email, doc, raw, note in client.execute("SELECT id, org, email, doc, raw, note FROM old"):
            if n > 0:
                wrong += (email, doc, raw) != (written.get(n, f"mail {n}"), {"n": n}, n.to_bytes(4, "big")) or note != (None if n % 1000 else {"a": 1})
            else:
                wrong += (email, doc, raw, note) != (("", None, b"", None) if n == 0 else (None, None, None, None))
        assert wrong == 0
        # Plaintext might still stand there, which a comparison would miss.
        with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
            client.execute("SELECT id FROM old WHERE org = 2 AND email = 'mail 5'")
        assert "refused-rotating" in refused.value.diag.message_hint
    verified = command(database, "verify", "old", "--json")
    assert verified.returncode == 0 and {name: line["opened"] for name, line in counts(verified).items()} == {
        "old.email": ROWS + 1, "old.doc": ROWS, "old.raw": ROWS + 1, "old.note": ROWS // 1000}
    with Replica(database, PGSEAL_RULES=str(database.folder / "strict.toml")) as strict, strict.connect() as client:
        assert client.execute("SELECT doc FROM old WHERE id = 5").fetchall() == [({"n": 5},)]
        assert client.execute("SELECT id FROM old WHERE org = 2 AND email = 'mail 5'").fetchall() == [(5,)]


def test_partitions_parents_and_what_cannot_be_sealed(database, direct):
    assert command(database, "seal", "old_parts").returncode == 0
    assert direct.execute("SELECT count(*) FROM old_parts WHERE mail LIKE '~s1%'").fetchone() == (20,)
    told = command(database, "seal", "public.old_notes", "--json")
    note = counts(told)["old_notes.note"]
    # A sealed value is longer than its column.
    assert told.returncode == 1 and (note["sealed"], note["left"]) == (0, 3) and "too long" in told.stdout and "does not say its tenant" in told.stdout
    direct.execute("ALTER TABLE old_notes ALTER note TYPE text")
    told = command(database, "seal", "public.old_notes", "--json")
    assert told.returncode == 1 and (counts(told)["old_notes.note"]["sealed"], counts(told)["old_notes.note"]["left"]) == (2, 1)
    told = command(database, "verify", "old_notes", "--json")
    assert told.returncode == 1 and counts(told)["old_notes.note"]["why"] == {"it is not sealed": 1}
    direct.execute("DELETE FROM old_notes WHERE id = 3; UPDATE old_notes SET old_id = 2 WHERE id = 1")
    told = command(database, "verify", "old_notes", "--json")
    assert counts(told)["old_notes.note"]["why"] == {"it belongs to another tenant than its row": 1}
    assert "a note" not in told.stdout + told.stderr
