"""Every option of COPY, each way: what a client sees, and what then stands in the table, is what a plain twin gives; however
the data is cut."""
import random
import uuid

import psycopg
import pytest
from conftest import TENANTS
from psycopg import pq
from servers import MAJOR, ROOT

A, B = map(str, TENANTS)
# Not the mark of what is nowhere unsealed: it is in the twin, too.
MARK = "copied"
COLUMNS = ["id", "organisation_id", "slug", "name", "key", "auth_config"]
NAMES = ", ".join(COLUMNS)
ROWS = [(str(uuid.UUID(int=0xC0B_0000 + number)), (A, B)[number % 2], f"copy-{number}", name, key, document) for number, (name, key, document) in enumerate([
    ("a", f"{MARK} plain", '{"a": 1}'), ("", "", None), (None, None, '"x"'), ("quo\"te's", f"{MARK} tab\there\nline\\back", '["a\\tb", "c\\"d"]'), ("é😀", f"{MARK}, \"quoted\"; |'", "{}"),
    ("\\N", "\\.", "1"), ("none", "none", "null"), (" cr\rx ", f" {MARK} ", '{"b": [null, ","]}')])]
NAMED = "ALTER TABLE virtual_keys ALTER name SET DEFAULT 'named'"
TIDY = "DELETE FROM virtual_keys WHERE slug LIKE 'copy-%'"
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def text(delimiter="\t", null="\\N", rows=ROWS):
    """Rows in COPY's text format."""
    field = lambda value: null if value is None else "".join(ESCAPES.get(c, "\\" + c if c == delimiter else c) for c in value)
    return "".join(delimiter.join(map(field, row)) + "\n" for row in rows).encode()


def csv(delimiter=",", null="", quote='"', escape='"', header=False, rows=ROWS):
    def field(value):
        if value is None:
            return null
        plain = value not in (null, "\\.") and not any(c in value for c in (delimiter, quote, escape, "\n", "\r"))
        return value if plain else quote + "".join(escape + c if c in (quote, escape) else c for c in value) + quote
    return "".join(delimiter.join(map(field, row)) + "\n" for row in [COLUMNS] * header + list(rows)).encode()


HEADER = "\t".join(COLUMNS).encode() + b"\n"
ONE = ROWS[:1]
LATER = f"{uuid.UUID(int=0xC0B_FFFF)}\t{A}\tcopy-9\tdd\t\\x41\\102\\n\\b\\q{MARK}\t{{}}\n".encode()
INTO = [
    ("", text()), ("(FORMAT text)", text()), ("WITH (DELIMITER '|', NULL 'nil')", text("|", "nil")), ("WITH DELIMITER AS ';' NULL AS 'x'", text(";", "x")), ("(NULL E'\\001')", text(null="\1")), ("", LATER),
    ("(FORMAT csv)", csv()), ("CSV HEADER", csv(header=True)), ("WITH CSV HEADER DELIMITER ';' NULL 'zz' QUOTE '|' ESCAPE '!'", csv(";", "zz", "|", "!", True)),
    ("(FORMAT csv, HEADER true, DELIMITER E'\\t', QUOTE '''', ESCAPE '\\')", csv("\t", "", "'", "\\", True)), ("(FORMAT csv, FORCE_NOT_NULL (key, name))", csv()), ("CSV FORCE NOT NULL key, name", csv()),
    ("(FORMAT csv, FORCE_NULL (key, auth_config, name))", csv()), ("(FORMAT csv, NULL 'none', FORCE_NULL (key), FORCE_NOT_NULL (name))", csv(null="none")), ("(ENCODING 'utf-8', FORMAT csv, FREEZE off)", csv()),
    ("(FORMAT csv) WHERE slug <> 'copy-3'", csv()), (f"WHERE organisation_id = '{A}'", text()), ("", text().replace(b"\n", b"\r\n")), ("", text() + b"\\.\n"), ("", text()[:-1]), ("CSV", csv()[:-1]), ("BINARY", None), ("(FORMAT binary)", None),
]
INTO += [("(HEADER)", HEADER + text()), ("(HEADER match)", HEADER + text()), ("(FORMAT csv, HEADER match)", csv(header=True))] * (MAJOR >= 15)
INTO += [("(DEFAULT 'dd')", text(rows=ONE) + LATER)] * (MAJOR >= 16) + [("(FORMAT csv, FORCE_NULL *)", csv()), ("(LOG_VERBOSITY verbose)", text())] * (MAJOR >= 17)
OUT_OF = ["", "(DELIMITER '|', NULL 'nil')", "WITH NULL AS 'x' DELIMITER ';'", "(ENCODING 'UTF8')", "(FORMAT csv, HEADER)", "CSV HEADER FORCE QUOTE *", "(FORMAT csv, NULL '\\N')", "(FORMAT csv, HEADER, DELIMITER E'\\t', QUOTE '''', ESCAPE '\\')", "BINARY"]
OUT_OF += ["(FORMAT csv, FORCE_QUOTE (key), QUOTE '|', ESCAPE '!', NULL 'none', DELIMITER ';')", "(HEADER)"][:1 + (MAJOR >= 15)]
SOURCES = [f"virtual_keys ({NAMES})", f"(SELECT {NAMES} FROM virtual_keys WHERE slug LIKE 'copy-%' ORDER BY slug)",
           "(SELECT slug, 'x' || key AS key, ARRAY[key, name] AS both, ROW(slug, key) AS record, row_to_json(v) -> 'auth_config' AS document, auth_config::text FROM virtual_keys v WHERE slug LIKE 'copy-%' ORDER BY slug)",
           "(WITH changed AS (UPDATE virtual_keys SET name = 'n' WHERE slug = 'copy-4' RETURNING slug, key) SELECT * FROM changed)"]


@pytest.fixture(scope="module")
def sides(servers):
    """Through pgseal on the sealed tables, and directly on a plain twin of them."""
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute("CREATE DATABASE copy_twin")
        direct.execute(NAMED)
    with psycopg.connect(servers.url, autocommit=True) as sealed, psycopg.connect(servers.direct.replace("/app", "/copy_twin"), autocommit=True) as plain:
        plain.execute((ROOT / "tests/schema/portkey.sql").read_text())
        plain.execute(NAMED)
        plain.execute("INSERT INTO organisations SELECT unnest(%s::uuid[]), 'o'", (TENANTS,))
        yield sealed, plain
        sealed.execute(TIDY)
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute("DROP DATABASE copy_twin")
        direct.execute("ALTER TABLE virtual_keys ALTER name DROP DEFAULT")


def shape(result):
    return result.nfields, [result.fformat(column) for column in range(result.nfields)]


def ended(wire):
    """How it ended: its tag, or its error's code."""
    result = wire.get_result()
    while wire.get_result() is not None:
        pass
    return result.command_status or result.error_field(pq.DiagnosticField.SQLSTATE)


def put(connection, options, data, cut):
    wire = connection.pgconn
    wire.send_query(f"COPY virtual_keys ({NAMES}) FROM STDIN {options}".encode())
    begun = wire.get_result()
    assert begun.status == pq.ExecStatus.COPY_IN, begun.error_message
    lengths, at = random.Random(options), 0
    while at < len(data):
        length = {"whole": len(data), "bytes": 1, "random": lengths.randrange(1, 40)}[cut]
        wire.put_copy_data(data[at:at + length])
        at += length
    wire.put_copy_end()
    return shape(begun), ended(wire)


def take(connection, source, options):
    wire = connection.pgconn
    wire.send_query(f"COPY {source} TO STDOUT {options}".encode())
    begun = wire.get_result()
    assert begun.status == pq.ExecStatus.COPY_OUT, begun.error_message
    rows = []
    while (got := wire.get_copy_data(0))[0] > 0:
        rows.append(bytes(got[1]))
    return shape(begun), rows, ended(wire)


def content(connection):
    return connection.execute(f"SELECT {NAMES} FROM virtual_keys WHERE slug LIKE 'copy-%' ORDER BY slug").fetchall()


@pytest.mark.parametrize("cut", ["whole", "random", "bytes"])
def test_data_of_every_form_is_stored_as_in_the_twin(sides, direct, cut):
    sealed, plain = sides
    for options, data in INTO:
        for connection in sides:
            connection.execute(TIDY)
        if data is None:
            put(plain, "", text(), "whole")
            data = b"".join(take(plain, SOURCES[1], options)[1])
            plain.execute(TIDY)
        assert put(sealed, options, data, cut) == put(plain, options, data, cut), options
        assert content(sealed) == content(plain) and content(plain), options
        loose = direct.execute("SELECT slug FROM virtual_keys WHERE slug LIKE 'copy-%' AND (key !~ '^~s1[A-Za-z0-9_-]+~$' OR auth_config::text !~ '^\"~s1[A-Za-z0-9_-]+~\"$')").fetchall()
        assert loose == [], options


def test_data_of_every_form_comes_out_as_of_the_twin(sides):
    for connection in sides:
        connection.execute("DELETE FROM virtual_keys")
        put(connection, "", text(), "whole")
    for source in SOURCES:
        for options in OUT_OF:
            got = [take(connection, source, options) for connection in sides]
            assert got[0] == got[1] and got[1][1], (source, options)
