"""A value is sealed for the tenant that its row has once it is stored, however the statement writes it."""
import psycopg
import pytest
from servers import Servers

KINDS = {"uuid": "uuid", "short": "varchar(4)", "text": "text", "number": "int8"}
SPELLED = {
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0ee-bc99-9c0b-4ef8-bb6d6bb9bd380a11", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}"],
    "short": ["abcd", "abcd   ", "abc ", "äöüß  "], "text": ["x", "x ", "é"], "number": ["7", "07", " 7 ", "-0"],
}
WAYS = ["constant", "bound", "executed", "array", "constant array", "copied"]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tenants")
    rules, schema = folder / "rules.toml", folder / "schema.sql"
    folder.chmod(0o755)
    rules.write_text("".join(f'[[seal]]\ntable = "public.of_{kind}"\ntenant = "org"\ncolumns = ["secret"]\n' for kind in KINDS))
    schema.write_text("".join(f"CREATE TABLE of_{kind} (org {of_type}, secret text);\n" for kind, of_type in KINDS.items()))
    with Servers(rules=rules, schema=schema) as servers:
        yield servers


@pytest.fixture
def through(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection


def put(connection, kind, tenant, way):
    table, quoted = f"of_{kind} (org, secret)", "'" + tenant.replace("'", "''") + "'"
    simple = lambda sql: connection.execute(sql, prepare=False)
    if way == "constant":
        simple(f"INSERT INTO {table} VALUES ({quoted}, 'v')")
    elif way == "bound":
        connection.execute(f"INSERT INTO {table} VALUES (%s, %s)", (tenant, "v"))
    elif way == "executed":
        simple("DEALLOCATE ALL")
        simple(f"PREPARE q AS INSERT INTO {table} VALUES ($1, $2)")
        simple(f"EXECUTE q({quoted}, 'v')")
    elif way == "array":
        connection.execute(f"INSERT INTO {table} SELECT * FROM unnest(%s::{KINDS[kind].split('(')[0]}[], %s::text[])", ([tenant], ["v"]))
    elif way == "constant array":
        array = "'{\"" + tenant + "\"}'"
        simple(f"INSERT INTO {table} SELECT * FROM unnest({array}::{KINDS[kind].split('(')[0]}[], '{{v}}'::text[])")
    else:
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(f"{tenant}\tv\n")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("kind", "tenant"), [(kind, tenant) for kind, spelled in SPELLED.items() for tenant in spelled])
def test_a_tenant_is_what_is_stored(through, kind, tenant, way):
    try:
        put(through, kind, tenant, way)
    except psycopg.Error as error:
        # Never for another tenant; a few spellings are refused.
        assert error.sqlstate in ("SV007", "0A000") and (tenant != SPELLED[kind][0] or way == "array"), error
    assert all(secret == "v" for _, secret in through.execute(f"SELECT org, secret FROM of_{kind}"))


@pytest.mark.parametrize("sql", ["INSERT INTO of_text VALUES ('07'::int::text, 'v')", "INSERT INTO of_text VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid::text, 'v')", "INSERT INTO of_text VALUES (int '07', 'v')", """INSERT INTO of_text VALUES (jsonb '{"a":1}', 'v')""", """INSERT INTO of_text VALUES ('{"a":1}'::jsonb, 'v')""", """INSERT INTO of_text SELECT * FROM (VALUES ('{"a":1}'::text::jsonb, 'v')) v""", "INSERT INTO of_text VALUES ('w'::bytea, 'v')"])
def test_a_text_that_casts_write_anew_names_no_tenant(through, sql):
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        through.execute(sql)
    through.execute("INSERT INTO of_text VALUES ('7'::int::text, 'v'), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid::text, 'v'), (text 'w', 'v')")
    assert through.pgconn.exec_params(b"INSERT INTO of_text VALUES ($1::int::text, $2)", [b"07", b"v"], param_types=[25, 25]).error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"0A000"
    through.pgconn.exec_params(b"INSERT INTO of_text VALUES ($1::int::text, $2)", [b"07", b"v"])
    through.pgconn.exec_params(b"INSERT INTO of_text VALUES ($1::jsonb, $2)", [b'{"a":1}', b"v"])
    through.pgconn.exec_(b"UPDATE of_text SET secret = 'v' WHERE org = '07'::int::text")
    assert {secret for _, secret in through.execute("SELECT org, secret FROM of_text")} == {"v"}
