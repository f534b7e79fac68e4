"""DDL by this session, by others and past pgseal: nothing unsealed in between, nothing sealed shown; names; lint and fence."""
import os
import socket
import struct
import subprocess
import time
import uuid

import psycopg
import psycopg.types.json
import pytest
from conftest import MARK, TENANTS, files_with, populate
from servers import ROOT, Servers, raw_login, surroundings

A, B = TENANTS
SECRET = "ddl-secret"
ROW = "INSERT INTO {} (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)"


@pytest.fixture
def client(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def tidy(servers, direct):
    yield
    # Through pgseal, which knows at once that the table has no child any more: other tests need one without.
    with psycopg.connect(servers.url, autocommit=True) as client:
        client.execute("DROP TABLE IF EXISTS ddl_child")
        client.execute("SELECT 1")
    direct.execute("DROP VIEW IF EXISTS ddl_view; DROP TABLE IF EXISTS ddl_child, ddl_later, ddl_copy, ddl_into; DELETE FROM virtual_keys WHERE slug LIKE 'ddl-%'; DROP SCHEMA IF EXISTS ddl_other CASCADE")


def add(client, table="virtual_keys", tenant=A, key=SECRET):
    row = uuid.uuid4()
    client.execute(ROW.format(table), (row, tenant, f"ddl-{row}", key))
    return row


def raw(direct, table="virtual_keys"):
    return [key for key, in direct.execute(f"SELECT key FROM {table} WHERE slug LIKE 'ddl-%'")]


def code(client, sql, *parameters):
    with pytest.raises(psycopg.Error) as raised:
        client.execute(sql, *parameters)
    return raised.value.sqlstate


def test_a_child_is_sealed_from_its_first_row(client, direct):
    client.execute("CREATE TABLE ddl_child () INHERITS (virtual_keys)")
    add(client, "ddl_child")
    assert client.execute("SELECT key FROM ddl_child").fetchall() == [(SECRET,)]
    assert all(key.startswith("~s1") for key in raw(direct, "ddl_child"))


def test_a_child_cannot_be_filled_before_it_is_known(client, direct):
    client.execute("BEGIN")
    client.execute("CREATE TABLE ddl_child () INHERITS (virtual_keys)")
    client.execute("CREATE INDEX ON ddl_child (slug)")
    assert code(client, "INSERT INTO ddl_child (id, key) VALUES (%s, %s)", (uuid.uuid4(), SECRET)) == "0A000"
    client.execute("ROLLBACK")
    text = "CREATE TABLE ddl_child () INHERITS (virtual_keys); INSERT INTO ddl_child (key) VALUES ('x')"
    assert code(client, text) == "0A000"
    with client.transaction():
        client.execute("CREATE TABLE ddl_child () INHERITS (virtual_keys)")
        add(client)
    add(client, "ddl_child")
    assert all(key.startswith("~s1") for key in raw(direct))


def test_a_child_of_several_parents_is_sealed(client, direct):
    direct.execute("CREATE TABLE ddl_later (note text)")
    client.execute("CREATE TABLE ddl_child () INHERITS (ddl_later, virtual_keys)")
    add(client, "ddl_child")
    assert [key[:3] for key in raw(direct)] == ["~s1"]
    direct.execute("DROP TABLE ddl_child")


def test_a_schema_that_gets_another_name_keeps_its_protection(client):
    with client.transaction(force_rollback=True):
        client.execute("ALTER SCHEMA public RENAME TO ddl_moved")
        add(client, "ddl_moved.virtual_keys", key=f"{SECRET} {MARK}")
        assert client.execute("SELECT key FROM ddl_moved.virtual_keys WHERE slug LIKE 'ddl-%'").fetchall() == [(f"{SECRET} {MARK}",)]


def test_the_fast_path_to_a_function_over_a_protected_table(servers, client, direct):
    direct.execute("CREATE FUNCTION ddl_f(x text) RETURNS int LANGUAGE sql AS 'UPDATE virtual_keys SET key = x; SELECT 1'")
    try:
        oid, = direct.execute("SELECT 'ddl_f'::regproc::oid").fetchone()
        deadline = time.monotonic() + 60
        while not refused(client, "SELECT ddl_f(NULL)"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        with socket.create_connection(("127.0.0.1", servers.listen), timeout=60) as stream:
            assert raw_login(stream) == b"Z"
            body = struct.pack("!Ihhhi", oid, 1, 0, 1, len(MARK)) + MARK.encode() + struct.pack("!h", 0)
            stream.sendall(b"F" + struct.pack("!I", len(body) + 4) + body)
            answer = b""
            while not answer.endswith(b"Z\0\0\0\x05I"):
                answer += stream.recv(65536)
            assert answer.startswith(b"E") and b"C0A000" in answer
    finally:
        direct.execute("DROP FUNCTION ddl_f")


def refused(client, sql):
    try:
        # What is prepared keeps the plan that it has.
        client.execute(sql, prepare=False)
    except psycopg.errors.FeatureNotSupported:
        return True
    return False


def test_a_table_that_others_rename_keeps_its_protection_and_so_do_all_others(servers, client, direct):
    before = len(servers.log.read_text())
    direct.execute("ALTER TABLE virtual_keys RENAME TO ddl_moved; CREATE VIEW ddl_view AS SELECT template FROM prompts")
    try:
        deadline = time.monotonic() + 60
        while "rules no longer name their tables" not in servers.log.read_text()[before:]:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        add(client, "ddl_moved", key=f"{SECRET} {MARK}")
        assert client.execute("SELECT key FROM ddl_moved WHERE slug LIKE 'ddl-%'").fetchall() == [(f"{SECRET} {MARK}",)]
        assert code(client, "INSERT INTO ddl_view VALUES ('x')") == "0A000"
    finally:
        direct.execute("ALTER TABLE ddl_moved RENAME TO virtual_keys")
        # The next test finds the rules by their own names again.
        time.sleep(2.5)


def renamed(servers, client, direct, name, new="ddl_secret"):
    """A column of virtual_keys, renamed by others, and what follows at once."""
    direct.execute(f"ALTER TABLE virtual_keys RENAME COLUMN {name} TO {new}")
    try:
        yield new
    finally:
        direct.execute(f"ALTER TABLE virtual_keys RENAME COLUMN {new} TO {name}")


@pytest.fixture
def secret(servers, client, direct):
    yield from renamed(servers, client, direct, "key")
    # The next test finds the rules by their own names again.
    client.execute("DELETE FROM virtual_keys WHERE slug LIKE 'ddl-%'")
    time.sleep(2.5)


def told(servers, text):
    return text in servers.log.read_text().replace('\\"', '"')


def values(name):
    return uuid.uuid4(), A, f"ddl-{name}", f"{MARK} {name}"


def test_a_column_that_others_rename_is_sealed_at_once(servers, client, direct, secret):
    """Without a wait: no statement that names the new column may pass by an old snapshot."""
    insert = ROW.format("virtual_keys").replace(", key)", f", {secret})")
    client.execute(insert, values("one"))
    client.execute("PREPARE ddl_p AS " + insert.replace("%s", "{}").format("$1", "$2", "$3", "$4"))
    client.execute(f"EXECUTE ddl_p ('{uuid.uuid4()}', '{A}', 'ddl-two', '{MARK} two')")
    row = values("three")
    with client.cursor().copy(f"COPY virtual_keys (id, organisation_id, slug, {secret}) FROM STDIN") as copy:
        copy.write_row(row)
    client.execute(f"UPDATE virtual_keys SET {secret} = %s WHERE id = %s", (f"{MARK} changed", row[0]))
    assert [value[:3] for value, in direct.execute(f"SELECT {secret} FROM virtual_keys WHERE slug LIKE 'ddl-%'")] == ["~s1"] * 3
    found = client.execute(f"SELECT {secret}, to_jsonb(v) ->> '{secret}' FROM virtual_keys v WHERE slug LIKE 'ddl-%' ORDER BY slug").fetchall()
    assert found == [(f"{MARK} {name}",) * 2 for name in ("one", "changed", "two")]
    assert code(client, ROW.format("virtual_keys"), values("old")) == "42703"
    assert code(client, f"SELECT id FROM virtual_keys WHERE {secret} = 'x'") == "0A000"
    assert told(servers, 'column "key" was renamed to "ddl_secret"') and told(servers, 'label = "public.virtual_keys.key"')


def test_only_copy_names_the_renamed_column(client, direct, secret):
    with client.cursor().copy(f"COPY virtual_keys (id, organisation_id, slug, {secret}) FROM STDIN") as copy:
        copy.write_row(values("only"))
    assert [value[:3] for value, in direct.execute(f"SELECT {secret} FROM virtual_keys WHERE slug LIKE 'ddl-%'")] == ["~s1"]


def test_a_tenant_column_that_others_rename_is_followed(servers, client, direct):
    followed = renamed(servers, client, direct, "organisation_id", "ddl_owner")
    owner = next(followed)
    try:
        # Until then nobody knows whose the row would be.
        until(lambda: told(servers, 'column "organisation_id" of public.virtual_keys was renamed to "ddl_owner"'))
        row = values("owned")
        client.execute(ROW.format("virtual_keys").replace("organisation_id", owner), row)
        client.execute("UPDATE virtual_keys SET key = %s WHERE id = %s", (f"{MARK} found", row[0]))
        assert client.execute(f"SELECT key, {owner} FROM virtual_keys WHERE id = %s", (row[0],)).fetchall() == [(f"{MARK} found", A)]
        assert [key[:3] for key in raw(direct)] == ["~s1"]
    finally:
        followed.close()
        time.sleep(2.5)


@pytest.fixture
def stand_in(direct):
    """Another table under the name of integrations, for others to change."""
    direct.execute("ALTER TABLE integrations RENAME TO ddl_kept; CREATE TABLE integrations (LIKE ddl_kept INCLUDING ALL)")
    yield
    direct.execute("DROP TABLE integrations CASCADE; ALTER TABLE ddl_kept RENAME TO integrations")
    time.sleep(2.5)


INTEGRATION = "INSERT INTO integrations (id, organisation_id, name, {}) VALUES (%s, %s, 'n', %s)"


def until(found):
    deadline = time.monotonic() + 60
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_of_a_column_that_others_drop_nothing_is_left_and_the_rest_goes_on(servers, client, direct, stand_in):
    def sealed():
        direct.execute("DELETE FROM integrations")
        client.execute(INTEGRATION.format("certificate"), (uuid.uuid4(), A, b"not marked"))
        return direct.execute("SELECT certificate FROM integrations").fetchone()[0].startswith(b"\xf8sv")

    until(sealed)
    direct.execute("ALTER TABLE integrations DROP COLUMN certificate; DELETE FROM integrations")
    until(lambda: told(servers, 'column "certificate" was dropped'))
    client.execute(INTEGRATION.format("credentials"), (uuid.uuid4(), A, psycopg.types.json.Jsonb({"c": MARK})))
    assert direct.execute("SELECT credentials #>> '{}' FROM integrations").fetchone()[0][:3] == "~s1"
    assert client.execute("SELECT credentials FROM integrations").fetchone() == ({"c": MARK},)
    assert code(client, INTEGRATION.format("certificate"), (uuid.uuid4(), A, b"x")) == "42703"
    # New views of other tables are seen as before.
    direct.execute("CREATE VIEW ddl_view AS SELECT slug, key FROM virtual_keys")
    until(lambda: code(client, "INSERT INTO ddl_view VALUES (NULL, NULL)") == "0A000")


def test_a_table_that_its_rule_no_longer_fits_is_refused_alone(servers, client, direct, stand_in):
    direct.execute("ALTER TABLE integrations ALTER certificate TYPE int USING 1")
    until(lambda: refused(client, "SELECT 1 FROM integrations"))
    with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        client.execute(INTEGRATION.format("credentials"), (uuid.uuid4(), A, psycopg.types.json.Jsonb("x")))
    assert "public.integrations" in raised.value.diag.message_primary and "refused-unfit" in raised.value.diag.message_hint
    add(client)
    assert [key[:3] for key in raw(direct)] == ["~s1"]
    assert "public.integrations.certificate has type int4" in servers.log.read_text()


LEADING = [
    ["CREATE VIEW ddl_two AS SELECT * FROM ddl_view"], ["CREATE VIEW ddl_one AS TABLE ddl_view", "ALTER VIEW ddl_one RENAME TO ddl_two"], ["ALTER VIEW ddl_view RENAME TO ddl_two"],
]


@pytest.mark.parametrize("ddl", LEADING)
def test_what_leads_to_a_new_view_takes_no_plaintext(client, direct, ddl):
    """In the transaction, or the text, that makes both."""
    ddl = ["CREATE VIEW ddl_view AS SELECT id, organisation_id, slug, key FROM virtual_keys", *ddl]
    row = f"INSERT INTO ddl_two VALUES ('{uuid.uuid4()}', '{A}', 'ddl-two', '{SECRET}')"
    with client.transaction(force_rollback=True):
        for sql in ddl:
            client.execute(sql)
        assert code(client, row) == "0A000"
    assert code(client, "; ".join([*ddl, row])) == "0A000"
    for sql in (f"DO $$ BEGIN INSERT INTO ddl_view VALUES ('{SECRET}'); END $$", "CREATE FUNCTION ddl_f(x text) RETURNS void LANGUAGE sql AS 'INSERT INTO ddl_view (key) VALUES (x)'"):
        with client.transaction(force_rollback=True):
            client.execute(ddl[0])
            assert code(client, sql) == "0A000"
    assert raw(direct) == []


def test_a_table_that_only_refers_to_a_protected_one_can_be_filled_at_once(client):
    with client.transaction(force_rollback=True):
        client.execute("CREATE TABLE ddl_refers (id int, owner uuid REFERENCES virtual_keys)")
        client.execute("INSERT INTO ddl_refers VALUES (1, NULL)")
        client.execute("ALTER TABLE ddl_refers ADD FOREIGN KEY (owner) REFERENCES virtual_keys")
        assert client.execute("SELECT id FROM ddl_refers").fetchall() == [(1,)]


def test_what_was_prepared_before_its_table_was_protected_is_not_run_any_more(servers, client, direct):
    direct.execute("CREATE TABLE ddl_later (LIKE virtual_keys INCLUDING ALL)")
    insert = ROW.format("ddl_later")
    row = lambda name: (uuid.uuid4(), A, f"ddl-{name}", f"{SECRET} {name}")
    other = "SELECT slug FROM virtual_keys WHERE slug = %s"
    client.execute(insert, row("plain"), prepare=True)
    client.execute(other, ["ddl-plain"], prepare=True)
    assert raw(direct, "ddl_later") == [f"{SECRET} plain"]
    direct.execute("DELETE FROM ddl_later; ALTER TABLE ddl_later INHERIT virtual_keys")
    with psycopg.connect(servers.url, autocommit=True) as younger:
        for _ in range(100):
            younger.execute(insert, row("new"), prepare=False)
            if raw(direct, "ddl_later")[-1].startswith("~s1"):
                break
            direct.execute("DELETE FROM ddl_later")
            time.sleep(0.1)
        assert len(raw(direct, "ddl_later")) == 1
    for _ in range(2):
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="cached plan") as raised:
            client.execute(insert, row("leaked"), prepare=True)
        assert "rules-changed" in raised.value.diag.message_hint
    assert [key[:3] for key in raw(direct, "ddl_later")] == ["~s1"]
    # What concerns the table is refused, nothing else; and it can be prepared again.
    assert client.execute(other, ["ddl-new"], prepare=True).fetchall() == [("ddl-new",)]
    client.execute("DEALLOCATE ALL")
    client.execute(insert.replace("INSERT", "INSERT "), row("again"), prepare=True)
    assert [key[:3] for key in raw(direct, "ddl_later")] == ["~s1", "~s1"]


@pytest.mark.parametrize("prepare,run", [(b"PREPARE ddl_q (text) AS %s", b"EXECUTE ddl_q('%s')"), (None, None)])
@pytest.mark.parametrize("begin", [[], ["BEGIN"]])
def test_what_was_prepared_for_a_table_takes_no_plaintext_once_it_is_a_child(client, direct, begin, prepare, run):
    """By SQL or the protocol; in the transaction that makes it one, too."""
    # Of a name that no snapshot has ever known.
    table = f"ddl_{uuid.uuid4().hex}"
    direct.execute(f"CREATE TABLE {table} (LIKE virtual_keys INCLUDING ALL)")
    wire, insert = client.pgconn, f"INSERT INTO {table} (id, organisation_id, slug, key) VALUES (gen_random_uuid(), '{A}', 'ddl-q', $1)".encode()
    made = wire.exec_(prepare % insert) if prepare else wire.prepare(b"ddl_q", insert)
    assert made.status == psycopg.pq.ExecStatus.COMMAND_OK
    execute = lambda value: wire.exec_(run % value) if run else wire.exec_prepared(b"ddl_q", [value])
    assert execute(b"plain").status == psycopg.pq.ExecStatus.COMMAND_OK and raw(direct, table) == ["plain"]
    direct.execute(f"DELETE FROM {table}")
    for sql in [*begin, f"ALTER TABLE {table} INHERIT virtual_keys"]:
        client.execute(sql)
    refused = execute(SECRET.encode())
    assert b"cached plan must not change result type" in refused.error_message
    client.execute("ROLLBACK" if begin else "SELECT 1")
    assert raw(direct, table) == []
    if begin:
        # It never became one.
        assert execute(b"plain").status == psycopg.pq.ExecStatus.COMMAND_OK and raw(direct, table) == ["plain"]
    client.execute(f"DROP TABLE {table}")


def test_a_copy_that_is_made_anew_is_read_by_what_was_prepared(client):
    for _ in range(3):
        client.execute("DROP TABLE IF EXISTS ddl_copy")
        client.execute("CREATE TABLE ddl_copy AS SELECT id, slug FROM virtual_keys")
        client.execute("SELECT id FROM ddl_copy", prepare=True)


def test_statements_that_sql_deallocates_leave_the_others_as_they_are(client, direct):
    """PDO, Rails and psycopg end statements in this way: what the protocol has prepared is not kept for ever."""
    wire = client.pgconn
    assert wire.prepare(b"kept", b"SELECT 1").status == psycopg.pq.ExecStatus.COMMAND_OK
    padding = "x" * 4000
    for number in range(100):
        wire.prepare(b"gone", f"SELECT {number} -- {padding}".encode())
        ended = wire.exec_(b"DEALLOCATE gone") if number % 2 else wire.exec_params(b"DEALLOCATE gone", [])
        assert ended.status == psycopg.pq.ExecStatus.COMMAND_OK, ended.error_message
    direct.execute("CREATE VIEW ddl_view AS SELECT slug, key FROM virtual_keys")
    until(lambda: code(client, "INSERT INTO ddl_view VALUES (NULL, NULL)") == "0A000")
    assert wire.exec_prepared(b"kept", []).status == psycopg.pq.ExecStatus.TUPLES_OK


def test_a_view_made_while_the_rules_no_longer_fit_takes_no_plaintext(servers, direct):
    direct.execute("ALTER TABLE integrations RENAME COLUMN certificate TO ddl_renamed")
    try:
        with psycopg.connect(servers.url, autocommit=True) as client:
            client.execute("CREATE VIEW ddl_view AS SELECT * FROM virtual_keys")
            assert code(client, ROW.format("ddl_view"), (uuid.uuid4(), A, "ddl-x", SECRET)) == "0A000"
            assert raw(direct) == []
    finally:
        direct.execute("ALTER TABLE integrations RENAME COLUMN ddl_renamed TO certificate")
        # The next test finds the rules in force again.
        time.sleep(2.5)


def test_a_view_of_another_session_never_shows_sealed_values(client, direct):
    add(client)
    direct.execute("CREATE VIEW ddl_view AS SELECT slug, key FROM virtual_keys")
    deadline = time.monotonic() + 60
    while True:
        try:
            found = client.execute("SELECT key FROM ddl_view WHERE slug LIKE 'ddl-%'").fetchall()
        except psycopg.errors.FeatureNotSupported:
            assert time.monotonic() < deadline
            continue
        assert found == [(SECRET,)]
        return


def test_views_and_copies_made_through_pgseal(client, direct):
    add(client)
    client.execute("CREATE VIEW ddl_view AS SELECT slug, key FROM virtual_keys")
    assert client.execute("SELECT key FROM ddl_view WHERE slug LIKE 'ddl-%'").fetchall() == [(SECRET,)]
    told = []
    client.add_notice_handler(lambda notice: told.append(notice.message_primary))
    client.execute("CREATE TABLE ddl_copy AS SELECT slug, key FROM virtual_keys")
    client.execute("SELECT slug, key INTO ddl_into FROM virtual_keys")
    client.execute("EXPLAIN CREATE TABLE ddl_copy2 AS SELECT key FROM virtual_keys")
    assert len(told) == 2 and all("stay sealed" in text for text in told)
    for table in ("ddl_copy", "ddl_into"):
        assert all(key.startswith("~s1") for key in raw(direct, table)) and raw(direct, table)
    assert code(client, "CREATE TABLE ddl_copy2 AS SELECT upper(key) FROM virtual_keys") == "0A000"


HARMLESS = [
    "ALTER TABLE virtual_keys ADD COLUMN ddl_note text", "UPDATE virtual_keys SET ddl_note = 'n' WHERE slug LIKE 'ddl-%'",
    "CREATE INDEX ddl_index ON virtual_keys (ddl_note)", "COMMENT ON COLUMN virtual_keys.key IS 'sealed'", "ANALYZE virtual_keys", "VACUUM virtual_keys",
    "REINDEX TABLE virtual_keys", "CLUSTER virtual_keys USING virtual_keys_pkey", "GRANT SELECT ON virtual_keys TO PUBLIC", "REVOKE SELECT ON virtual_keys FROM PUBLIC",
    "BEGIN; LOCK TABLE virtual_keys; COMMIT", "SELECT count(*), count(key), min(slug) FROM virtual_keys GROUP BY status", "SELECT ctid, tableoid::regclass, slug FROM ONLY virtual_keys",
    "ALTER TABLE virtual_keys DROP COLUMN ddl_note",
    # As migrations write it: no value of a sealed column changes.
    'ALTER TABLE "virtual_keys" ALTER COLUMN "auth_config" TYPE jsonb USING "auth_config"::jsonb', "ALTER TABLE virtual_keys ALTER key DROP DEFAULT, ALTER key DROP NOT NULL",
    'ALTER TABLE "guardrails" ALTER COLUMN "organisation_id" SET NOT NULL;ALTER TABLE "guardrails" ALTER COLUMN "organisation_id" TYPE UUID;',
    "ALTER TABLE virtual_keys ALTER COLUMN key SET STATISTICS 10, ALTER key SET STORAGE external", "ALTER TABLE virtual_keys ALTER key SET STORAGE extended",
    "CREATE INDEX ddl_index ON virtual_keys (slug) WHERE key IS NOT NULL", "DROP INDEX ddl_index",
    "ALTER TABLE virtual_keys ADD CONSTRAINT ddl_check CHECK (key IS NOT NULL OR slug <> '')", "ALTER TABLE virtual_keys DROP CONSTRAINT ddl_check",
    "CREATE POLICY ddl_policy ON virtual_keys USING (slug <> '')", "ALTER POLICY ddl_policy ON virtual_keys RENAME TO ddl_other", "DROP POLICY ddl_other ON virtual_keys",
    # What is only called as a protected table is.
    "CREATE ROLE configs", "ALTER ROLE configs RENAME TO guardrails", "DROP ROLE guardrails", "CREATE SCHEMA prompts", "DROP SCHEMA prompts",
    "CREATE FUNCTION pg_temp.ddl_named(arg int) RETURNS int LANGUAGE sql AS 'SELECT $1'", "SELECT pg_temp.ddl_named(arg => 1), * FROM virtual_keys, pg_temp.ddl_named(arg := 2) LIMIT 1",
]
BREAKING = [
    "ALTER TABLE virtual_keys RENAME TO keys", "ALTER TABLE virtual_keys RENAME COLUMN key TO secret", "ALTER TABLE virtual_keys ALTER COLUMN key TYPE varchar(10)",
    "ALTER TABLE virtual_keys ALTER key SET DEFAULT 'x'", "CREATE INDEX ON virtual_keys (lower(key))", "CREATE PUBLICATION ddl_keys FOR TABLE virtual_keys (id, key) WHERE (id IS NOT NULL AND key <> 'x')", "ALTER TABLE virtual_keys ADD CHECK (key <> '')",
    "ALTER TABLE virtual_keys ADD COLUMN l int GENERATED ALWAYS AS (length(key)) STORED", "CREATE VIEW ddl_view AS SELECT upper(key) FROM virtual_keys",
    "DO $$ BEGIN UPDATE virtual_keys SET key = 'x'; END $$", "ALTER TABLE virtual_keys SET SCHEMA pg_temp", "ALTER TABLE virtual_keys DROP COLUMN organisation_id",
    "CREATE RULE r AS ON INSERT TO virtual_keys DO ALSO INSERT INTO requests (note) VALUES (NEW.key)",
    f"CREATE INDEX ON virtual_keys (slug) WHERE key = '{MARK}'", f"ALTER TABLE virtual_keys ALTER key SET NOT NULL, ALTER key SET DEFAULT '{MARK}'",
    f"CREATE POLICY ddl_policy ON virtual_keys USING (key = '{MARK}')", f"SELECT * FROM ts_stat('SELECT to_tsvector(key) FROM virtual_keys WHERE key = ''{MARK}''')",
    f"SELECT query_to_xml('SELECT 1 FROM virtual_keys WHERE key = ''{MARK}''', true, true, '')",
    "CREATE TABLE ddl_child (key text DEFAULT 'x') INHERITS (virtual_keys)", "CREATE TABLE ddl_child (CHECK (key <> 'x')) INHERITS (virtual_keys)",
]


def test_ddl_that_leaves_sealed_columns_alone(client):
    for sql in HARMLESS:
        client.execute(sql)


@pytest.mark.parametrize("sql", BREAKING)
def test_ddl_that_would_break_protection(client, sql):
    with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        client.execute(sql)
    assert "docs/errors.md#refused-" in raised.value.diag.message_hint and raised.value.diag.message_detail


@pytest.mark.parametrize("whole", [False, True], ids=["one by one", "one text"])
def test_a_column_is_known_to_the_transaction_that_adds_it(client, direct, whole):
    """As migrations do: the column is added, filled and read before anything is committed; ORMs name its table with it."""
    row = add(client)
    steps = [
        "BEGIN", 'ALTER TABLE "virtual_keys" ADD COLUMN "ddl_new" text, ADD COLUMN IF NOT EXISTS "Ddl other" int', 'UPDATE "virtual_keys" SET "ddl_new" = \'filled\' WHERE "virtual_keys"."ddl_new" IS NULL',
        "ALTER TABLE virtual_keys RENAME COLUMN ddl_new TO ddl_newer", f"UPDATE virtual_keys v SET key = 'ddl-newer' WHERE v.ddl_newer = 'filled' AND organisation_id = '{A}' AND id = '{row}' RETURNING v.ddl_newer",
        f'SELECT v."ddl_newer", "v"."Ddl other", v.key, x.ddl_newer FROM virtual_keys v JOIN (SELECT * FROM virtual_keys) x USING (id) WHERE v.id = \'{row}\'',
    ]
    try:
        for sql in ["; ".join(steps)] if whole else steps:
            found = client.execute(sql)
        while whole and found.nextset():
            pass
        assert found.fetchall() == [("filled", None, "ddl-newer", "filled")]
        with pytest.raises(psycopg.errors.UndefinedColumn):
            client.execute("SELECT v.ddl_new FROM virtual_keys v")
        client.execute("ROLLBACK")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            client.execute("SELECT v.ddl_newer FROM virtual_keys v")
    finally:
        client.execute("ROLLBACK")


def test_a_sealed_column_that_gets_another_name_by_what_its_table_hangs_on_takes_no_plaintext(direct, servers, tmp_path):
    """Inside a transaction nobody else sees the name, and no statement may say that it is a sealed column's."""
    rules, schema = tmp_path / "rules.toml", tmp_path / "schema.sql"
    rules.write_text("".join(f"[[seal]]\ntable = 'public.{table}'\ntenant = 'org'\ncolumns = ['secret', 'later']\n" for table in ("kid", "typed")))
    schema.write_text(
        "CREATE TABLE par (id int, org text, secret text); CREATE TABLE kid (later text) INHERITS (par);"
        "CREATE TYPE comp AS (id int, org text, secret text, later text); CREATE TABLE typed OF comp;"
    )
    changes = {
        "ALTER TABLE par RENAME secret TO s2": ("kid", "s2"), "ALTER TABLE par RENAME COLUMN org TO s2": ("kid", "s2"), "ALTER TABLE par ALTER secret TYPE text USING 'x'": ("kid", "secret"),
        "ALTER TABLE par ALTER secret SET DEFAULT 'x'": ("kid", "id"), "ALTER TABLE par ADD COLUMN later text": ("kid", "later"), "ALTER TABLE IF EXISTS public.par ADD COLUMN IF NOT EXISTS later text": ("par", "later"),
        "ALTER TYPE comp RENAME ATTRIBUTE secret TO s2 CASCADE": ("typed", "s2"), "ALTER TYPE comp ADD ATTRIBUTE later text CASCADE": ("typed", "later"),
    }
    with Servers(rules=rules, schema=schema) as own, psycopg.connect(own.url, autocommit=True) as client, psycopg.connect(own.direct, autocommit=True) as past:
        past.execute("ALTER TABLE kid DROP COLUMN later; ALTER TYPE comp DROP ATTRIBUTE later CASCADE")
        past.execute("ALTER SYSTEM SET log_statement = 'all'")
        past.execute("SELECT pg_reload_conf()")
        for table in ("kid", "typed"):
            client.execute(f"INSERT INTO {table} (id, org, secret) VALUES (1, 'a', '{MARK} there')")
        time.sleep(2.5)
        for change, (table, column) in changes.items():
            for number, sql in enumerate((f"INSERT INTO {table} (org, {column}) VALUES ('a', %s)", f"UPDATE {table} SET {column} = %s WHERE org = 'a'")):
                for values in (None, [f"{MARK} by {column}"]):
                    text = sql if values else sql.replace("%s", f"'{MARK} by {column}'")
                    with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedColumn)):
                        client.execute("BEGIN")
                        client.execute(change)
                        client.execute(text, values)
                    client.execute("ROLLBACK")
        # A name that is misspelt is no reason to show the value.
        for sql in (f"INSERT INTO kid (org, sercet) VALUES ('a', '{MARK}')", f"UPDATE typed SET sercet = '{MARK}' WHERE org = 'a'"):
            with pytest.raises(psycopg.errors.UndefinedColumn, match='column "sercet" of relation') as raised:
                client.execute(sql)
            assert raised.value.diag.statement_position == str(sql.index("sercet") + 1)
        for sql in (f"INSERT INTO kid VALUES (2, 'a', 'x', '{MARK}')", f"INSERT INTO kid (org) SELECT 'a', '{MARK}'"):
            with pytest.raises(psycopg.errors.SyntaxError, match="more expressions than target columns") as raised:
                client.execute(sql)
            assert raised.value.diag.statement_position == str(sql.index(f"'{MARK}") + 1)
        # Of others' columns nothing has changed.
        client.execute("BEGIN; ALTER TABLE par ADD COLUMN plain text; UPDATE kid SET plain = 'x' WHERE org = 'a'; COMMIT")
        assert client.execute("SELECT id, secret, plain FROM kid").fetchall() == [(1, f"{MARK} there", "x")]
        assert files_with(MARK, own.folder) == [] != files_with("ADD COLUMN plain", own.folder)


def test_a_column_that_others_add_is_read_at_once(servers, direct):
    with psycopg.connect(servers.url, autocommit=True) as reader:
        try:
            for number in range(5):
                direct.execute(f"ALTER TABLE virtual_keys ADD COLUMN ddl_n{number} int DEFAULT {number}")
                found = reader.execute(f"SELECT DISTINCT v.ddl_n{number} FROM virtual_keys v RIGHT JOIN (SELECT 1) one ON true", prepare=number % 2 == 1).fetchall()
                assert found in ([(number,)], [(None,)])
        finally:
            for number in range(5):
                direct.execute(f"ALTER TABLE virtual_keys DROP COLUMN IF EXISTS ddl_n{number}")


def test_views_and_children_may_be_renamed_and_moved(client, direct):
    """No rule means them by their names."""
    row = add(client)
    for sql in ("CREATE VIEW ddl_view AS SELECT id, key FROM virtual_keys WITH LOCAL CHECK OPTION", "CREATE SCHEMA ddl_other", "ALTER VIEW ddl_view RENAME COLUMN key TO hidden", "ALTER VIEW ddl_view RENAME TO ddl_renamed",
                "ALTER VIEW ddl_renamed SET SCHEMA ddl_other", "CREATE TABLE ddl_child () INHERITS (virtual_keys)", "ALTER TABLE ddl_child RENAME TO ddl_later"):
        client.execute(sql)
    assert client.execute("SELECT hidden FROM ddl_other.ddl_renamed WHERE id = %s", (row,)).fetchall() == [(SECRET,)]
    add(client, "ddl_later")
    assert all(key.startswith("~s1") for key in raw(direct, "ddl_later")) and raw(direct, "ddl_later")
    client.execute("BEGIN")
    client.execute("ALTER TABLE ddl_later SET SCHEMA ddl_other")
    assert code(client, ROW.format("ddl_other.ddl_later"), (uuid.uuid4(), A, "ddl-x", MARK)) == "0A000"
    client.execute("ROLLBACK")
    direct.execute("CREATE TABLE ddl_copy (id int)")
    for sql in ("ALTER VIEW ddl_other.ddl_renamed RENAME TO virtual_keys", "ALTER TABLE ddl_copy RENAME TO virtual_keys", "ALTER TABLE IF EXISTS ONLY public.virtual_keys RENAME TO ddl_x", "ALTER TABLE virtual_keys SET SCHEMA ddl_other"):
        assert code(client, sql) == "0A000", sql


def test_a_publication_sends_rows_by_no_sealed_column(client, direct):
    for sql in (f"CREATE PUBLICATION ddl_p FOR TABLE virtual_keys WHERE (key = '{MARK}')", f"CREATE PUBLICATION ddl_p FOR TABLE requests, virtual_keys WHERE (slug = 'x' OR key LIKE '{MARK}%')"):
        assert code(client, sql) == "0A000"
    if direct.info.server_version >= 150000:
        client.execute("CREATE PUBLICATION ddl_p FOR TABLE virtual_keys (id, key) WHERE (id IS NOT NULL AND key IS NOT NULL)")
        direct.execute("DROP PUBLICATION ddl_p")


def test_functions_that_run_a_text_run_none_on_a_protected_table(client):
    add(client)
    with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        client.execute("SELECT schema_to_xml('public', true, true, '')")
    assert "pgseal fence" in raised.value.diag.message_hint and raised.value.diag.statement_position == "8"
    with client.transaction():
        client.execute("DECLARE ddl_c CURSOR FOR SELECT key FROM virtual_keys WHERE slug LIKE 'ddl-%'")
        with pytest.raises(psycopg.errors.FeatureNotSupported), client.transaction():
            client.execute("SELECT cursor_to_xml('ddl_c', 1, true, true, '')")
        assert client.execute("FETCH ddl_c").fetchall() == [(SECRET,)]
    assert "<a>1</a>" in client.execute("SELECT query_to_xml('SELECT 1 AS a', true, true, '')").fetchone()[0]
    assert "virtual_keys" in client.execute("SELECT query_to_xml('SELECT ''virtual_keys'' AS a', true, true, '')").fetchone()[0]


def test_a_sealed_column_is_dropped_through_pgseal(client, direct, stand_in):
    def sealed():
        direct.execute("DELETE FROM integrations")
        client.execute(INTEGRATION.format("certificate"), (uuid.uuid4(), A, b"not marked"))
        return direct.execute("SELECT certificate FROM integrations").fetchone()[0].startswith(b"\xf8sv")

    until(sealed)
    told = []
    client.add_notice_handler(lambda notice: told.append(notice.message_primary))
    client.execute("ALTER TABLE integrations DROP COLUMN certificate")
    assert len(told) == 1 and "take it out of the rules" in told[0]
    client.execute("DELETE FROM integrations")
    client.execute(INTEGRATION.format("credentials"), (uuid.uuid4(), A, psycopg.types.json.Jsonb({"c": MARK})))
    assert client.execute("SELECT credentials FROM integrations").fetchall() == [({"c": MARK},)]
    assert direct.execute("SELECT credentials #>> '{}' FROM integrations").fetchone()[0][:3] == "~s1"


def test_a_table_that_is_like_a_protected_one_is_told_not_to_be(client):
    told = []
    client.add_notice_handler(lambda notice: told.append(notice.message_primary))
    client.execute("CREATE TABLE ddl_copy (LIKE virtual_keys INCLUDING ALL)")
    assert len(told) == 1 and "no rule names the new table" in told[0]


def test_a_change_of_tenant_that_is_found_when_it_runs_is_named(client, direct):
    row = add(client)
    for new in ("", f", key = '{MARK}', auth_config = NULL"):
        with pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
            client.execute(f"UPDATE virtual_keys SET organisation_id = %s{new} WHERE id = %s", (B, row))
        told = raised.value.diag
        assert "public.virtual_keys.organisation_id" in told.message_primary and told.message_detail and told.statement_position == "25"
    assert direct.execute("SELECT organisation_id FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (A,)


def test_names_mean_what_they_mean_to_the_session(client, direct):
    add(client)
    for name in ("public.virtual_keys", '"virtual_keys"', 'U&"virtual\\005fkeys"', "Virtual_Keys AS v", "ONLY virtual_keys"):
        assert client.execute(f"SELECT key FROM {name} WHERE slug LIKE 'ddl-%'").fetchall() == [(SECRET,)], name
    client.execute("CREATE TEMP TABLE virtual_keys (id int, key text)")
    client.execute("INSERT INTO virtual_keys VALUES (1, 'plain')")
    assert client.execute("SELECT key FROM virtual_keys WHERE key = 'plain'").fetchall() == [("plain",)]
    assert client.execute("SELECT key FROM public.virtual_keys WHERE slug LIKE 'ddl-%'").fetchall() == [(SECRET,)]
    client.execute("DROP TABLE pg_temp.virtual_keys")
    client.execute("CREATE SCHEMA ddl_other")
    client.execute("CREATE TABLE ddl_other.virtual_keys (id int, key text)")
    client.execute("SET search_path = ddl_other, public")
    client.execute("INSERT INTO virtual_keys VALUES (2, 'other')")
    assert client.execute("SELECT key FROM virtual_keys ORDER BY key").fetchall() == [("other",)]
    client.execute("SET search_path = public")
    assert client.execute("SELECT key FROM virtual_keys WHERE slug LIKE 'ddl-%'").fetchall() == [(SECRET,)]
    assert all(key.startswith("~s1") for key in raw(direct))


PATHS = ["SET search_path = {}", "SELECT set_config('search_path', '{}', false)", "RESET search_path", "SET SESSION search_path TO {}, pg_catalog"]


@pytest.mark.parametrize("change", PATHS)
def test_a_prepared_statement_follows_the_search_path_to_no_plaintext(client, direct, change):
    client.execute("CREATE SCHEMA ddl_other")
    client.execute("CREATE TABLE ddl_other.virtual_keys (LIKE virtual_keys INCLUDING DEFAULTS)")
    client.execute("SET search_path = ddl_other")
    insert = ROW.format("virtual_keys")
    row = lambda: (uuid.uuid4(), A, f"ddl-{uuid.uuid4()}", SECRET)
    client.execute(insert, row(), prepare=True)
    client.execute(insert, row(), prepare=True)
    client.execute(change.format("public"))
    # The server would look the name up anew: the statement is to be prepared again.
    for _ in range(3):
        try:
            client.execute(insert, row(), prepare=True)
        except psycopg.errors.FeatureNotSupported as refused:
            assert "prepare" in refused.diag.message_hint
            client.execute("DEALLOCATE ALL")
    stored = raw(direct)
    assert stored and all(key.startswith("~s1") for key in stored)
    assert direct.execute("SELECT key FROM ddl_other.virtual_keys").fetchall() == [(SECRET,), (SECRET,)]
    assert client.execute("SELECT key FROM virtual_keys WHERE slug LIKE 'ddl-%'").fetchall() == [(SECRET,)] * len(stored)


def test_names_in_a_text_that_changes_their_meaning(client, direct):
    client.execute("CREATE SCHEMA ddl_other")
    client.execute("CREATE TABLE ddl_other.virtual_keys (LIKE virtual_keys INCLUDING DEFAULTS)")
    client.execute("CREATE TABLE ddl_other.prompts (id uuid, template text)")
    client.execute("SET search_path = ddl_other")
    insert = f"INSERT INTO {{}}virtual_keys (id, organisation_id, slug, key) VALUES ('{uuid.uuid4()}', '{A}', 'ddl-x', '{SECRET}')"
    assert code(client, "SET search_path = public; " + insert.format("")) == "0A000"
    assert code(client, f"SET search_path = public; PREPARE p AS {insert.format('')}") == "0A000"
    client.execute("SET search_path = public; " + insert.format("public."))
    assert raw(direct) and all(key.startswith("~s1") for key in raw(direct))
    # Both names of a join are asked about.
    assert client.execute("SELECT v.key, p.template FROM virtual_keys v LEFT JOIN prompts p ON p.id = v.id WHERE slug = 'ddl-x'").fetchall() == [(SECRET, None)]
    with client.transaction():
        client.execute("SET LOCAL search_path = ddl_other")
        assert client.execute("SELECT key FROM virtual_keys").fetchall() == []
    assert client.execute("SELECT key FROM virtual_keys WHERE slug = 'ddl-x'").fetchall() == [(SECRET,)]


def test_a_name_of_two_tables_behind_other_statements(client, direct):
    add(client)
    client.execute("CREATE SCHEMA ddl_other")
    client.execute("CREATE TABLE ddl_other.virtual_keys (LIKE virtual_keys INCLUDING DEFAULTS)")
    query, insert = "SELECT key FROM virtual_keys WHERE slug LIKE 'ddl-%'", f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (gen_random_uuid(), '{A}', 'ddl-x', '{SECRET}')"

    def last(sql):
        cursor = client.execute(sql)
        while cursor.nextset():
            pass
        return cursor

    for first in ("SELECT 1", "SET statement_timeout = 0; SELECT now(), count(*) FROM pg_class", "BEGIN; SHOW search_path", "SAVEPOINT s"):
        assert last(f"{first}; {query}").fetchall() == [(SECRET,)], first
    last(f"RELEASE s; {insert}; COMMIT")
    assert len(raw(direct)) == 2 and all(key.startswith("~s1") for key in raw(direct))
    # What SET LOCAL says ends with the transaction.
    for end in ("COMMIT", "END", "ROLLBACK"):
        client.execute("BEGIN; SET LOCAL search_path = ddl_other")
        assert code(client, f"{end}; {insert}") == "0A000"
        client.execute("ROLLBACK")
    assert code(client, f"SELECT set_config('search_path', 'ddl_other', false); {query}") == "0A000"
    assert len(raw(direct)) == 2 and direct.execute("SELECT count(*) FROM ddl_other.virtual_keys").fetchone() == (0,)


@pytest.mark.parametrize("driver", [False, True], ids=["simple", "extended"])
def test_execute_where_a_name_has_several_meanings(client, direct, driver):
    client.execute("CREATE SCHEMA ddl_other")
    client.execute("CREATE TABLE ddl_other.virtual_keys (LIKE virtual_keys INCLUDING DEFAULTS)")
    insert = f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (gen_random_uuid(), '{A}', $1, $2)"
    client.execute(f"PREPARE put AS {insert}")
    client.execute("PREPARE got AS SELECT key FROM virtual_keys WHERE slug LIKE 'ddl-%'")
    if driver:
        client.pgconn.prepare(b"driver", b"EXECUTE put('ddl-1', '" + SECRET.encode() + b"')")
        executed = lambda: client.pgconn.exec_prepared(b"driver", [])
    else:
        executed = lambda: client.pgconn.exec_(f"EXECUTE put('ddl-1', '{SECRET}')".encode())

    def put():
        direct.execute("DELETE FROM virtual_keys WHERE slug = 'ddl-1'")
        return executed()

    got = lambda: [key for key, in client.execute("EXECUTE got", prepare=driver)]
    state = lambda result: result.error_field(psycopg.pq.DiagnosticField.SQLSTATE)
    assert state(put()) is None and got() == [SECRET]
    client.execute("SET search_path = ddl_other")
    assert state(put()) == b"0A000" and code(client, "EXECUTE got") == "0A000"
    assert code(client, f"SET search_path = public; EXECUTE put('ddl-1', '{SECRET}')") == "0A000"
    # What was prepared for the plain table, or for any of that name, stores nothing in the other one.
    client.execute(f"PREPARE plain AS {insert}")
    client.execute("EXECUTE plain('ddl-2', 'not secret')")
    client.execute("SET search_path = public")
    assert code(client, f"EXECUTE plain('ddl-2', '{SECRET}')") == "0A000"
    assert state(put()) is None and got() == [SECRET]
    assert direct.execute("SELECT key FROM ddl_other.virtual_keys").fetchall() == [("not secret",)]
    assert [key[:3] for key in raw(direct)] == ["~s1"]
    # A temporary table takes the name over, and gives it back.
    client.execute("CREATE TEMP TABLE virtual_keys (LIKE public.virtual_keys)")
    assert state(put()) == b"0A000"
    client.pgconn.exec_(b"DROP TABLE pg_temp.virtual_keys")
    assert state(put()) is None and got() == [SECRET]


def test_the_search_path_of_a_role(servers, client, direct):
    client.execute("CREATE SCHEMA ddl_other")
    client.execute("CREATE TABLE ddl_other.virtual_keys (id int, key text)")
    direct.execute("CREATE ROLE ddl_role LOGIN; GRANT ALL ON SCHEMA ddl_other TO ddl_role; GRANT ALL ON ddl_other.virtual_keys TO ddl_role; ALTER ROLE ddl_role SET search_path = ddl_other")
    try:
        with psycopg.connect(servers.url, autocommit=True, user="ddl_role") as other:
            other.execute("INSERT INTO virtual_keys VALUES (1, 'plain')")
            assert other.execute("SELECT key FROM virtual_keys WHERE key = 'plain' ORDER BY key").fetchall() == [("plain",)]
    finally:
        direct.execute("DROP OWNED BY ddl_role; DROP ROLE ddl_role")


def test_a_self_join_compares_no_other_rows_tenant(client):
    first, second = add(client), add(client, tenant=B, key="other")
    sql = "SELECT a.key, b.organisation_id FROM virtual_keys a JOIN virtual_keys b ON b.id = %s WHERE a.id = %s"
    assert client.execute(sql, (second, first)).fetchall() == [(SECRET, B)]
    sql = "WITH c AS (SELECT * FROM virtual_keys) SELECT a.key, b.organisation_id FROM c a JOIN c b ON b.id = %s WHERE a.id = %s"
    assert client.execute(sql, (second, first)).fetchall() == [(SECRET, B)]


def command(servers, *arguments, text=""):
    env = surroundings(PGSEAL_RULES=str(ROOT / "rules/portkey.toml"), PGSEAL_KEYRING=f"postgres://postgres@localhost:{servers.port}/app", PGSEAL_UPSTREAM=f"postgres://127.0.0.1:{servers.port}")
    return subprocess.run([os.environ["PGSEAL_BIN"], *arguments], env=env, input=text, capture_output=True, text=True)


def test_lint_and_explain(servers):
    script = "SELECT 1;\nINSERT INTO prompts (id, organisation_id, template) VALUES ($1, $2, $3);\nSELECT *\nFROM prompts ORDER BY template;\n"
    linted = command(servers, "lint", "-", text=script)
    assert linted.returncode == 1, linted.stderr
    assert "line 3:" in linted.stdout and "3 statements: 1 planned, 1 refused, 1 forwarded" in linted.stdout and "refused-order" in linted.stdout
    assert command(servers, "lint", "-", text="SELECT 1").returncode == 0
    said = command(servers, "explain", "INSERT INTO prompts (id, organisation_id, template) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])").stdout
    assert "each element of $3 is sealed for public.prompts.template under the tenant at the same place of $2" in said


def test_the_fence_keeps_plaintext_out(servers, client, direct):
    ddl = command(servers, "fence").stdout
    ours = [line for line in ddl.splitlines() if '"virtual_keys"' in line]
    assert len(ddl.splitlines()) == 13 and len(ours) == 2
    try:
        # Once more, as by `pgseal fence | psql` after each change of the rules.
        for line in ours * 2:
            direct.execute(line)
        add(client)
        client.execute("UPDATE virtual_keys SET auth_config = '{}' WHERE slug LIKE 'ddl-%'")
        assert code(direct, "UPDATE virtual_keys SET key = 'loose' WHERE slug LIKE 'ddl-%'") == "23514"
        assert code(direct, "UPDATE virtual_keys SET auth_config = '{}' WHERE slug LIKE 'ddl-%'") == "23514"
    finally:
        direct.execute("ALTER TABLE virtual_keys DROP CONSTRAINT IF EXISTS pgseal_fence_key, DROP CONSTRAINT IF EXISTS pgseal_fence_auth_config")


VAULT = "CREATE TABLE {}integrations (id uuid, organisation_id uuid, name text, credentials jsonb, certificate bytea{})"
LITERAL = f"INSERT INTO integrations (id, organisation_id, name, certificate) VALUES (gen_random_uuid(), '{A}', 'n', '{MARK}')"


def is_sealed(client, direct):
    """The one row that was inserted last."""
    assert [value[:3] for value, in direct.execute("SELECT certificate FROM integrations")] == [b"\xf8sv"]
    assert client.execute("SELECT certificate FROM integrations").fetchall() == [(MARK.encode(),)]
    direct.execute("DELETE FROM integrations")


def the_rule_means(client, direct):
    """The stand-in, once it is known."""
    def sealed():
        direct.execute("DELETE FROM integrations")
        client.execute(INTEGRATION.format("certificate"), (uuid.uuid4(), A, b"not marked"))
        return direct.execute("SELECT certificate FROM integrations").fetchone()[0].startswith(b"\xf8sv")

    until(sealed)
    direct.execute("DELETE FROM integrations")


def test_a_table_that_is_dropped_and_made_anew_takes_no_plaintext(servers, client, direct, stand_in):
    the_rule_means(client, direct)
    for _ in range(3):
        client.execute("DROP TABLE integrations")
        assert code(client, LITERAL) == "42P01"
        client.execute(VAULT.format("", ""))
        client.execute(LITERAL)
        is_sealed(client, direct)
    client.execute("DROP TABLE integrations")
    with client.transaction(force_rollback=True):
        client.execute(VAULT.format("IF NOT EXISTS public.", ""))
        assert code(client, LITERAL) == "0A000"
    with client.transaction(force_rollback=True):
        client.execute(VAULT.format("", ""))
        client.execute("CREATE INDEX ON integrations (name)")
        with pytest.raises(psycopg.errors.FeatureNotSupported), client.cursor() as cursor:
            with cursor.copy("COPY integrations (certificate) FROM STDIN") as copy:
                copy.write_row((MARK.encode(),))
    assert code(client, f"{VAULT.format('', '')}; {LITERAL}") == "0A000"
    assert code(client, VAULT.format("", f" DEFAULT '{MARK}'")) == "0A000"
    assert code(client, f"CREATE TABLE integrations AS SELECT '{MARK}'::bytea AS certificate") == "0A000"
    assert code(client, f"SELECT '{MARK}'::bytea AS certificate INTO integrations") == "0A000"
    # Others make it: who comes next finds it, without waiting for the next look at the catalog.
    direct.execute(VAULT.format("", ""))
    client.execute(LITERAL)
    is_sealed(client, direct)
    with client.transaction():
        client.execute("DROP TABLE integrations")
        client.execute(VAULT.format("", ""))
    client.execute(LITERAL)
    is_sealed(client, direct)


def test_a_sealed_column_that_is_dropped_and_made_anew_takes_no_plaintext(client, direct, stand_in):
    the_rule_means(client, direct)
    for drop in ("DROP certificate", "DROP COLUMN certificate, DROP credentials"):
        client.execute(f"ALTER TABLE integrations {drop}")
        assert code(client, f"ALTER TABLE integrations ADD COLUMN certificate bytea NOT NULL DEFAULT '{MARK}'") == "0A000"
        with client.transaction(force_rollback=True):
            client.execute("ALTER TABLE integrations ADD COLUMN note text DEFAULT 'x', ADD certificate bytea")
            assert code(client, LITERAL) == "0A000"
        with client.transaction(force_rollback=True):
            client.execute("ALTER TABLE integrations ADD COLUMN note text DEFAULT 'x'")
            client.execute("UPDATE integrations SET note = 'y'")
        client.execute("ALTER TABLE integrations ADD COLUMN IF NOT EXISTS certificate bytea")
        client.execute(LITERAL)
        is_sealed(client, direct)


def test_code_uses_no_statement_or_cursor_on_a_protected_table(client, direct):
    row = add(client)
    client.execute(f"PREPARE ddl_p (text) AS UPDATE virtual_keys SET key = $1 WHERE id = '{row}' AND organisation_id = '{A}'")
    assert code(client, f"DO $$ BEGIN EXECUTE 'EXECUTE ddl_p(''{MARK}'')'; END $$") == "0A000"
    client.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ddl_q'; EXCEPTION WHEN OTHERS THEN NULL; END $$")
    with client.transaction(force_rollback=True):
        client.execute("DECLARE ddl_c CURSOR FOR SELECT key FROM virtual_keys")
        assert code(client, "DO $$ DECLARE c refcursor := 'ddl_c'; k text; BEGIN FETCH c INTO k; RAISE NOTICE '%', k; END $$") == "0A000"
    client.execute(f"EXECUTE ddl_p('{MARK}')")
    assert client.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (MARK,)
    client.execute("DEALLOCATE ddl_p")
    assert all(key.startswith("~s1") for key in raw(direct))


def test_what_a_prepared_transaction_makes_is_known_when_it_is_committed():
    with Servers() as servers:
        populate(servers)
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            direct.execute("ALTER SYSTEM SET max_prepared_transactions = 2")
        servers.stop_pgseal()
        servers.stop_postgres()
        servers.start_postgres()
        servers._pgseal()
        with psycopg.connect(servers.url, autocommit=True) as client, psycopg.connect(servers.direct, autocommit=True) as direct:
            client.execute("BEGIN")
            client.execute("CREATE TABLE ddl_child () INHERITS (virtual_keys)")
            client.execute("PREPARE TRANSACTION 'ddl'")
            # Whoever looks for what has changed has looked by then.
            time.sleep(2.5)
            client.execute("COMMIT PREPARED 'ddl'")
            add(client, "ddl_child")
            assert [key[:3] for key in raw(direct, "ddl_child")] == ["~s1"]


def test_a_query_makes_no_table_anew_that_the_transaction_has_dropped(client, direct):
    row = add(client)
    for sql in (f"CREATE TABLE virtual_keys AS SELECT '{SECRET}' AS key", f"SELECT '{SECRET}' AS key INTO public.virtual_keys", f"CREATE TABLE IF NOT EXISTS virtual_keys (key) AS VALUES ('{SECRET}')"):
        client.execute("BEGIN; DROP TABLE virtual_keys CASCADE")
        assert code(client, sql) == "0A000", sql
        client.execute("ROLLBACK")
    # Of another schema, or a temporary one, it is another table.
    client.execute("CREATE SCHEMA ddl_other; CREATE TABLE ddl_other.virtual_keys AS SELECT 'plain' AS key")
    client.execute("SELECT 'plain' AS key INTO TEMP virtual_keys")
    client.execute("DROP TABLE pg_temp.virtual_keys; DROP SCHEMA ddl_other CASCADE")
    assert client.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == (SECRET,)


def test_a_function_over_a_protected_table_runs_under_no_other_name(client, direct):
    add(client)
    direct.execute("CREATE FUNCTION ddl_f(int, int) RETURNS text LANGUAGE sql AS 'SELECT max(key) FROM virtual_keys'; CREATE OPERATOR @@@ (FUNCTION = ddl_f, LEFTARG = int, RIGHTARG = int);"
                   "CREATE TYPE ddl_type AS (k text); CREATE DOMAIN ddl_domain AS ddl_type; CREATE FUNCTION ddl_cast(int) RETURNS ddl_type LANGUAGE plpgsql AS 'BEGIN RETURN ROW($1 @@@ 2); END';"
                   "CREATE CAST (int AS ddl_type) WITH FUNCTION ddl_cast(int); CREATE VIEW ddl_by_operator AS SELECT 1 @@@ 2 AS k; CREATE FUNCTION ddl_second(text, int) RETURNS text LANGUAGE sql AS 'SELECT $1';"
                   "CREATE FUNCTION ddl_last(text) RETURNS text LANGUAGE sql AS 'SELECT 1 OPERATOR(public.@@@) 2'; CREATE AGGREGATE ddl_all(int) (SFUNC = ddl_second, STYPE = text, FINALFUNC = ddl_last);"
                   "CREATE FUNCTION ddl_newest(requests) RETURNS text LANGUAGE sql AS 'SELECT max(key) FROM virtual_keys'; INSERT INTO requests (note) VALUES ('ddl-note')")
    try:
        until(lambda: refused(client, "SELECT * FROM ddl_by_operator"))
        for sql in ("SELECT 1 @@@ 2", "SELECT id FROM requests WHERE 'x' = 1 OPERATOR(public.@@@) 2", "SELECT (1::ddl_type).k", "SELECT CAST(1 AS public.ddl_type)", "SELECT 1::ddl_domain", "SELECT ddl_type(1)",
                    "SELECT ddl_all(1)", "COPY (SELECT 1 @@@ 2) TO STDOUT", "PREPARE ddl_p AS SELECT $1 @@@ 2",
                    "SELECT r.ddl_newest FROM requests r", "SELECT (r).ddl_newest FROM requests r", "SELECT ((q.r)).ddl_newest FROM (SELECT r FROM requests r) q", "UPDATE requests r SET note = (r).ddl_newest"):
            assert refused(client, sql), sql
        assert client.execute("SELECT 1 AS ddl_type, '@@@', (q).ddl_newest FROM (SELECT 2 AS ddl_newest) q").fetchone() == (1, "@@@", 2)
        client.execute("PREPARE ddl_p AS SELECT $1::text")
        assert refused(client, "EXECUTE ddl_p(1 @@@ 2)") and refused(client, "EXECUTE ddl_p(ddl_f(1, 2))")
    finally:
        direct.execute("DELETE FROM requests WHERE note = 'ddl-note'; DROP FUNCTION ddl_newest; DROP VIEW ddl_by_operator; DROP AGGREGATE ddl_all(int); DROP FUNCTION ddl_second, ddl_last; DROP CAST (int AS ddl_type); DROP FUNCTION ddl_cast; DROP DOMAIN ddl_domain; DROP TYPE ddl_type; "
                       "DROP OPERATOR @@@ (int, int); DROP FUNCTION ddl_f(int, int)")


def test_a_view_over_a_function_is_one_over_its_table(client, direct):
    add(client)
    direct.execute("CREATE FUNCTION ddl_f(a text, b text) RETURNS text LANGUAGE sql AS 'SELECT max(key) FROM virtual_keys';"
                   "CREATE AGGREGATE ddl_all(text) (SFUNC = ddl_f, STYPE = text); CREATE VIEW ddl_view AS SELECT ddl_f('a', 'b') AS k; CREATE VIEW ddl_over AS TABLE ddl_view")
    try:
        until(lambda: refused(client, "SELECT k FROM ddl_view"))
        assert refused(client, "SELECT * FROM ddl_over") and refused(client, "SELECT ddl_all('x')")
    finally:
        direct.execute("DROP VIEW ddl_over, ddl_view; DROP AGGREGATE ddl_all(text); DROP FUNCTION ddl_f")
