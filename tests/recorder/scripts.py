"""Scripts by hand: one for each fact of the protocol that a proxy can get wrong. Played on plain tables and, where they name them,
on sealed ones; the answers must be PostgreSQL's."""
from generate import IDS, KEY
from wire import (COPY_DONE, FLUSH, SYNC, bind, close, copy_data, copy_fail, describe, execute, function_call, parse, query, run)

BY_SLUG = "SELECT key FROM virtual_keys WHERE slug = $1"
INSERT = f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ($1, '{IDS['org']}', $2, $3) RETURNING key"
ID9 = IDS["id9"].encode()

PLAIN_COPY, SHUT_COPY = "COPY rec (id, v) FROM STDIN", "COPY rec_shut FROM STDIN"
SEALED_COPY = "COPY virtual_keys (id, organisation_id, slug, key) FROM STDIN"
ROW, BAD = copy_data(b"40\tforty\n"), copy_data(b"bad\n")
AFTER = query("SELECT v FROM rec WHERE id < 3 ORDER BY id") + SYNC + query("SELECT 2")


def extended(sql):
    return parse(sql) + bind() + execute()


SCRIPTS = {
    "an error skips to Sync, a simple Query included": parse("SELECT 1/0") + bind() + execute() + query("SELECT 1") + parse("SELECT 2", "s1") + SYNC + query("SELECT 3"),
    "errors at Parse, Bind, Describe and Execute, each with more behind it": b"".join(
        part + parse("SELECT 1", "x") + bind("x", "x") + execute("x") + SYNC for part in
        (parse("SELEC"), bind("missing"), describe(b"S", "missing"), describe(b"P", "missing"), execute("missing"), parse("SELECT $1::int") + bind("", "", [b"x"]))),
    "the unnamed statement ends at a simple Query": parse(BY_SLUG) + SYNC + query("SELECT 1") + bind("", "", [b"k1"]) + execute() + SYNC,
    "the unnamed statement ends where a Parse fails": parse(BY_SLUG) + parse("SELEC") + SYNC + bind("", "", [b"k1"]) + execute() + SYNC,
    "the unnamed portal ends at a simple Query": query("BEGIN") + run(KEY, rows=1) + SYNC + query("SELECT 1") + execute() + SYNC + query("COMMIT"),
    "portals end at Sync outside a transaction": parse(KEY, "s") + bind("s", "p") + SYNC + describe(b"P", "p") + execute("p") + SYNC,
    "portals live on in a transaction, and end with it": (query("BEGIN") + run(KEY, statement="s", portal="p", rows=1) + SYNC + execute("p", 1) + SYNC
                                                          + query("COMMIT") + execute("p", 1) + SYNC),
    "statements survive ROLLBACK": query("BEGIN") + parse(BY_SLUG, "s") + SYNC + query("ROLLBACK") + bind("s", "", [b"k1"]) + execute() + SYNC,
    "one namespace for statements": (parse(KEY, "s") + SYNC + query("EXECUTE s") + query("DEALLOCATE s") + query("EXECUTE s") + query(f"PREPARE s AS {KEY}")
                                     + bind("s") + execute() + SYNC + parse("SELECT 1", "s") + SYNC + close(b"S", "s") + SYNC + query("EXECUTE s")),
    "one namespace for portals": (query(f"BEGIN; DECLARE c CURSOR FOR {KEY}") + describe(b"P", "c") + execute("c", 1) + SYNC + query("FETCH 1 FROM c") + parse(KEY) + bind("", "p")
                                  + SYNC + query("FETCH 2 FROM p") + execute("p") + SYNC + query("MOVE BACKWARD ALL IN c; FETCH 1 FROM c; CLOSE c") + close(b"P", "p") + SYNC
                                  + query("FETCH 1 FROM c") + query("ROLLBACK")),
    "a name that means something else later": (query(f"BEGIN; DECLARE c CURSOR FOR {KEY}; FETCH 1 FROM c; COMMIT") + query("BEGIN; DECLARE c CURSOR FOR SELECT v FROM rec ORDER BY id")
                                               + query("FETCH ALL FROM c; COMMIT") + query(f"PREPARE s AS {KEY}") + query("DEALLOCATE ALL") + query("PREPARE s AS SELECT 1; EXECUTE s")),
    "a cursor WITH HOLD": query(f"BEGIN; DECLARE c CURSOR WITH HOLD FOR {KEY}; COMMIT") + query("FETCH 1 FROM c") + query("FETCH 1 FROM c; CLOSE c") + query("FETCH 1 FROM c"),
    "a Parse of FETCH before its cursor is there": (parse("FETCH 1 FROM c", "f") + SYNC + query(f"BEGIN; DECLARE c CURSOR FOR {KEY}") + bind("f") + execute() + SYNC + query("ROLLBACK")),
    "suspended portals": query("BEGIN") + run(KEY, portal="p", rows=1) + execute("p", 2) + FLUSH + execute("p", 1) + execute("p", 0) + execute("p", 1) + SYNC + query("ROLLBACK"),
    "many results in one Query": query(f"SELECT 1; {KEY}; ; SELECT v FROM rec ORDER BY id; {KEY} LIMIT 1; SELECT 1/0; SELECT 2"),
    "BEGIN, SELECT and COMMIT in one Query": query(f"BEGIN; {KEY}; COMMIT") + query(f"BEGIN; UPDATE virtual_keys SET name = 'n' WHERE slug = 'k1'; {KEY}; COMMIT; SELECT 1"),
    "changes and reads in one Query": query(f"DELETE FROM virtual_keys WHERE slug = 'k4'; {KEY}; SELECT 1/0") + query(f"UPDATE rec SET n = 7 WHERE id = 1; {KEY}") + query(KEY)
    + query("BEGIN") + query(f"UPDATE rec SET n = 8 WHERE id = 1; {KEY}; COMMIT; SELECT n FROM rec WHERE id = 1"),
    "a text that is no SQL, with a change that gives out sealed values": query(f"UPDATE virtual_keys SET name = 'x' WHERE slug = 'k2' RETURNING key; SELEC; {KEY}") + query("SELECT 1"),
    "binary cursors over the simple protocol": query(f"BEGIN; DECLARE c BINARY CURSOR FOR {KEY}") + query("FETCH 2 FROM c") + query("COMMIT"),
    "formats of results": b"".join(parse(KEY) + bind("", "", [], [], results) + describe(b"P") + execute() for results in ((), (1,), (0, 1, 1), (1, 1, 0), (1, 1), (2,))) + SYNC,
    "formats of parameters": b"".join(run(INSERT, ID9, b"k9", b"nine", formats=formats) + SYNC for formats in ((0, 0, 7), (0, 0), (0,), ())) + query("DELETE FROM virtual_keys WHERE slug = 'k9'"),
    "too few and too many parameters": b"".join(run(INSERT, *params) + SYNC for params in ((ID9, b"k9"), (ID9, b"k9", b"nine", b"ten"), ())) + query(INSERT),
    "Sync during COPY IN is ignored": parse("COPY rec (id, v) FROM STDIN") + bind() + execute() + copy_data(b"40\tforty\n") + SYNC + FLUSH + copy_data(b"41\tx\n") + SYNC + COPY_DONE + SYNC,
    **{f"{name}, and its COPY fails, {how}": start(sql) + data + AFTER for how, start in (("extended", extended), ("simple", query)) for name, sql, data in (
        ("a Sync before the data", PLAIN_COPY, SYNC + ROW + BAD + ROW + COPY_DONE + SYNC), ("a Sync behind the bad row", PLAIN_COPY, ROW + BAD + SYNC + ROW + COPY_DONE + SYNC),
        ("Syncs all over the data", PLAIN_COPY, SYNC + ROW + SYNC + SYNC + BAD + SYNC + ROW + SYNC + COPY_DONE), ("Syncs and no more behind the bad row", PLAIN_COPY, SYNC + BAD + SYNC),
        ("a Sync, then a bad row and nothing", PLAIN_COPY, SYNC + SYNC + BAD + COPY_DONE), ("a Sync, then CopyFail", PLAIN_COPY, SYNC + ROW + SYNC + copy_fail() + SYNC),
        ("Syncs that the server does not come to", SHUT_COPY, SYNC + ROW + SYNC + COPY_DONE + SYNC), ("a message that COPY does not know", SHUT_COPY, SYNC + parse("SELECT 1") + SYNC),
        ("a statement behind the end of the data", PLAIN_COPY, SYNC + ROW + BAD + COPY_DONE + extended("SELECT 3") + SYNC + extended("SELECT 4") + SYNC),
        ("Syncs among rows of a sealed column", SEALED_COPY, SYNC + copy_data(f"no uuid\t{IDS['org']}\tk7\tseven\n".encode()) + SYNC + COPY_DONE + SYNC))},
    "a Sync among the data, and a statement behind its end": extended(PLAIN_COPY) + ROW + SYNC + COPY_DONE + extended("SELECT 3") + SYNC + query("SELECT 4"),
    "two COPYs of one Query with Syncs among their data": query(f"{PLAIN_COPY}; {PLAIN_COPY}; SELECT 1") + SYNC + ROW + SYNC + COPY_DONE + SYNC + BAD + SYNC + COPY_DONE + SYNC + query("SELECT 3"),
    "COPY IN that fails, in both protocols": query("COPY rec FROM STDIN") + copy_data(b"bad\n") + copy_data(b"more\n") + COPY_DONE + query("SELECT 1")
    + parse("COPY rec FROM STDIN") + bind() + execute() + copy_data(b"bad\n") + COPY_DONE + SYNC + query("COPY rec FROM STDIN") + copy_fail() + query("SELECT 2"),
    "COPY in several statements of one Query": query("SELECT 1; COPY rec (id) FROM STDIN; SELECT 2; COPY rec (id) FROM STDIN; SELECT count(*) FROM rec") + copy_data(b"60\n") + COPY_DONE
    + copy_data(b"61\n") + COPY_DONE,
    "COPY OUT": query("COPY (SELECT generate_series(1, 50)) TO STDOUT") + parse("COPY (SELECT 1) TO STDOUT (FORMAT binary)") + bind() + execute() + SYNC,
    "notices, notifications and parameters come anywhere": query("LISTEN ch") + run("SELECT rec_notice('x')") + query("NOTIFY ch, 'a'") + run("NOTIFY ch, 'b'")
    + run("SET application_name = 'y'") + SYNC + query("SET client_encoding = 'LATIN1'") + query("SELECT 'ü'") + query("RESET client_encoding; UNLISTEN *"),
    "FunctionCall": b"".join(function_call(oid, (7).to_bytes(4, "big"), n.to_bytes(4, "big")) for oid, n in ((177, 2), (154, 0), (999_999, 1))) + SYNC,
    "two-phase commit": query("BEGIN; INSERT INTO rec VALUES (70, 'x'); PREPARE TRANSACTION 'rec'") + query("ROLLBACK PREPARED 'rec'") + query("ROLLBACK PREPARED 'rec'"),
    "savepoints": query("BEGIN; SAVEPOINT a; SELECT 1/0") + query(KEY) + query("ROLLBACK TO a") + query(KEY) + query("RELEASE a; COMMIT"),
    "an aborted transaction": query("BEGIN; SELECT 1/0") + run(KEY) + SYNC + run(INSERT, ID9, b"k9", b"nine") + SYNC + query(KEY) + query("COMMIT"),
    "DISCARD ALL": parse(KEY, "s") + SYNC + query("DISCARD ALL") + bind("s") + execute() + SYNC + query("RESET ALL; SET application_name = 'z'"),
    "a deferred constraint at Sync and at COMMIT": run("INSERT INTO rec_ref VALUES (99)") + SYNC + query("BEGIN; INSERT INTO rec_ref VALUES (99)") + query("COMMIT") + query(f"INSERT INTO rec_ref VALUES (99); {KEY}"),
    "a procedure that commits": query("CALL rec_commits()") + run("DELETE FROM rec WHERE id >= 50") + SYNC,
    "the position of an error": query("SELECT 'é', nothing FROM rec") + query(f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{IDS['id9']}', '{IDS['org']}', 'k9', 'sëcret') RETURNING nothing"),
    "EXECUTE with too many and too few arguments, behind other statements": parse(BY_SLUG, "q") + parse("FETCH 2 FROM c1", "f") + SYNC + query("SELECT 1; EXECUTE q('k1', 'more')") + query("LISTEN ch; SELECT 1/0; EXECUTE q")
    + query("BEGIN; EXECUTE f('more')") + query("ROLLBACK") + query("EXECUTE q('k1')") + run("EXECUTE q('k1', 'more')", described=False) + SYNC,
    "a question behind a Bind that had to wait": parse(INSERT) + parse("SAVEPOINT a") + SYNC + bind() + parse("EXECUTE s2('1')") + SYNC,
    "empty texts": query("") + query(";;") + query("-- nothing") + run("") + SYNC,
    "changes that give out sealed values": run("UPDATE virtual_keys SET name = 'x' WHERE slug = 'k2' RETURNING slug, key") + SYNC + query("UPDATE virtual_keys SET name = 'y' WHERE slug = 'k1' RETURNING key")
    + run("UPDATE virtual_keys SET name = 'x' WHERE slug = 'k1' RETURNING key") + run("SELECT 1/0") + SYNC + query("SELECT name FROM virtual_keys ORDER BY slug"),
    "500 statements in one pipeline": b"".join(run(BY_SLUG, f"k{n % 5}".encode(), described=False) for n in range(500)) + SYNC,
}

# Played with a cut at every byte.
SHORT = {
    "simple": query("SELECT v FROM rec WHERE id = 1"),
    "sealed": run("SELECT key FROM virtual_keys WHERE slug = $1", b"k1", described=False) + SYNC,
    "error": parse("SELEC") + SYNC + query(";"),
}
