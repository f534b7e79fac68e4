"""Whose a row is, asked for a prepared UPDATE by key: the question is prepared once, and lives as long as the statement."""
import asyncio
import base64
import uuid

import asyncpg
import psycopg
import pytest
from conftest import MARK, TENANTS

ROWS = [uuid.UUID(int=0x100C_0000 + number) for number in range(4)]
UPDATE = "UPDATE virtual_keys SET key = %s WHERE id = %s"
OURS = "SELECT name FROM pg_prepared_statements WHERE name LIKE '\\_pgseal\\_ask\\_%' ORDER BY 1"


@pytest.fixture(autouse=True)
def rows(servers, through):
    """Rows of two tenants in turns."""
    for number, row in enumerate(ROWS):
        through.execute("INSERT INTO virtual_keys (id, organisation_id, slug) VALUES (%s, %s, %s)", (row, TENANTS[number % 2], str(row)))
    yield
    through.execute("DELETE FROM virtual_keys WHERE id = ANY (%s)", (ROWS,))


@pytest.fixture
def client(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection


def prepared(client):
    return [name for (name,) in client.execute(OURS, prepare=False)]


def tenant_of(direct, token):
    """Whose key this value is sealed with."""
    body = base64.urlsafe_b64decode(token[3:-1] + "==")
    return direct.execute("SELECT tenant FROM pgseal.key WHERE kid = %s", (body[24:32],)).fetchone()[0]


def test_each_bind_is_sealed_for_the_tenant_of_its_row(servers, client, direct):
    for turn in range(3):
        for row in ROWS:
            assert client.execute(UPDATE, (f"{MARK} {turn} {row}", row), prepare=True).rowcount == 1
    assert client.execute(UPDATE, (f"{MARK} nobody's", uuid.UUID(int=1)), prepare=True).rowcount == 0
    assert len(prepared(client)) == 1
    with psycopg.connect(servers.url, autocommit=True) as other:
        assert [other.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0] for row in ROWS] == [f"{MARK} 2 {row}" for row in ROWS]
    stored = [direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0] for row in ROWS]
    assert all(value.startswith("~s1") and MARK not in value for value in stored)
    assert [tenant_of(direct, value) for value in stored] == [str(TENANTS[number % 2]) for number in range(len(ROWS))]


def test_a_row_that_has_become_anothers_is_sealed_for_its_new_tenant(client, direct):
    client.execute(UPDATE, (f"{MARK} first", ROWS[0]), prepare=True)
    direct.execute("UPDATE virtual_keys SET organisation_id = %s, key = NULL WHERE id = %s", (TENANTS[1], ROWS[0]))
    client.execute(UPDATE, (f"{MARK} second", ROWS[0]), prepare=True)
    assert client.execute("SELECT key FROM virtual_keys WHERE id = %s", (ROWS[0],)).fetchone() == (f"{MARK} second",)


def test_names_are_used_again_when_the_clients_statements_are_gone(servers):
    async def session():
        connection = await asyncpg.connect(servers.url, statement_cache_size=1)
        try:
            for number in range(20):
                for row in ROWS:
                    await connection.fetch(f"UPDATE virtual_keys SET key = $1, name = '{number}' WHERE id = $2", f"{MARK} {number}", row)
            ours = [record["name"] for record in await connection.fetch(OURS)]
            keys = [record["key"] for record in await connection.fetch("SELECT key FROM virtual_keys WHERE id = ANY ($1)", ROWS)]
            return ours, keys
        finally:
            await connection.close()

    ours, keys = asyncio.run(session())
    assert 1 <= len(ours) <= 3
    assert keys == [f"{MARK} 19"] * len(ROWS)


@pytest.mark.parametrize("ends", ["DEALLOCATE ALL", "DISCARD ALL"])
def test_it_ends_with_all_statements(client, ends):
    client.execute(UPDATE, (f"{MARK} before", ROWS[0]), prepare=True)
    client.execute(ends, prepare=False)
    assert prepared(client) == []
    # psycopg knows of both, and prepares anew.
    client.execute(UPDATE, (f"{MARK} after", ROWS[1]), prepare=True)
    assert len(prepared(client)) == 1


def test_what_a_function_ends_unseen_is_told_of_the_clients_statement(client):
    client.execute(UPDATE, (f"{MARK} before", ROWS[0]), prepare=True)
    name = client.execute("SELECT name FROM pg_prepared_statements WHERE name NOT LIKE '\\_pgseal\\_%'", prepare=False).fetchone()[0]
    client.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$", prepare=False)
    with pytest.raises(psycopg.errors.InvalidSqlStatementName, match=f'prepared statement "{name}" does not exist'):
        client.execute(UPDATE, (f"{MARK} lost", ROWS[0]), prepare=True)
    client.execute("DEALLOCATE ALL", prepare=False)
    client.execute(UPDATE, (f"{MARK} again", ROWS[0]), prepare=True)
    assert client.execute("SELECT key FROM virtual_keys WHERE id = %s", (ROWS[0],)).fetchone() == (f"{MARK} again",)


def test_a_statement_of_the_clients_in_its_place_decides_nothing(client, direct):
    """The answer is compared with the row."""
    client.execute(UPDATE, (f"{MARK} before", ROWS[0]), prepare=True)
    stored = direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (ROWS[0],)).fetchone()
    (name,) = prepared(client)
    client.execute(f"DEALLOCATE {name}", prepare=False)
    client.execute(f"PREPARE {name} (uuid) AS SELECT 1::int4, '{TENANTS[1]}'::text WHERE $1 IS NOT NULL", prepare=False)
    with pytest.raises(psycopg.errors.SerializationFailure):
        client.execute(UPDATE, (f"{MARK} lost", ROWS[0]), prepare=True)
    assert direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (ROWS[0],)).fetchone() == stored


def test_what_is_not_compared_with_a_row_is_not_kept(client):
    """Whose the rows below a parent are, a statement of the client's could say in its place."""
    client.execute("INSERT INTO prompts (id, organisation_id) VALUES (%s, %s)", (ROWS[0], TENANTS[0]))
    try:
        for version in range(3):
            client.execute("INSERT INTO prompt_versions (id, prompt_id, version, template_text) VALUES (%s, %s, %s, %s)", (uuid.uuid4(), ROWS[0], version, MARK), prepare=True)
        assert prepared(client) == []
        assert client.execute("SELECT template_text FROM prompt_versions WHERE prompt_id = %s", (ROWS[0],)).fetchall() == [(MARK,)] * 3
    finally:
        client.execute("DELETE FROM prompt_versions WHERE prompt_id = %s", (ROWS[0],))
        client.execute("DELETE FROM prompts WHERE id = %s", (ROWS[0],))


def test_a_failed_transaction_and_a_changed_table_do_not_matter(client, direct):
    client.execute(UPDATE, (f"{MARK} before", ROWS[0]), prepare=True)
    with pytest.raises(psycopg.errors.DivisionByZero), client.transaction():
        client.execute(UPDATE, (f"{MARK} lost", ROWS[0]), prepare=True)
        client.execute("SELECT 1 / 0")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction), client.transaction():
        with pytest.raises(psycopg.errors.DivisionByZero):
            client.execute("SELECT 1 / 0")
        client.execute(UPDATE, (f"{MARK} lost", ROWS[0]), prepare=True)
    assert client.execute("SELECT key FROM virtual_keys WHERE id = %s", (ROWS[0],)).fetchone() == (f"{MARK} before",)
    direct.execute("ALTER TABLE virtual_keys ADD COLUMN looked_up int")
    try:
        client.execute(UPDATE, (f"{MARK} after", ROWS[1]), prepare=True)
    finally:
        direct.execute("ALTER TABLE virtual_keys DROP COLUMN looked_up")
        client.execute(UPDATE, (f"{MARK} at last", ROWS[2]), prepare=True)
    assert [client.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0] for row in ROWS[1:3]] == [f"{MARK} after", f"{MARK} at last"]


def test_in_a_pipeline(client):
    with client.pipeline():
        for turn in range(3):
            for row in ROWS:
                client.execute(UPDATE, (f"{MARK} {turn} {row}", row), prepare=True)
    assert [client.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0] for row in ROWS] == [f"{MARK} 2 {row}" for row in ROWS]
    assert len(prepared(client)) == 1


def test_an_unnamed_statement_leaves_nothing_prepared(client):
    for row in ROWS:
        client.execute(UPDATE, (MARK, row), prepare=False)
    assert prepared(client) == []
