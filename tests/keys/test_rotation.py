"""`pgseal rotate`: values sealed anew by the newest keys, made searchable and back, while clients write and commands are killed."""
import base64
import json
import os
import signal
import subprocess
import threading
import time
import uuid

import psycopg
import pytest
from replicas import Database, Replica, eventually, new_tenant, read, write

MARK = "canary-rotation"
TABLE = "CREATE TABLE contacts (id serial PRIMARY KEY, org int NOT NULL, email text, secret bytea, phone varchar(200), note text)"


@pytest.fixture(scope="module")
def database():
    """Of its own: keys of all tenants are rotated here."""
    with Database() as database:
        yield database


def ran(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def kid(value):
    """The suite of a stored value, and the id of its key."""
    if isinstance(value, bytes):
        suite, body = value[3], value[4:]
    else:
        token = value.strip('"')
        suite, body = int(token[2]), base64.urlsafe_b64decode(token[3:-1] + "=" * (-len(token[3:-1]) % 4))
    start = {1: 24, 2: 16}[suite]
    return suite, body[start:start + 8].hex()


def active(direct, tenant, purpose="dek"):
    return direct.execute("SELECT encode(kid, 'hex') FROM pgseal.key WHERE tenant = %s AND purpose = %s AND state = 'active'", (tenant, purpose)).fetchone()[0]


def test_values_are_sealed_by_the_newest_key_and_what_cannot_be_is_told(database, direct):
    tenant = str(new_tenant(database))
    with Replica(database) as replica, replica.connect() as through:
        direct.execute("TRUNCATE virtual_keys")
        rows = [write(through, tenant, f"{MARK} {n}") for n in range(3)]
        through.execute("""UPDATE virtual_keys SET auth_config = '{"a": 1}' WHERE id = %s""", (rows[0],))
        ran(database.command("key", "rotate", "--tenant", tenant))
        asked = database.command("rotate", "virtual_keys", "--dry-run", "--json")
        assert asked.returncode == 1 and {line["column"]: line["left"] for line in lines(asked)} == {
            "public.virtual_keys.key": 3, "public.virtual_keys.auth_config": 1}
        done = lines(database.command("rotate", "public.virtual_keys", "--json"))
        assert [(line["rotated"], line["left"]) for line in sorted(done, key=lambda line: line["column"])] == [(1, 0), (3, 0)]
        stored = direct.execute("SELECT key, auth_config::text FROM virtual_keys").fetchall()
        assert {kid(value) for row in stored for value in row if value} == {(1, active(direct, tenant))}
        assert [read(through, row) for row in rows] == [f"{MARK} {n}" for n in range(3)]
        assert through.execute("SELECT auth_config FROM virtual_keys WHERE id = %s", (rows[0],)).fetchone() == ({"a": 1},)
        assert "0" in ran(database.command("rotate", "virtual_keys"))
        # A value that was planted, or moved from another tenant, is told and stays as it is.
        other = write(through, new_tenant(database), "theirs")
        direct.execute("UPDATE virtual_keys SET organisation_id = %s WHERE id = %s", (tenant, other))
        ran(database.command("key", "rotate"))
        direct.execute("UPDATE virtual_keys SET key = 'planted' WHERE id = %s", (rows[1],))
        told = database.command("rotate", "virtual_keys", "--json")
        [key] = [line for line in lines(told) if line["column"].endswith(".key")]
        assert told.returncode == 1 and (key["rotated"], key["left"]) == (2, 2) and len(key["why"]) == 2
        assert "another tenant" in told.stdout and "not sealed" in told.stdout and MARK not in told.stdout + told.stderr
        direct.execute("DELETE FROM virtual_keys")
    unknown = database.command("rotate", "nothing")
    assert unknown.returncode == 1 and "public.nothing has no rule" in unknown.stderr


def rules(*columns):
    return f'[[seal]]\ntable = "public.contacts"\ntenant = "org"\ncolumns = [{", ".join(columns)}]\n'


PLAIN = rules('"email"', '"secret"', '"phone"', '"note"')
TURNING = rules(
    '{ name = "email", search = "exact", state = "rotating" }', '{ name = "secret", search = "exact", scope = "deployment", state = "rotating" }',
    '{ name = "phone", search = "exact", domain = "phones", state = "rotating" }', '"note"')
SEARCHABLE = TURNING.replace(', state = "rotating"', "")
BACK = rules(
    '{ name = "email", state = "rotating" }', '{ name = "secret", state = "rotating" }', '{ name = "phone", state = "rotating", domain = "phones" }', '"note"')


def test_a_column_is_made_searchable_its_search_key_rotated_and_all_is_taken_back(database, direct, tmp_path):
    direct.execute(TABLE)
    file = tmp_path / "rules.toml"
    file.write_text(PLAIN)
    env = {"PGSEAL_RULES": str(file), "PGSEAL_KEY_SOFT_AGE": "2"}
    people = [(org, f"{MARK} {n % 3}", f"{MARK} s{org}{n}".encode(), f"{MARK} p{n}") for org in (1, 2) for n in range(6)]

    def stored(column):
        return {kid(value) for value, in direct.execute(f"SELECT {column} FROM contacts WHERE {column} IS NOT NULL").fetchall()}

    with Replica(database, **env) as replica, replica.connect() as through:
        # A statement that was prepared under other rules is to be prepared again.
        through.prepare_threshold = None

        def under(text):
            before = replica.log.read_text().count("was reloaded")
            file.write_text(text)
            replica.process.send_signal(signal.SIGHUP)
            eventually(lambda: compare(replica.log.read_text().count("was reloaded"), before + 1))

        def compare(found, wanted):
            assert found == wanted

        def all_is_there():
            found = through.execute("SELECT org, email, secret, phone FROM contacts WHERE email IS NOT NULL ORDER BY id").fetchall()
            assert found == people

        def found_by_value():
            assert through.execute("SELECT count(*) FROM contacts WHERE org = 1 AND email = %s", (people[0][1],)).fetchone() == (2,)
            assert through.execute("SELECT org, phone FROM contacts WHERE secret = %s", (people[7][2],)).fetchall() == [(2, people[7][3])]
            assert through.execute("SELECT org, count(DISTINCT email) FROM contacts GROUP BY org ORDER BY org").fetchall() == [(1, 3), (2, 3)]

        def nothing_is_compared():
            for sql in ("SELECT id FROM contacts WHERE org = 1 AND email = %s", "SELECT id FROM contacts WHERE secret = %s", "SELECT count(DISTINCT phone) FROM contacts WHERE org = 1 AND note = %s"):
                with pytest.raises(psycopg.errors.FeatureNotSupported):
                    through.execute(sql, (people[0][1],))
            with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
                through.execute("SELECT email FROM contacts WHERE org = 1 GROUP BY email")
            assert "refused-rotating" in refused.value.diag.message_hint

        with through.cursor() as cursor:
            cursor.executemany("INSERT INTO contacts (org, email, secret, phone, note) VALUES (%s, %s, %s, %s, 'n')", people[:-1])
        through.execute("INSERT INTO contacts (org, email) VALUES (1, NULL)")
        under(TURNING)
        through.execute("INSERT INTO contacts (org, email, secret, phone, note) VALUES (%s, %s, %s, %s, 'n')", people[-1])
        all_is_there(), nothing_is_compared()
        assert {suite for suite, _ in stored("email")} == {1, 2}
        done = lines(database.command("rotate", "contacts", "--json", **env))
        assert {line["column"].rsplit(".", 1)[1]: (line["rotated"], line["left"]) for line in done} == {
            "email": (11, 0), "secret": (11, 0), "phone": (11, 0), "note": (0, 0)}
        all_is_there()
        under(SEARCHABLE)
        all_is_there(), found_by_value()

        # The search keys change only while nothing is compared.
        before = stored("email") | stored("secret")
        refused = database.command("key", "rotate", "--search", **env)
        assert refused.returncode == 1 and "public.contacts.email, public.contacts.secret, public.contacts.phone are compared" in refused.stderr
        under(TURNING)
        assert "tenant <deployment>: new search key" in ran(database.command("key", "rotate", "--search", **env))
        file.write_text(SEARCHABLE)
        early = database.command("rotate", "contacts", **env)
        assert early.returncode == 1 and "rotating" in early.stdout
        file.write_text(TURNING)
        all_is_there()
        ran(database.command("rotate", "contacts", **env))
        after = stored("email") | stored("secret")
        assert not before & after
        assert after == {(2, active(direct, tenant, "search")) for tenant in ("1", "2", "<deployment>")}
        under(SEARCHABLE)
        all_is_there(), found_by_value()

        def new_values_too():
            [late] = through.execute("INSERT INTO contacts (org, email) VALUES (1, %s) RETURNING id", (f"{MARK} late",)).fetchone()
            value = direct.execute("DELETE FROM contacts WHERE id = %s RETURNING email", (late,)).fetchone()[0]
            assert kid(value) in after

        eventually(new_values_too)
        under(BACK)
        all_is_there()
        ran(database.command("rotate", "contacts", **env))
        under(PLAIN)
        all_is_there()
        assert stored("email") | stored("secret") | stored("phone") == {(1, active(direct, tenant)) for tenant in ("1", "2")}


def test_duplicates_and_long_values_are_told_when_a_column_becomes_searchable(database, direct, tmp_path):
    direct.execute("CREATE TABLE logins (id serial PRIMARY KEY, org int NOT NULL, name text, about text, UNIQUE (org, name))")
    file = tmp_path / "rules.toml"
    text = '[[seal]]\ntable = "public.logins"\ntenant = "org"\ncolumns = [{ name = "name" }, { name = "about" }]\n'
    file.write_text(text)
    env = {"PGSEAL_RULES": str(file)}
    with Replica(database, **env) as replica, replica.connect() as through:
        for value in ("a", "a", "b"):
            through.execute("INSERT INTO logins (org, name, about) VALUES (1, %s, %s)", (f"{MARK} {value}", f"{MARK} {value}" * (200 if value == "b" else 1)))
    file.write_text(text.replace(" }", ', search = "exact", state = "rotating" }'))
    told = database.command("rotate", "logins", "--json", **env)
    name, about = lines(told)
    assert told.returncode == 1 and [(line["rotated"], line["left"], list(line["why"].values())) for line in (name, about)] == [(2, 1, [1]), (2, 1, [1])]
    assert "unique constraint" in str(name["why"]) and "too long" in str(about["why"]) and MARK not in told.stdout + told.stderr


def test_a_rotation_that_is_killed_is_run_again_while_others_write(database, direct):
    tenant = str(new_tenant(database))
    direct.execute("DELETE FROM virtual_keys")
    with Replica(database) as replica, replica.connect() as through:
        with through.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)",
                [(row := uuid.uuid4(), tenant, str(row), f"{MARK} {row}") for _ in range(2500)])
        wanted = dict(through.execute("SELECT id, key FROM virtual_keys").fetchall())
        ran(database.command("key", "rotate", "--tenant", tenant))
        end = threading.Event()

        def writer():
            with replica.connect() as own:
                for row in list(wanted)[::7]:
                    if end.is_set():
                        return
                    own.execute("UPDATE virtual_keys SET key = %s WHERE id = %s AND organisation_id = %s", (f"{MARK} new", row, tenant))
                    wanted[row] = f"{MARK} new"

        busy = threading.Thread(target=writer)
        busy.start()
        try:
            slow = subprocess.Popen(
                [os.environ["PGSEAL_BIN"], "rotate", "virtual_keys", "--rows-per-second", "500"], env=database.settings(), cwd=database.folder,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            current = "SELECT count(*) FROM virtual_keys v, pgseal.key k WHERE k.state = 'active' AND k.tenant = %s AND encode(substr(decode(translate(substr(v.key, 4, 44), '-_', '+/'), 'base64'), 25, 8), 'hex') = encode(k.kid, 'hex')"
            deadline = time.monotonic() + 60
            while direct.execute(current, (tenant,)).fetchone()[0] < 400 and time.monotonic() < deadline:
                time.sleep(0.05)
            slow.kill()
            slow.wait()
        finally:
            end.set()
            busy.join()
        assert dict(through.execute("SELECT id, key FROM virtual_keys").fetchall()) == wanted
        ran(database.command("rotate", "virtual_keys"))
        assert direct.execute(current, (tenant,)).fetchone() == (2500,)
        assert dict(through.execute("SELECT id, key FROM virtual_keys").fetchall()) == wanted
    direct.execute("DELETE FROM virtual_keys")


def test_no_value_reached_the_server(database):
    for file in [database.folder / "server.log", *(database.folder / "data").rglob("*")]:
        if file.is_file():
            assert MARK.encode() not in file.read_bytes(), file
