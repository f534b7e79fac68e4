"""`pgseal check`, and what a running pgseal warns of: whatever else in the schema works on sealed columns."""
import os
import re
import subprocess
import time

import psycopg
import pytest
from servers import MAJOR, ROOT, Servers

SCHEMA = """
CREATE TABLE searched (id int PRIMARY KEY, tenant text NOT NULL, email text, note varchar(300));
CREATE TABLE parted (id int, tenant text NOT NULL, secret text) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
"""
RULES = """
[[seal]]
table = "public.searched"
tenant = "tenant"
columns = [{ name = "email", search = "exact" }, "note"]

[[seal]]
table = "public.parted"
tenant = "tenant"
columns = ["secret"]
"""
COLUMNS = 13 + 2 + 3


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("check")
    (folder / "rules.toml").write_text((ROOT / "rules/portkey.toml").read_text() + RULES)
    (folder / "schema.sql").write_text(SCHEMA)
    with Servers(rules=folder / "rules.toml", schema=folder / "schema.sql") as servers:
        yield servers


@pytest.fixture
def direct(servers):
    with psycopg.connect(servers.direct, autocommit=True) as connection:
        yield connection


def check(servers, *arguments):
    done = subprocess.run([os.environ["PGSEAL_BIN"], "check", *arguments], env=servers.environment(), capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def findings(said):
    """Those that the schema of the tests does not have by itself."""
    return [line for line in said.splitlines() if re.match("app: (error|warning):", line) and "searched.note: varchar(300)" not in line]


def test_a_schema_that_fits(servers):
    code, said, _ = check(servers)
    lines = said.splitlines()
    assert code == 0 and findings(said) == []
    assert lines[-1] == f"app: {COLUMNS} columns are protected; 0 errors, 1 warnings"
    # 300 characters hold base64 of 222 bytes, 49 of which are not the plaintext.
    assert any("warning: public.searched.note: varchar(300) holds sealed values of 173 bytes of plaintext at most" in line for line in lines)
    assert any(line.startswith("app: note: no fence keeps plaintext out of 16 of 16 columns") for line in lines)
    assert any(line.startswith("app: note: no lease is installed") for line in lines)
    assert check(servers, "--deny-warnings")[0] == 1


# What is made, how it is taken back, the place and words of what is told; None: nothing.
BREAKING = {
    "default": ("ALTER TABLE virtual_keys ALTER key SET DEFAULT 'plain'", "ALTER TABLE virtual_keys ALTER key DROP DEFAULT", "error: public.virtual_keys.key: its DEFAULT"),
    "domain_default": ("CREATE DOMAIN check_d AS text DEFAULT 'plain'; ALTER TABLE prompts ALTER template TYPE check_d", "ALTER TABLE prompts ALTER template TYPE text; DROP DOMAIN check_d", "error: public.prompts.template: its DEFAULT"),
    "domain_check": ("CREATE DOMAIN check_d AS text CHECK (VALUE ~ '^sk-'); ALTER TABLE prompts ALTER template TYPE check_d", "ALTER TABLE prompts ALTER template TYPE text; DROP DOMAIN check_d", "error: public.prompts.template: constraint check_d_check of its domain"),
    "generated": ("ALTER TABLE virtual_keys ADD check_g int GENERATED ALWAYS AS (length(key)) STORED", "ALTER TABLE virtual_keys DROP check_g", "error: public.virtual_keys.key: generated column check_g"),
    "generated_copy": ("ALTER TABLE virtual_keys ADD check_g text GENERATED ALWAYS AS (key) STORED", "ALTER TABLE virtual_keys DROP check_g", "error: public.virtual_keys.key: generated column check_g"),
    "check": ("ALTER TABLE virtual_keys ADD CONSTRAINT check_c CHECK (length(key) > 3)", "ALTER TABLE virtual_keys DROP CONSTRAINT check_c", "error: public.virtual_keys.key: constraint check_c"),
    "check_search": ("ALTER TABLE searched ADD CONSTRAINT check_c CHECK (email <> '')", "ALTER TABLE searched DROP CONSTRAINT check_c", "error: public.searched.email: constraint check_c"),
    "expression": ("CREATE INDEX check_i ON virtual_keys (lower(key))", "DROP INDEX check_i", "error: public.virtual_keys.key: index check_i"),
    "partial": ("CREATE INDEX check_i ON virtual_keys (slug) WHERE key LIKE 'sk%'", "DROP INDEX check_i", "error: public.virtual_keys.key: index check_i"),
    "gin": ("CREATE INDEX check_i ON virtual_keys USING gin (auth_config)", "DROP INDEX check_i", "warning: public.virtual_keys.auth_config: index check_i (gin)"),
    "btree": ("CREATE INDEX check_i ON virtual_keys (slug, key)", "DROP INDEX check_i", "warning: public.virtual_keys.key: index check_i is of no use"),
    "included": ("CREATE INDEX check_i ON virtual_keys (slug) INCLUDE (key)", "DROP INDEX check_i", "warning: public.virtual_keys.key: index check_i includes it"),
    "unique": ("ALTER TABLE virtual_keys ADD CONSTRAINT check_u UNIQUE (organisation_id, key)", "ALTER TABLE virtual_keys DROP CONSTRAINT check_u", "error: public.virtual_keys.key: index check_u keeps nothing unique"),
    "unique_within": ("CREATE UNIQUE INDEX check_u ON searched (email)", "DROP INDEX check_u", "warning: public.searched.email: index check_u keeps its values unique within each tenant only"),
    "exclusion": ("ALTER TABLE virtual_keys ADD CONSTRAINT check_x EXCLUDE (key WITH =)", "ALTER TABLE virtual_keys DROP CONSTRAINT check_x", "error: public.virtual_keys.key: exclusion constraint check_x"),
    "foreign_key": ("CREATE TABLE check_t (key text PRIMARY KEY); ALTER TABLE virtual_keys ADD CONSTRAINT check_f FOREIGN KEY (key) REFERENCES check_t", "DROP TABLE check_t CASCADE", "error: public.virtual_keys.key: foreign key check_f compares it with public.check_t.key"),
    "trigger": ("CREATE FUNCTION check_fn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.key := upper(NEW.key); RETURN NEW; END'; CREATE TRIGGER check_t BEFORE INSERT ON virtual_keys FOR EACH ROW EXECUTE FUNCTION check_fn()", "DROP FUNCTION check_fn CASCADE", "error: public.virtual_keys.key: trigger check_t runs public.check_fn()"),
    "other_trigger": ("CREATE FUNCTION check_fn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.status := ''x''; RETURN NEW; END'; CREATE TRIGGER check_t BEFORE UPDATE ON virtual_keys FOR EACH ROW EXECUTE FUNCTION check_fn()", "DROP FUNCTION check_fn CASCADE", "warning: public.virtual_keys: trigger check_t runs public.check_fn() before rows are written"),
    "when": ("CREATE FUNCTION check_fn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE TRIGGER check_t AFTER UPDATE ON virtual_keys FOR EACH ROW WHEN (OLD.key IS DISTINCT FROM NEW.key) EXECUTE FUNCTION check_fn()", "DROP FUNCTION check_fn CASCADE", "warning: public.virtual_keys: the condition (WHEN) of trigger check_t"),
    "rule": ("CREATE RULE check_r AS ON INSERT TO virtual_keys DO ALSO INSERT INTO requests (note) VALUES (NEW.key)", "DROP RULE check_r ON virtual_keys", "warning: public.virtual_keys: rule check_r"),
    "policy": ("CREATE POLICY check_p ON virtual_keys USING (key <> '')", "DROP POLICY check_p ON virtual_keys", "error: public.virtual_keys: policy check_p"),
    "other_policy": ("CREATE POLICY check_p ON requests USING (note IN (SELECT key FROM virtual_keys))", "DROP POLICY check_p ON requests", "error: public.requests: policy check_p"),
    "view": ("CREATE VIEW check_v AS SELECT upper(key) AS key FROM virtual_keys", "DROP VIEW check_v", "warning: public.check_v: the view works on what is stored"),
    "function": ("CREATE FUNCTION check_fn() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM virtual_keys'", "DROP FUNCTION check_fn", "warning: public.check_fn(): the function names a protected table"),
    "length": ("ALTER TABLE sso_providers ALTER client_secret TYPE varchar(20)", "ALTER TABLE sso_providers ALTER client_secret TYPE varchar", "error: public.sso_providers.client_secret: varchar(20) is too short: a sealed value has more than 70 characters"),
    "partition_default": ("ALTER TABLE parted_1 ALTER secret SET DEFAULT 'x'", "ALTER TABLE parted_1 ALTER secret DROP DEFAULT", "error: public.parted_1.secret: its DEFAULT"),
    "partitioned": ("ALTER TABLE parted ADD CONSTRAINT check_c CHECK (secret <> '')", "ALTER TABLE parted DROP CONSTRAINT check_c", "error: public.parted.secret: constraint check_c"),
    "null": ("ALTER TABLE virtual_keys ALTER key SET DEFAULT NULL::text", "ALTER TABLE virtual_keys ALTER key DROP DEFAULT", None),
    "is_null": ("ALTER TABLE virtual_keys ADD CONSTRAINT check_c CHECK (key IS NOT NULL OR num_nonnulls(key, auth_config) = 1); CREATE INDEX check_i ON virtual_keys (slug) WHERE key IS NOT NULL; CREATE POLICY check_p ON virtual_keys USING (organisation_id = current_setting('app.tenant')::uuid AND key IS NOT NULL)",
                "ALTER TABLE virtual_keys DROP CONSTRAINT check_c; DROP INDEX check_i; DROP POLICY check_p ON virtual_keys", None),
    "searchable": ("CREATE UNIQUE INDEX check_u ON searched (tenant, email); CREATE INDEX check_i ON searched (email)", "DROP INDEX check_u, check_i", None),
    "view_that_selects": ("CREATE VIEW check_v AS SELECT id, key FROM virtual_keys WHERE key IS NOT NULL", "DROP VIEW check_v", None),
    "operator": ("CREATE FUNCTION check_fn(int, int) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM virtual_keys'; CREATE OPERATOR ### (PROCEDURE = check_fn, LEFTARG = int, RIGHTARG = int); "
                 "CREATE TABLE check_t (n bigint DEFAULT 1 ### 2)", "DROP TABLE check_t; DROP FUNCTION check_fn CASCADE",
                 ["warning: default value for column n of table public.check_t: it runs public.check_fn()", "warning: operator public.###(integer,integer): it runs public.check_fn(), which names a protected table", "warning: public.check_fn(): the function names"]),
    "running": ("CREATE FUNCTION check_fn(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(key) FROM virtual_keys); END'; CREATE TYPE check_e AS ENUM ('a'); CREATE DOMAIN check_d AS text CHECK (check_fn(VALUE) <> '');"
                "CREATE FUNCTION check_cast(int) RETURNS check_e LANGUAGE sql AS 'SELECT check_fn(''x'')::check_e'; CREATE CAST (int AS check_e) WITH FUNCTION check_cast(int);"
                "CREATE TABLE check_t (a text CHECK (check_fn(a) <> ''), g text GENERATED ALWAYS AS (check_fn(a)) STORED); CREATE INDEX check_i ON check_t (check_fn(a)); CREATE POLICY check_p ON check_t USING (check_fn(a) <> '')",
                "DROP TABLE check_t; DROP CAST (int AS check_e); DROP FUNCTION check_cast; DROP TYPE check_e; DROP DOMAIN check_d; DROP FUNCTION check_fn",
                ["warning: cast from integer to public.check_e: it runs", "column g of table public.check_t: it runs", "warning: constraint check_d_check: it runs", "warning: constraint check_t_a_check on table public.check_t: it runs",
                 "warning: index public.check_i: it runs", "warning: policy check_p on table public.check_t: it runs", "warning: public.check_cast()", "warning: public.check_fn()"]),
    "statement_trigger": ("CREATE FUNCTION check_fn() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NOTIFY x; RETURN NULL; END'; CREATE TRIGGER check_t AFTER UPDATE ON virtual_keys EXECUTE FUNCTION check_fn()", "DROP FUNCTION check_fn CASCADE", None),
}
# PostgreSQL's own packages know ICU; those of the other versions may not.
if os.environ.get("PGSEAL_TEST_VERSION") is None:
    BREAKING["collation"] = ("CREATE COLLATION check_k (provider = icu, locale = 'und', deterministic = false); ALTER TABLE searched ALTER email TYPE text COLLATE check_k",
                             "ALTER TABLE searched ALTER email TYPE text COLLATE \"default\"; DROP COLLATION check_k", "error: public.searched.email: its collation is not deterministic")
if MAJOR >= 15:
    BREAKING["publication"] = ("CREATE PUBLICATION check_p FOR TABLE virtual_keys WHERE (key = 'sk-1')", "DROP PUBLICATION check_p", "error: public.virtual_keys: publication check_p")


@pytest.mark.parametrize("name", BREAKING)
def test_what_works_on_sealed_columns_is_told(servers, direct, name):
    made, undone, told = BREAKING[name]
    direct.execute(made)
    try:
        code, said, _ = check(servers)
    finally:
        direct.execute(undone)
    found = findings(said)
    if told is None:
        assert code == 0 and found == [], said
    else:
        told = [told] if isinstance(told, str) else told
        assert len(found) == len(told) and all(any(words in line for line in found) for words in told), said
        # No constant of the schema is repeated.
        assert "sk-" not in "".join(found) and code == (1 if told[0].startswith("error") else 0), said


def test_rules_that_do_not_fit_and_a_database_without_any(servers, direct):
    direct.execute("ALTER TABLE searched RENAME email TO mail")
    try:
        code, said, _ = check(servers)
        assert code == 64 and 'app: error: ' in said and 'public.searched has no column "email"' in said, said
    finally:
        direct.execute("ALTER TABLE searched RENAME mail TO email")
    code, said, error = check(servers, "--database", "typo")
    assert code == 1 and said == "" and "no rule is of database typo: rules are of app" in error


def test_a_database_that_is_away_does_not_hide_the_others(servers):
    rules = servers.folder / "two.toml"
    rules.write_text(servers.rules.read_text() + RULES.replace("[[seal]]", '[[seal]]\ndatabase = "away"'))
    env = {**servers.environment(), "PGSEAL_RULES": str(rules)}
    done = subprocess.run([os.environ["PGSEAL_BIN"], "check"], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and f"app: {COLUMNS} columns are protected" in done.stdout and "database away: " in done.stderr, done


def test_the_fence_is_known(servers, direct):
    fence = subprocess.run([os.environ["PGSEAL_BIN"], "fence"], env=servers.environment(), capture_output=True, text=True, check=True).stdout
    mine = [line for line in fence.splitlines() if "ADD CONSTRAINT" in line and '"virtual_keys"' in line]
    try:
        for line in mine:
            direct.execute(line)
        code, said, _ = check(servers)
        assert code == 0 and "no fence keeps plaintext out of 14 of 16 columns" in said and "virtual_keys.key" not in said, said
    finally:
        direct.execute("ALTER TABLE virtual_keys DROP CONSTRAINT IF EXISTS pgseal_fence_key, DROP CONSTRAINT IF EXISTS pgseal_fence_auth_config")


def test_a_running_pgseal_warns_once_of_each(servers, direct):
    def told(words):
        return [line for line in servers.log.read_text().splitlines() if "WARN" in line and words in line]

    def wait_for(words, count):
        deadline = time.monotonic() + 30
        while len(told(words)) < count:
            assert time.monotonic() < deadline, servers.log.read_text()[-3000:]
            time.sleep(0.1)

    wait_for("searched.note: varchar(300)", 1)
    direct.execute("CREATE POLICY check_p ON virtual_keys USING (key <> 'sk-1')")
    try:
        wait_for("policy check_p works on what is stored", 1)
        direct.execute("ALTER TABLE virtual_keys ALTER key SET DEFAULT 'sk-2'")
        wait_for("virtual_keys.key: its DEFAULT", 1)
        assert len(told("policy check_p")) == 1 and len(told("varchar(300)")) == 1
    finally:
        direct.execute("ALTER TABLE virtual_keys ALTER key DROP DEFAULT; DROP POLICY check_p ON virtual_keys")
    # Once it is gone it would be new again.
    time.sleep(5)
    direct.execute("ALTER TABLE virtual_keys ALTER key SET DEFAULT 'sk-3'")
    try:
        wait_for("virtual_keys.key: its DEFAULT", 2)
    finally:
        direct.execute("ALTER TABLE virtual_keys ALTER key DROP DEFAULT")
    assert "sk-" not in servers.log.read_text()


@pytest.mark.parametrize("action", ["ON UPDATE CASCADE", "ON DELETE SET NULL", "ON UPDATE CASCADE ON DELETE CASCADE", "ON DELETE CASCADE"])
def test_a_foreign_key_that_would_change_a_tenant_is_noted(servers, direct, action):
    direct.execute("ALTER TABLE guardrails DROP CONSTRAINT guardrails_organisation_id_fkey")
    direct.execute(f"ALTER TABLE guardrails ADD CONSTRAINT check_fk FOREIGN KEY (organisation_id) REFERENCES organisations {action}")
    try:
        code, said, _ = check(servers)
        noted = "app: note: public.guardrails: foreign key check_fk sets organisation_id" in said
        assert code == 0 and findings(said) == [] and noted == (action != "ON DELETE CASCADE")
    finally:
        direct.execute("ALTER TABLE guardrails DROP CONSTRAINT check_fk; ALTER TABLE guardrails ADD FOREIGN KEY (organisation_id) REFERENCES organisations")
