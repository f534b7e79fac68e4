"""Several databases behind one listener, and SIGHUP: rules and the TLS certificate change without a restart."""
import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time

import asyncpg
import psycopg
import pytest
from servers import ROOT, Servers
from test_connections import write_and_read

PORTKEY = (ROOT / "rules/portkey.toml").read_text()
CRM = """
[[seal]]
database = "crm"
table = "notes"
tenant = { constant = "main" }
columns = ["body"]
"""
LATER = """
[[seal]]
table = "public.requests"
tenant = { constant = "main" }
columns = [{ name = "note", state = "migrating" }]
"""
LEAVING = LATER.replace("migrating", "unsealing")


def direct(servers, database):
    return psycopg.connect(servers.direct.replace("/app", f"/{database}"), autocommit=True)


def through(servers, database="app"):
    return psycopg.connect(servers.url.replace("/app", f"/{database}"), autocommit=True)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules.toml"
    rules.write_text(PORTKEY)
    with Servers(rules=rules, client_tls="allow") as servers:
        for database in ("crm", "other"):
            with direct(servers, "postgres") as connection:
                connection.execute(f"CREATE DATABASE {database}")
            with direct(servers, database) as connection:
                connection.execute("CREATE TABLE notes (id serial PRIMARY KEY, body text)")
                connection.execute("CREATE TABLE virtual_keys (id serial PRIMARY KEY, key text)")
        yield servers


def reload(servers, expected="pgseal was reloaded"):
    """SIGHUP; gives what the log says of it."""
    before = servers.log.read_text()
    servers.pgseal.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 60
    while expected not in (said := servers.log.read_text().removeprefix(before)):
        assert time.monotonic() < deadline and servers.pgseal.poll() is None, said
        time.sleep(0.05)
    return said


def notes(connection):
    return [body for body, in connection.execute("SELECT body FROM notes ORDER BY id")]


def test_a_rule_names_its_database_and_the_others_are_forwarded(servers):
    with through(servers, "crm") as early:
        early.execute("INSERT INTO notes (body) VALUES ('early')")
        servers.rules.write_text(PORTKEY + CRM)
        reload(servers)
        # It was let through unread until now, and must not be so any longer.
        with pytest.raises(psycopg.OperationalError, match="has rules since"):
            early.execute("INSERT INTO notes (body) VALUES ('late')")
            early.execute("SELECT 1")
    with direct(servers, "crm") as raw:
        raw.execute("TRUNCATE notes")
        for _ in range(2):
            with through(servers, "crm") as crm, through(servers, "other") as other:
                for connection in (crm, other):
                    connection.execute("INSERT INTO notes (body) VALUES (%s), ('literal')", ("parameter",))
                    connection.execute("INSERT INTO virtual_keys (key) VALUES ('no rule here')")
                    assert notes(connection)[-2:] == ["parameter", "literal"]
                assert all(body.startswith("~s1") for body in notes(raw))
                assert crm.execute("SELECT key FROM virtual_keys").fetchone() == ("no rule here",) == raw.execute("SELECT key FROM virtual_keys").fetchone()
                with direct(servers, "other") as plain:
                    assert notes(plain) == notes(other)
            write_and_read(servers.url)
            assert raw.execute("SELECT count(*) FROM pgseal.key").fetchone() == (1,)
            # Again with a proxy that has known both databases from its start.
            assert servers.stop_pgseal() == 0
            servers._pgseal()


def test_a_bad_file_changes_nothing_and_is_named_with_its_line(servers):
    lines = (PORTKEY + CRM).count("\n")
    for text, place in [("[[seal]]\ntabel = 'x'\n", f"rules.toml:{lines + 2}"), ("[[seal]]\ntable = 'no_such'\ntenant = { constant = 'main' }\ncolumns = ['x']\n", f"rules.toml:{lines + 1}")]:
        servers.rules.write_text(PORTKEY + CRM + text)
        assert place in reload(servers, "nothing was reloaded")
        write_and_read(servers.url)
    servers.rules.write_text(PORTKEY + CRM)


def test_rules_that_leave_out_a_sealed_column_are_refused(servers):
    """An emptied file, a rule or a column taken out: what clients write stays sealed."""
    servers.rules.write_text(PORTKEY + CRM + LATER)
    reload(servers)
    less = PORTKEY.replace('columns = ["key", "auth_config"]', 'columns = [{ name = "auth_config", state = "unsealing" }]')
    assert less != PORTKEY
    for text, named in [
        ("", "rules.toml:1: holds no [[seal]]"),
        (PORTKEY + CRM, "public.requests.note"),
        (PORTKEY + LATER, "database crm: the rules leave out public.notes.body"),
        (less + CRM + LATER, "the rules leave out public.virtual_keys.key, where"),
        ("\n".join((CRM, LATER)), "public.virtual_keys.auth_config, public.virtual_keys.key, where"),
    ]:
        servers.rules.write_text(text)
        said = reload(servers, "nothing was reloaded")
        assert named in said and ("unsealing" in said and "pgseal unseal" in said or not text), said
        write_and_read(servers.url)
        with through(servers) as session, through(servers, "crm") as crm, direct(servers, "app") as raw, direct(servers, "crm") as raw_crm:
            session.execute("INSERT INTO requests (note) VALUES ('still sealed')")
            assert raw.execute("SELECT note FROM requests ORDER BY id DESC LIMIT 1").fetchone()[0].startswith("~s1")
            crm.execute("INSERT INTO notes (body) VALUES ('still sealed')")
            assert notes(raw_crm)[-1].startswith("~s1") and notes(crm)[-1] == "still sealed"
    # What was renamed is the same column under its new name, and a column that is gone cannot be left out.
    with direct(servers, "app") as raw:
        raw.execute("ALTER TABLE requests RENAME COLUMN note TO remark")
        servers.rules.write_text(PORTKEY + CRM + LATER.replace('"note"', '"remark", label = "public.requests.note"'))
        reload(servers)
        raw.execute("ALTER TABLE requests DROP COLUMN remark; ALTER TABLE requests ADD COLUMN note text")
        servers.rules.write_text(PORTKEY + CRM)
        reload(servers)
        raw.execute("TRUNCATE requests")


def test_open_sessions_obey_new_rules_at_their_next_statement(servers):
    servers.rules.write_text(PORTKEY + CRM)
    reload(servers)
    insert = "INSERT INTO requests (note) VALUES ($1)"

    async def healing(step):
        connection = await asyncpg.connect(servers.url)
        await connection.execute(insert, "a plain")
        step()
        # The driver prepares again what the server says has changed.
        await connection.execute(insert, "a sealed")
        assert {row["note"] for row in await connection.fetch("SELECT note FROM requests")} >= {"a plain", "a sealed"}
        await connection.close()

    with through(servers) as session, direct(servers, "app") as raw:
        wire = session.pgconn
        wire.prepare(b"old", insert.encode())
        assert wire.exec_prepared(b"old", [b"p plain"]).command_tuples == 1
        session.execute("PREPARE sql_old(text) AS INSERT INTO requests (note) VALUES ($1)")
        servers.rules.write_text(PORTKEY + CRM + LATER)
        asyncio.run(healing(lambda: reload(servers)))
        stale = wire.exec_prepared(b"old", [b"p leaked"])
        assert b"cached plan must not change result type" in stale.error_message
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            session.execute("EXECUTE sql_old('p leaked')")
        wire.prepare(b"new", insert.encode())
        assert wire.exec_prepared(b"new", [b"p sealed"]).command_tuples == 1
        session.execute("INSERT INTO requests (note) VALUES ('p literal')")
        stored = {note for note, in raw.execute("SELECT note FROM requests")}
        assert {note for note in stored if not note.startswith("~s1")} == {"a plain", "p plain"}
        assert {note for note, in session.execute("SELECT note FROM requests")} == {"a plain", "a sealed", "p plain", "p sealed", "p literal"}
        # And back: the operator's word is that nothing is protected here any more.
        for rules in (PORTKEY + CRM + LEAVING, PORTKEY + CRM):
            servers.rules.write_text(rules)
            reload(servers)
        assert {note for note, in session.execute("SELECT note FROM requests")} == stored


def certificate(servers):
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    trust.set_alpn_protocols(["postgresql"])
    with socket.create_connection(("127.0.0.1", servers.listen), timeout=30) as plain, trust.wrap_socket(plain) as stream:
        return stream.getpeercert(binary_form=True)


def test_the_certificate_is_reloaded(servers):
    before = certificate(servers)
    with psycopg.connect(servers.url.replace("sslmode=disable", "sslmode=require"), autocommit=True) as session:
        servers.certificate.write_text("no certificate")
        reload(servers, "nothing was reloaded")
        assert certificate(servers) == before
        shutil.copy(servers.folder / "other.crt", servers.certificate)
        shutil.copy(servers.folder / "other.pem", servers.folder / "pgseal.pem")
        reload(servers)
        assert certificate(servers) not in (before, None)
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_check_and_explain_of_one_database(servers):
    servers.rules.write_text(PORTKEY + CRM)
    run = lambda *arguments: subprocess.run([os.environ["PGSEAL_BIN"], *arguments], env=servers.environment(), capture_output=True, text=True, check=True).stdout
    told = lambda *arguments: [line for line in run("check", *arguments).splitlines() if ": note: " not in line]
    assert told() == ["app: 13 columns are protected", "crm: 1 columns are protected"]
    assert told("--database", "crm") == ["crm: 1 columns are protected"]
    assert "sealed for public.notes.body" in run("explain", "--database", "crm", "INSERT INTO notes (body) VALUES ('x')")
    assert "forwarded" in run("explain", "INSERT INTO notes (body) VALUES ('x')")
