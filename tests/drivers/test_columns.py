"""Every sealed column of the control plane, through three drivers; each value is looked at in the raw table."""
import asyncio
import base64
import json
import subprocess
import uuid

import asyncpg
import psycopg
import pytest
from conftest import MARK, TENANTS
from servers import VERSION

# Larger than any buffer; stored out of line.
TEXTS = ["", f"{MARK} plain", f"{MARK} 'quotes' \"double\" back\\slash \\n", f"{MARK} äß日本語", f"{MARK} 😀\u202e", MARK + "x" * 100_000]
# The unoptimised ciphers of a debug build take a third of a second for it, each time.
MEGABYTE = MARK + "x" * (1 << 20)
# table, column, kind
COLUMNS = [
    ("configs", "template", "jsonb"), ("virtual_keys", "key", "text"), ("virtual_keys", "auth_config", "jsonb"),
    ("prompts", "template", "text"), ("prompt_versions", "template", "jsonb"), ("prompt_versions", "template_text", "text"),
    ("prompt_partials", "template", "text"), ("guardrails", "checks", "jsonb"), ("guardrails", "actions", "jsonb"),
    ("integrations", "credentials", "jsonb"), ("integrations", "certificate", "bytea"),
    ("sso_providers", "client_secret", "varchar"), ("sso_providers", "auth_settings", "json"),
]
FIRST = [next(column for column in COLUMNS if column[2] == kind) for kind in ("text", "varchar", "json", "jsonb", "bytea")]
# How a column of a type is stored, sent and told apart is the version's; that a rule names each column is not.
KINDS = pytest.mark.parametrize("table,column,kind", FIRST if VERSION else COLUMNS)


# By name, alias, derived table, CTE and join; `*` first, because its column is found by name.
READS = [
    "SELECT * FROM {table} WHERE id = {row}",
    "SELECT {column} FROM {table} WHERE id = {row}",
    "SELECT t.{column} AS renamed FROM {table} AS t WHERE t.id = {row}",
    "SELECT x.{column} FROM (SELECT * FROM {table}) x WHERE x.id = {row}",
    "WITH c AS (SELECT id, {column} FROM {table}) SELECT c.{column} FROM c JOIN {table} t ON t.id = c.id WHERE t.id = {row}",
]


def owner(table):
    return "prompt_id" if table == "prompt_versions" else "organisation_id"


def values(kind, large=False):
    texts = [*TEXTS, MEGABYTE] if large else TEXTS
    if kind == "bytea":
        return [None, *(text.encode() for text in texts), bytes(range(256))]
    if kind in ("json", "jsonb"):
        return [None, *({"value": text, "n": [1, True, None]} for text in texts)]
    return [None, *texts]


def takes_a_megabyte(table, column, kind):
    return not VERSION and (table, column, kind) in FIRST


def sent(kind, value):
    return json.dumps(value) if kind in ("json", "jsonb") and value is not None else value


def extra(table, number):
    return {"configs": ("slug", str(number)), "virtual_keys": ("slug", str(number)), "prompt_versions": ("version", int(number) % 2**31)}.get(table, ("name", "n") if table != "prompt_versions" else None)


def check_raw(direct, table, column, kind, row, tenant):
    """The raw table holds a sealed value under the right tenant's key, and no byte of the plaintext."""
    raw = direct.execute(f"SELECT {column} FROM {table} WHERE id = %s", (row,)).fetchone()[0]
    if raw is None:
        return False
    if kind == "bytea":
        sealed = bytes(raw)
        assert sealed[:4] == b"\xf8sv\x01"
        body = sealed[4:]
    else:
        assert raw.startswith("~s1") and raw.endswith("~") and MARK not in raw
        body = base64.urlsafe_b64decode(raw[3:-1] + "==")
    assert MARK.encode() not in body
    found = direct.execute("SELECT tenant FROM pgseal.key WHERE kid = %s", (body[24:32],)).fetchone()
    assert found == (str(tenant),)
    return True


@KINDS
@pytest.mark.parametrize("prepare", [False, True], ids=["unnamed", "prepared"])
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_psycopg(servers, direct, table, column, kind, prepare, binary):
    connection = psycopg.connect(servers.url, autocommit=True)
    cursor = connection.cursor(binary=binary)
    run = lambda sql, *params: cursor.execute(sql, params, prepare=prepare)
    cast = f"%s::{kind}"
    for number, value in enumerate(values(kind, prepare and takes_a_megabyte(table, column, kind))):
        tenant, row = TENANTS[number % 2], uuid.uuid4()
        name, other = extra(table, row.int % 1000003)
        insert = f"INSERT INTO {table} (id, {owner(table)}, {name}, {column}) VALUES (%s, %s, %s, {cast})"
        assert run(f"{insert} RETURNING {column}", row, tenant, other, sent(kind, value)).fetchone() == (value,)
        assert check_raw(direct, table, column, kind, row, tenant) == (value is not None)
        assert run(f"UPDATE {table} SET {column} = {cast} WHERE id = %s", sent(kind, value), row).rowcount == 1
        assert run(f"UPDATE {table} SET {column} = {cast} WHERE {owner(table)} = %s AND id = %s RETURNING *", sent(kind, value), tenant, row).rowcount == 1
        assert run(f"{insert} ON CONFLICT (id) DO UPDATE SET {column} = EXCLUDED.{column}", row, tenant, other, sent(kind, value)).rowcount == 1
        assert run(f"UPDATE {table} SET {column} = {cast} WHERE id = %s", sent(kind, value), uuid.uuid4()).rowcount == 0
        check_raw(direct, table, column, kind, row, tenant)
        for sql in (
            f"SELECT {column} FROM {table} WHERE id = %s",
            f"SELECT t.{column} AS other_name FROM {table} AS t WHERE t.id = %s",
            f"SELECT x.{column} FROM (SELECT * FROM {table}) x WHERE x.id = %s",
            f"WITH c AS (SELECT id, {column} FROM {table}) SELECT c.{column} FROM c JOIN {table} t ON t.id = c.id WHERE t.id = %s",
        ):
            assert run(sql, row).fetchone() == (value,), sql
        star = run(f"SELECT * FROM {table} WHERE id = %s", row)
        names = [description.name for description in star.description]
        types = [description.type_code for description in star.description]
        assert star.fetchone()[names.index(column)] == value
        assert types == [description.type_code for description in direct.execute(f"SELECT * FROM {table} LIMIT 0").description]
    connection.close()


@pytest.mark.parametrize("table,column,kind", [column for column in COLUMNS if column not in FIRST])
def test_a_megabyte(servers, direct, table, column, kind):
    value, row = values(kind, True)[7], uuid.uuid4()
    assert len(str(value)) > 1 << 20
    name, other = extra(table, row.int % 1000003)
    with psycopg.connect(servers.url, autocommit=True) as through:
        through.execute(f"INSERT INTO {table} (id, {owner(table)}, {name}, {column}) VALUES (%s, %s, %s, %s::{kind})", (row, TENANTS[0], other, sent(kind, value)))
        assert check_raw(direct, table, column, kind, row, TENANTS[0])
        assert through.execute(f"SELECT {column} FROM {table} WHERE id = %s", (row,)).fetchone() == (value,)


@KINDS
def test_asyncpg(servers, direct, table, column, kind):
    async def script():
        connection = await asyncpg.connect(servers.url)
        decoded = lambda value: json.loads(value) if kind in ("json", "jsonb") and value is not None else value
        for number, value in enumerate(values(kind, takes_a_megabyte(table, column, kind))):
            tenant, row = TENANTS[number % 2], uuid.uuid4()
            name, other = extra(table, row.int % 1000003)
            insert = f"INSERT INTO {table} (id, {owner(table)}, {name}, {column}) VALUES ($1, $2, $3, $4)"
            got = await connection.fetchrow(f"{insert} RETURNING *", row, tenant, other, sent(kind, value))
            assert decoded(got[column]) == value
            check_raw(direct, table, column, kind, row, tenant)
            assert await connection.execute(f"UPDATE {table} SET {column} = $1 WHERE id = $2", sent(kind, value), row) == "UPDATE 1"
            assert await connection.execute(f"UPDATE {table} SET {column} = $1 WHERE id = $2", sent(kind, value), uuid.uuid4()) == "UPDATE 0"
            assert check_raw(direct, table, column, kind, row, tenant) == (value is not None)
            owned = f"UPDATE {table} SET {column} = $1 WHERE {owner(table)} = $2 AND id = $3 RETURNING {column} AS renamed"
            assert decoded(await connection.fetchval(owned, sent(kind, value), tenant, row)) == value
            upsert = f"{insert} ON CONFLICT (id) DO UPDATE SET {column} = EXCLUDED.{column}"
            assert await connection.execute(upsert, row, tenant, other, sent(kind, value)) == "INSERT 0 1"
            assert check_raw(direct, table, column, kind, row, tenant) == (value is not None)
            for sql in READS:
                got = await connection.fetchrow(sql.format(table=table, column=column, row="$1"), row)
                assert decoded(got[column if column in got else "renamed"]) == value, sql
        await connection.close()

    asyncio.run(script())


def literal(value):
    if value is None:
        return "NULL"
    text = "\\x" + value.hex() if isinstance(value, bytes) else value
    return "'" + text.replace("'", "''") + "'"


@KINDS
def test_psql_literals(servers, direct, table, column, kind):
    for number, value in enumerate(values(kind, takes_a_megabyte(table, column, kind))):
        tenant, row = TENANTS[number % 2], uuid.uuid4()
        name, other = extra(table, row.int % 1000003)
        new, before = literal(sent(kind, value)), literal(sent(kind, values(kind)[1]))
        insert = f"INSERT INTO {table} (id, {owner(table)}, {name}, {column}) VALUES ('{row}', '{tenant}', '{other}', {{}})"
        for last in (
            insert.format(new),
            f"UPDATE {table} SET {column} = {new} WHERE id = '{row}'",
            f"UPDATE {table} SET {column} = {new} WHERE {owner(table)} = '{tenant}' AND id = '{row}'",
            f"{insert.format(new)} ON CONFLICT (id) DO UPDATE SET {column} = EXCLUDED.{column}",
        ):
            # Each way writes over another value, so that what stands there is what it wrote.
            first = "" if last == insert.format(new) else f"UPDATE {table} SET {column} = {before} WHERE id = '{row}';\n"
            psql(servers, f"{first}{last};\n")
            assert check_raw(direct, table, column, kind, row, tenant) == (value is not None)
        # psql prints what the server's text form is: the same as that of the plaintext. Asked past pgseal and unlogged,
        # for this statement does hold the plaintext and the canary test reads the server's log.
        with direct.transaction():
            direct.execute("SET LOCAL log_statement = 'none'")
            shown = direct.execute(f"SELECT {new}::{kind}::text").fetchone()[0]
        reads = [sql.format(table=table, column=column, row=f"'{row}'") for sql in READS[1:]]
        reads.append(f"UPDATE {table} SET {column} = {new} WHERE id = '{row}' RETURNING {column}")
        found = psql(servers, "\\pset null (null)\n" + ";\n".join(reads) + ";\n")
        assert found.split("\n") == ["(null)" if shown is None else shown] * len(reads)


def psql(servers, sql):
    """What psql prints for a script, without the line's end."""
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", servers.url], input=sql, text=True, check=True, capture_output=True)
    return done.stdout.removesuffix("\n")


def test_psql_shows_whole_rows(servers):
    row = uuid.uuid4()
    psql(servers, f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{row}', '{TENANTS[0]}', '{row}', '{MARK} psql');\n")
    assert f"|{MARK} psql|" in psql(servers, f"SELECT * FROM virtual_keys WHERE id = '{row}';\n")


def test_sql_prepare_and_execute(servers, direct):
    row = uuid.uuid4()
    found = psql(servers, f"""
        PREPARE put(uuid, uuid, text, text) AS INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ($1, $2, $3, $4);
        EXECUTE put('{row}', '{TENANTS[0]}', '{row}', '{MARK} executed');
        PREPARE take(uuid) AS SELECT key FROM virtual_keys WHERE id = $1;
        EXECUTE take('{row}');
        DEALLOCATE ALL;
        """)
    assert found == f"{MARK} executed"
    assert check_raw(direct, "virtual_keys", "key", "text", row, TENANTS[0])
