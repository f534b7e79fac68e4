"""Random scripts: pipelines of every frontend message with errors at every position. The same seed gives the same script."""
import random

from wire import (COPY_DONE, FLUSH, SYNC, bind, close, copy_data, copy_fail, describe, execute, function_call, parse, query)

STATEMENTS = ["", "", "s1", "s2", "missing"]
PORTALS = ["", "", "p1", "p2", "c1", "missing"]
CONTROL = ["BEGIN", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "ROLLBACK TO a", "RELEASE a", "BEGIN ISOLATION LEVEL SERIALIZABLE", "PREPARE TRANSACTION 'x'"]
BOTH = [
    "SELECT 1", "", ";", "SELECT 1/0", "SELEC nothing", "SELECT $1", "SELECT no_column FROM rec", "SELECT rec_notice('x')", "SELECT rec_fails('y')",
    "SET application_name = 'a'", "RESET ALL", "SHOW DateStyle", "DO $$ BEGIN RAISE WARNING 'careful'; END $$", "DISCARD ALL", "DISCARD PLANS",
    "DEALLOCATE ALL", "DEALLOCATE s1", "CLOSE c1", "CLOSE ALL", "LISTEN ch", "NOTIFY ch, 'pay'", "UNLISTEN *",
    "FETCH 2 FROM c1", "FETCH 1 FROM p1", "MOVE 1 IN c1", "FETCH ALL FROM c2", "EXECUTE s1", "EXECUTE s2('1')",
]
PLAIN = BOTH + [
    "SELECT id, v FROM rec ORDER BY id", "SELECT * FROM rec ORDER BY id LIMIT 3", "INSERT INTO rec VALUES (1, 'dup')", "INSERT INTO rec VALUES (9, 'nine') RETURNING *",
    "DELETE FROM rec WHERE id = 9", "UPDATE rec SET n = n + 1 WHERE id = 2 RETURNING n", "INSERT INTO rec_ref VALUES (77)", "SELECT generate_series(1, 20)",
    "DECLARE c1 CURSOR FOR SELECT id, v FROM rec ORDER BY id", "DECLARE c1 BINARY CURSOR FOR SELECT id, v FROM rec ORDER BY id",
    "DECLARE c2 CURSOR WITH HOLD FOR SELECT v FROM rec ORDER BY id", "PREPARE s1 AS SELECT id FROM rec ORDER BY id", "PREPARE s2(int) AS SELECT v FROM rec WHERE id = $1",
    "CALL rec_commits()", "SELECT $1::int + 1", "SELECT v FROM rec WHERE id = $1", "INSERT INTO rec VALUES ($1, $2)", "UPDATE rec SET v = $2 WHERE id = $1", "SELECT $1::text, $2::int",
]
KEY = "SELECT id, key, auth_config FROM virtual_keys ORDER BY slug"
SEALED = BOTH + [
    KEY, KEY, "SELECT key FROM virtual_keys WHERE slug = 'k1'", "SELECT slug, v.key FROM virtual_keys AS v WHERE slug < 'k3' ORDER BY 1", "SELECT count(key) FROM virtual_keys",
    "SELECT key FROM active_virtual_keys ORDER BY slug", "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{id9}', '{org}', 'k1', 'dup')",
    "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{id9}', '{org}', 'k9', 'sëcret nine') RETURNING id, key",
    "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('no uuid', '{org}', 'k9', 'secret')", "DELETE FROM virtual_keys WHERE slug = 'k9'",
    "UPDATE virtual_keys SET key = 'changed' WHERE slug = 'k2' AND organisation_id = '{org}'", "UPDATE virtual_keys SET key = 'asked' WHERE id = '{id2}' RETURNING key",
    "UPDATE virtual_keys SET key = 'nobody' WHERE id = '{id9}' RETURNING key", "UPDATE virtual_keys SET name = key WHERE nothing", "SELECT key, nothing FROM virtual_keys",
    "DECLARE c1 CURSOR FOR SELECT slug, key FROM virtual_keys ORDER BY slug", "DECLARE c1 BINARY CURSOR FOR SELECT key FROM virtual_keys ORDER BY slug",
    "DECLARE c2 CURSOR WITH HOLD FOR SELECT key FROM virtual_keys ORDER BY slug", "DECLARE c1 CURSOR FOR SELECT v FROM rec ORDER BY id",
    "PREPARE s1 AS SELECT key FROM virtual_keys ORDER BY slug", "PREPARE s2(text) AS SELECT key FROM virtual_keys WHERE slug = $1", "PREPARE s1 AS SELECT v FROM rec ORDER BY id",
    "SELECT key FROM virtual_keys WHERE slug = $1", "UPDATE virtual_keys SET key = $1 WHERE id = $2", "UPDATE virtual_keys SET key = $1 WHERE slug = $2 AND organisation_id = '{org}' RETURNING key",
    "INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ($1, '{org}', $2, $3) RETURNING key",
    "INSERT INTO virtual_keys (id, organisation_id, slug, key, auth_config) VALUES ('{id8}', '{org}', 'k8', $1, '{{\"a\": 1}}')", "SELECT v FROM rec ORDER BY id",
]
IDS = {"org": "00000000-0000-0000-0000-0000000000a0", **{f"id{n}": f"00000000-0000-0000-0000-00000000000{n}" for n in range(1, 10)}}
SEALED = [sql.format(**IDS) if "{" in sql else sql for sql in SEALED]
VALUES = [b"1", b"2", b"k1", b"k2", b"", None, "wört".encode(), b"00000000-0000-0000-0000-000000000002", b"not a number"]
COPIES = ["COPY rec FROM STDIN", "COPY rec (id, v) FROM STDIN CSV"]
INT4PL, INT4DIV, LO_CREATE = 177, 154, 715


def parameters(sql):
    return max((n for n in range(1, 4) if f"${n}" in sql), default=0)


class Script:
    """`plain`: on tables that no rule names; else on sealed ones too. `copies`: many COPYs, with Syncs among their data."""

    def __init__(self, seed, plain, length=None, copies=False):
        self.rng = random.Random(f"{seed}/{plain}" + "/copies" * copies)
        self.copies = copies
        self.pool = PLAIN if plain else SEALED
        self.known = {}
        self.data = b"".join(self.step() for _ in range(length or self.rng.randrange(4, 25))) + SYNC

    def sql(self):
        return self.rng.choice(CONTROL) if self.rng.random() < 0.2 else self.rng.choice(self.pool)

    def step(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.22:
            return query("; ".join(self.sql() for _ in range(rng.choice([1, 1, 1, 2, 3]))))
        if roll < 0.50:
            return self.extended()
        if roll < 0.68:
            return SYNC
        if roll < 0.72:
            return FLUSH
        if roll < (0.92 if self.copies else 0.80):
            return self.copy()
        if roll < 0.84:
            oid = rng.choice([INT4PL, INT4PL, INT4DIV, 999_999])
            return function_call(oid, (7).to_bytes(4, "big"), rng.choice([0, 2]).to_bytes(4, "big"))
        return self.part()

    def extended(self):
        """A statement from Parse to Execute, parts of it left out now and then."""
        rng, sql = self.rng, self.sql()
        statement, portal = rng.choice(STATEMENTS[:4]), rng.choice(PORTALS[:4])
        self.known[statement] = sql
        parts = [parse(sql, statement), self.bind(statement, portal), describe(b"P", portal), execute(portal, rng.choice([0, 0, 0, 1, 2]))]
        if rng.random() < 0.3:
            parts.insert(1, describe(b"S", statement))
        if rng.random() < 0.2:
            parts.append(execute(portal, rng.choice([0, 1])))
        return b"".join(part for part in parts if rng.random() < 0.93)

    def bind(self, statement, portal):
        rng = self.rng
        wanted = parameters(self.known.get(statement, ""))
        count = wanted if rng.random() < 0.95 else rng.randrange(4)
        formats = rng.choice([(), (), (), (0,), (1,)]) if rng.random() < 0.9 else (0,) * count
        return bind(statement, portal, [rng.choice(VALUES) for _ in range(count)], formats, rng.choice([(), (), (0,), (1,), (1,), (0, 1)]))

    def part(self):
        """One message of the extended protocol out of its place."""
        rng = self.rng
        statement, portal = rng.choice(STATEMENTS), rng.choice(PORTALS)
        kind = rng.randrange(7)
        if kind == 0:
            self.known[statement] = sql = self.sql()
            return parse(sql, statement)
        return [self.bind(statement, portal), describe(b"S", statement), describe(b"P", portal), execute(portal, rng.choice([0, 1, 2])),
                close(b"S", statement), close(b"P", portal)][kind - 1]

    def copy(self):
        """COPY in both directions; the incoming data is good, bad, or ends with CopyFail, and may come out of place."""
        rng = self.rng
        if rng.random() < 0.3:
            return query("COPY (SELECT id, v FROM rec ORDER BY id) TO STDOUT")
        sql = rng.choice(COPIES)
        csv = "CSV" in sql
        rows = [f"{rng.choice([1, 20, 21, 22])}{',' if csv else chr(9)}row{'' if csv else chr(9) + '0'}\n".encode() for _ in range(rng.randrange(3))]
        if rng.random() < 0.2:
            rows.append(b"garbage\n")
        data = b"".join(rows)
        middle = rng.randrange(len(data) + 1)
        frames = [copy_data(data[:middle]), copy_data(data[middle:])] + [SYNC] * (rng.random() < 0.1) + [rng.choice([COPY_DONE, COPY_DONE, copy_fail()])]
        if self.copies:
            frames = [part for frame in frames for part in [SYNC] * (rng.random() < 0.4) + [frame]]
        start = query(sql) if rng.random() < 0.5 else parse(sql) + bind() + execute() + SYNC * (rng.random() < 0.2)
        start = b"" if rng.random() < 0.05 else start
        return start + b"".join(frames)
