"""Raw pipelines: what a client leaves behind when it goes in the middle of one, and names that nobody can be sure of."""
import socket
import struct
import sys
import time
import uuid

import psycopg
import pytest
from conftest import MARK, TENANTS
from servers import ROOT

sys.path.append(str(ROOT / "tests/recorder"))
from wire import SYNC, Frames, bind, close, error_fields, execute, parse, query, run, startup  # noqa: E402

BY_KEY = "UPDATE virtual_keys SET key = $1 WHERE id = $2"
INSERT = "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ($1, $2, $3, $4)"


class Client:
    def __init__(self, servers):
        self.stream, self.frames = socket.create_connection(("127.0.0.1", servers.listen), timeout=60), Frames()
        self.exchange(startup("postgres", "app"))

    def exchange(self, data, ready=1):
        """Sends, and gives what comes up to the last of so many ReadyForQuery."""
        self.stream.sendall(data)
        self.frames.frames.clear()
        while [tag for tag, _ in self.frames.frames].count("Z") < ready:
            read = self.stream.recv(65536)
            assert read, self.frames.frames
            self.frames.feed(read)
        return list(self.frames.frames)

    def value(self, sql):
        return next(body[6:].decode() for tag, body in self.exchange(query(sql)) if tag == "D")


def row(servers):
    """A row with a sealed value; its id."""
    key = uuid.uuid4()
    with psycopg.connect(servers.url, autocommit=True) as through:
        through.execute("INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (%s, %s, %s, %s)", (key, TENANTS[0], f"pipeline {key}", f"{MARK} first"))
    return key


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("cut", [1, 4, 20], ids=lambda cut: f"after {cut} bytes")
def test_a_client_that_goes_within_a_frame_leaves_no_lock(servers, direct, cut, reset):
    key = row(servers)
    client = Client(servers)
    pid = int(client.value("SELECT pg_backend_pid()"))
    client.exchange(query("BEGIN") + query(f"SELECT key FROM virtual_keys WHERE id = '{key}' FOR UPDATE"), 2)
    asked = parse(BY_KEY) + b"".join(bind(params=(f"{MARK} {n}".encode(), str(key).encode())) + execute() for n in range(5))
    client.stream.sendall(asked + bind(params=(f"{MARK} cut off".encode(), str(key).encode()))[:cut])
    if reset:
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.stream.close()
    deadline = time.monotonic() + 60
    while direct.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone() != (0,):
        assert time.monotonic() < deadline, "the server's session lives on"
        time.sleep(0.05)
    # Its locks are gone, and so is what it had not committed.
    direct.execute("SELECT 1 FROM virtual_keys WHERE id = %s FOR UPDATE NOWAIT", (key,))
    with psycopg.connect(servers.url) as through:
        assert through.execute("SELECT key FROM virtual_keys WHERE id = %s", (key,)).fetchone() == (f"{MARK} first",)


def test_a_client_that_has_sent_its_whole_pipeline_and_no_more_gets_all_answers(servers):
    key = row(servers)
    client = Client(servers)
    one = run(BY_KEY, f"{MARK} again".encode(), str(key).encode()) + run("SELECT key FROM virtual_keys WHERE id = $1", str(key).encode()) + SYNC
    refused = run("SELECT lower(key) FROM virtual_keys") + SYNC
    client.stream.sendall((one + refused) * 20)
    client.stream.shutdown(socket.SHUT_WR)
    client.frames.frames.clear()
    while read := client.stream.recv(65536):
        client.frames.feed(read)
    tags = [tag for tag, _ in client.frames.frames]
    assert [tags.count(tag) for tag in "12CDEZ"] == [40, 40, 40, 20, 20, 40]
    assert {body for tag, body in client.frames.frames if tag == "D"} == {struct.pack("!hi", 1, len(f"{MARK} again")) + f"{MARK} again".encode()}


def states(frames):
    return [error_fields(body)["C"] for tag, body in frames if tag == "E"]


# What PostgreSQL rejects before it drops the unnamed statement: the message's encoding.
UNREADABLE = {"Parse": parse(b"SELECT '\xff'") + SYNC, "Query": query(b"SELECT '\xff'")}


@pytest.mark.parametrize("pipelined", [False, True], ids=["in turns", "pipelined"])
@pytest.mark.parametrize("message", UNREADABLE)
def test_a_statement_that_a_rejected_message_has_left_takes_no_value(servers, direct, message, pipelined):
    key = uuid.uuid4()
    values = [str(key).encode(), str(TENANTS[0]).encode(), f"left {key}".encode(), f"{MARK} unsealed".encode()]
    client = Client(servers)
    steps = [parse(INSERT) + SYNC, UNREADABLE[message], bind(params=values) + execute() + SYNC]
    frames = client.exchange(b"".join(steps), 3) if pipelined else [frame for step in steps for frame in client.exchange(step)]
    assert states(frames) == ["22021", "26000"]
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE id = %s", (key,)).fetchone() == (0,)


def test_a_named_statement_that_an_undone_group_was_to_replace_still_seals(servers, direct):
    key = uuid.uuid4()
    values = [str(key).encode(), str(TENANTS[0]).encode(), f"named {key}".encode(), f"{MARK} named".encode()]
    client = Client(servers)
    undone = parse("SELEC", "broken") + close(b"S", "s") + parse("SELECT $1::text || $2 || $3 || $4", "s") + SYNC
    frames = client.exchange(parse(INSERT, "s") + SYNC + undone + bind("s", params=values) + execute() + SYNC, 3)
    assert states(frames) == ["42601"] and ("C", b"INSERT 0 1\0") in frames
    (raw,) = direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (key,)).fetchone()
    assert raw.startswith("~s1")


LARGE = b"x" * 70_000_000


def test_a_large_value_reaches_the_unprotected_statement_in_the_place_of_a_protected_one(servers):
    client = Client(servers)
    client.exchange(query("SET log_statement = 'none'; CREATE TEMP TABLE large (id int, note text)"))
    other = "INSERT INTO large VALUES ($1, $2)"
    protected = run("SELECT key FROM virtual_keys WHERE id = $1", str(uuid.uuid4()).encode()) + SYNC
    client.exchange(protected)
    frames = client.exchange(run(other, b"1", LARGE) + SYNC)
    assert ("C", b"INSERT 0 1\0") in frames, "in one group"
    client.exchange(protected)
    frames = client.exchange(parse(other) + SYNC + bind(params=(b"2", LARGE)) + execute() + SYNC, 2)
    assert ("C", b"INSERT 0 1\0") in frames, "in a later group"
    client.exchange(protected)
    whole = parse(other) + bind(params=(b"3", LARGE)) + execute() + SYNC
    cut = len(parse(other)) + 5
    client.stream.sendall(whole[:cut])
    time.sleep(0.2)
    frames = client.exchange(whole[cut:])
    assert ("C", b"INSERT 0 1\0") in frames, "whose names came later"
    assert client.value("SELECT string_agg(id || ' ' || length(note), ',' ORDER BY id) FROM large") == "1 70000000,2 70000000,3 70000000"


def test_a_large_value_streams_to_a_protected_statement_that_seals_nothing(servers):
    """A parameter of a plain column need not be held."""
    client = Client(servers)
    client.exchange(query("SET log_statement = 'none'"))
    frames = client.exchange(run("SELECT count(key), length($1) FROM virtual_keys WHERE slug = $1 || ''", LARGE) + SYNC)
    assert ("D", struct.pack("!hi1si8s", 2, 1, b"0", 8, b"70000000")) in frames, frames


@pytest.mark.parametrize("name", ["executes", ""], ids=["named", "unnamed"])
def test_an_execute_whose_name_means_another_statement_by_now_is_not_run(servers, direct, name):
    """Its constant went unsealed while the name meant an unprotected statement."""
    client, slug = Client(servers), f"by name {name}"
    client.exchange(query("PREPARE reused(text) AS SELECT $1") + query("PREPARE other(text) AS SELECT $1"), 2)
    client.exchange(parse("EXECUTE other('x')", name="others") + parse("EXECUTE reused('not sealed')", name=name) + SYNC)
    # A simple Query would end the unnamed statement; these do not.
    insert = f"PREPARE reused(text) AS INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (gen_random_uuid(), '{TENANTS[0]}', '{slug}', $1)"
    for number, sql in enumerate(["DEALLOCATE reused", insert]):
        client.exchange(parse(sql, name=f"step {number}") + bind(statement=f"step {number}") + execute() + SYNC)
    ran = client.exchange(bind(statement=name) + execute() + SYNC)
    assert error_fields(dict(ran)["E"])["C"] == "0A000"
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug = %s", (slug,)).fetchone() == (0,)
    assert "D" in dict(client.exchange(bind(statement="others") + execute() + SYNC))


def insert_as(name, slug):
    return f"PREPARE {name}(text) AS INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES (gen_random_uuid(), '{TENANTS[0]}', '{slug}', $1)"


def steps(*texts):
    """Each as a statement of its own, in one group: a simple Query would end the unnamed statement."""
    return b"".join(parse(sql, name=f"{sql[:30]}") + bind(f"{sql[:30]}") + execute() for sql in texts)


def test_an_execute_that_was_bound_before_its_name_meant_another_statement_is_not_run(servers, direct):
    client = Client(servers)
    client.exchange(query("PREPARE bound(text) AS SELECT $1"))
    client.exchange(query("BEGIN") + parse("EXECUTE bound('not sealed')", name="x") + bind("x", "p") + SYNC, 2)
    client.exchange(steps("DEALLOCATE bound", insert_as("bound", "bound before")) + SYNC)
    assert states(client.exchange(execute("p") + SYNC)) == ["0A000"]
    client.exchange(query("COMMIT"))
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug = 'bound before'").fetchone() == (0,)
    # All in one group.
    client.exchange(query("PREPARE piped(text) AS SELECT $1"))
    redefined = steps("DEALLOCATE piped", insert_as("piped", "bound before"))
    assert states(client.exchange(parse("EXECUTE piped('not sealed')", name="y") + bind("y", "q") + redefined + execute("q") + SYNC)) == ["0A000"]
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug = 'bound before'").fetchone() == (0,)


@pytest.mark.parametrize("command", ["EXPLAIN ANALYZE EXECUTE seen('not sealed')", "EXPLAIN (ANALYZE) EXECUTE seen('not sealed')"])
def test_an_explained_execute_is_one(servers, direct, command):
    client = Client(servers)
    client.exchange(query("PREPARE seen(text) AS SELECT $1"))
    client.exchange(parse(command, name="explained") + SYNC)
    assert "D" in dict(client.exchange(bind(statement="explained") + execute() + SYNC))
    client.exchange(steps("DEALLOCATE seen", insert_as("seen", "explained")) + SYNC)
    assert states(client.exchange(bind(statement="explained") + execute() + SYNC)) == ["0A000"]
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug = 'explained'").fetchone() == (0,)


def test_a_name_whose_end_was_undone_still_means_its_statement(servers, direct):
    """The EXECUTE waits for what the server says of the group that was to end the name."""
    client = Client(servers)
    client.exchange(query("PREPARE kept(text) AS SELECT $1"))
    client.exchange(parse("EXECUTE kept('not sealed')", name="executes") + SYNC)
    client.exchange(steps("DEALLOCATE kept", insert_as("kept", "undone")) + SYNC)
    undone = parse("SELEC", "broken") + steps("DEALLOCATE kept") + SYNC
    assert states(client.exchange(undone + bind(statement="executes") + execute() + SYNC, 2)) == ["42601", "0A000"]
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug = 'undone'").fetchone() == (0,)


def test_an_execute_of_an_execute_of_a_protected_statement_is_refused(servers, direct):
    client = Client(servers)
    client.exchange(query("PREPARE inner_one(text) AS SELECT $1"))
    client.exchange(parse("EXECUTE inner_one('not sealed')", name="outer_one") + SYNC)
    assert states(client.exchange(query("EXECUTE outer_one"))) == []
    client.exchange(parse("EXECUTE outer_one", name="outermost") + SYNC)
    client.exchange(steps("DEALLOCATE inner_one", insert_as("inner_one", "led to")) + SYNC)
    assert states(client.exchange(query("EXECUTE outer_one"))) == ["0A000"]
    assert states(client.exchange(bind(statement="outermost") + execute() + SYNC)) == ["0A000"]
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug = 'led to'").fetchone() == (0,)


def test_a_table_made_of_what_an_execute_gives_is_refused(servers):
    client = Client(servers)
    client.exchange(query("PREPARE found(text) AS SELECT id FROM virtual_keys WHERE name = $1"))
    assert states(client.exchange(query(f"CREATE TABLE pipeline_made AS EXECUTE found('{MARK}')"))) == ["0A000"]
    assert states(client.exchange(query(f"EXPLAIN CREATE TABLE pipeline_made AS EXECUTE found('{MARK}')"))) == ["0A000"]


@pytest.mark.parametrize("between", [b"", SYNC], ids=["one group", "two groups"])
def test_a_constant_behind_a_change_of_how_it_is_read_goes_nowhere(servers, direct, between):
    client = Client(servers)
    hidden = f"SELECT 'x\\''; INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{uuid.uuid4()}', '{TENANTS[0]}', 'read otherwise', '{MARK}') --'"
    plain = f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{uuid.uuid4()}', '{TENANTS[0]}', 'read otherwise', '{MARK} \\\\')"
    for text in (hidden, plain):
        change = run("SET standard_conforming_strings = off") + between
        assert "0A000" in states(client.exchange(change + query(text), 2 if between else 1))
        client.exchange(query("SET standard_conforming_strings = on"))
        assert "0A000" in states(client.exchange(change + run(text) + SYNC, 2 if between else 1))
        client.exchange(query("SET standard_conforming_strings = on"))
    assert direct.execute("SELECT count(*) FROM virtual_keys WHERE slug = 'read otherwise'").fetchone() == (0,)

