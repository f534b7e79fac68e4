"""Values of each kind, and the many ways to write one in SQL or to send it as a parameter."""
import json
import os
import struct
from dataclasses import dataclass

from tables import FIXED, TYPES

# Stands in values for sealed columns only: where it is found in the sealed database, plaintext leaked.
MARK = "tw1nmark"
TENANTS = ["red", "green", "blue"]
OIDS = {"int": 23, "text": 25, "varchar": 1043, "json": 114, "jsonb": 3802, "bytea": 17, "bool": 16, "numeric": 1700, "timestamptz": 1184, "int[]": 1007, "text[]": 1009, "varchar[]": 1015, "jsonb[]": 3807, "json[]": 199, "bytea[]": 1001}
# Whose binary form is made here.
BINARY = ("int", "text", "varchar", "json", "jsonb", "bytea", "bool", "int[]", "varchar[]", "jsonb[]", "json[]", "bytea[]")
# Few, so that searches find something.
FOUND = [f"{MARK}{text}" for text in ("one", "two", "thr'ee", "fo\\ur", "fünf", "")]
HEXED = [text.encode().hex() for text in FOUND]
PLAIN = {
    "numeric": ["0", "-1.5", "12345.67", "99999.99"], "timestamptz": ["2026-11-30 12:00:00+00", "1999-12-31 23:59:59.123456+02", "infinity"],
    "text[]": ["{}", "{a,b}", '{"x y",NULL}', '{"a\\"b","~s1"}'], "bool": ["true", "false"],
}
ODD_CSV = " (FORMAT csv, DELIMITER ';', NULL 'NULL', QUOTE '''', ESCAPE '\\')"
BROKEN = ["{bad", "", "{\"a\":}", "nul", "[1,]"]
# The share of values that do not fit their type.
UNFIT = float(os.environ.get("PGSEAL_TWIN_UNFIT", "0.02"))
WORDS = ["alpha", "beta", "it's", 'a "quote"', "back\\slash", "tab\there", "new\nline", "", " ", "äß日本語", "😀", "NULL", "\\N", "\\.", "{a,b}", "(1,2)", "~s1", "a,b;c", "$1", "%s", "--x", "/*y*/", "\\x41", "null", "~"]


@dataclass
class Value:
    """`text` is PostgreSQL's text form; None is NULL."""

    kind: str
    text: str | None

    def literal(self, rng, cast=None):
        """A constant in one of SQL's spellings."""
        if self.text is None:
            return rng.choice(["NULL", f"NULL::{self.kind}"]) if cast is None else f"NULL::{cast}"
        if self.kind in ("int", "bool"):
            return self.text
        quoted = "'" + self.text.replace("'", "''") + "'"
        roll = rng.random()
        if roll < 0.08:
            quoted = "E'" + self.text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t") + "'"
        elif roll < 0.14 and "$q$" not in self.text and not self.text.endswith("$"):
            quoted = f"$q${self.text}$q$"
        elif roll < 0.17:
            quoted = "U&'" + "".join("\\\\" if c == "\\" else "''" if c == "'" else f"\\+{ord(c):06x}" if ord(c) > 126 else c for c in self.text) + "'"
        elif roll < 0.2 and len(self.text) > 4 and "'" not in self.text:
            quoted = f"'{self.text[:3]}'\n  '{self.text[3:]}'"
        roll = rng.random()
        if roll < 0.2 or cast:
            return f"{quoted}::{cast or self.kind}"
        if roll < 0.25:
            return f"CAST({quoted} AS {self.kind})"
        if roll < 0.28 and not self.kind.endswith("]") and quoted.startswith("'") and "\n " not in quoted:
            return f"{self.kind} {quoted}"
        return quoted

    def parameter(self, binary):
        """The bytes for Bind."""
        if self.text is None:
            return None
        if not binary:
            return self.text.encode()
        if self.kind == "int":
            return struct.pack(">i", int(self.text))
        if self.kind == "jsonb":
            return b"\1" + self.text.encode()
        if self.kind == "bytea":
            return bytes.fromhex(self.text[2:])
        if self.kind == "bool":
            return b"\1" if self.text == "true" else b"\0"
        return self.text.encode()


@dataclass
class Array(Value):
    """One dimension of values of one kind."""

    cells: list

    def parameter(self, binary):
        if not binary:
            return self.text.encode()
        element = OIDS[self.kind.removesuffix("[]")]
        return struct.pack(">iiiii", 1, int(any(cell.text is None for cell in self.cells)), element, len(self.cells), 1) + b"".join(map(sized, self.cells))


def array(type, cells):
    """A value of `type[]`."""
    quoted = lambda text: "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return Array(f"{type}[]", "{" + ",".join(quoted(cell.text) for cell in cells) + "}", cells)


def sized(made):
    """The bytes of a binary field behind their count."""
    return b"\xff\xff\xff\xff" if made.text is None else struct.pack(">i", len(made.parameter(True))) + made.parameter(True)


def word(rng, mark):
    roll = rng.random()
    core = rng.choice(WORDS)
    if roll < 0.03 and mark:
        core = core * rng.randint(1, 400)
    return f"{MARK}{core}{rng.randint(0, 99)}" if mark and (core or rng.random() < 0.7) else core


def document(rng, mark, depth=0):
    """A JSON text as people write them: spaces, escapes, duplicate keys, odd numbers."""
    roll = rng.random()
    space = rng.choice(["", "", " ", "\n "])
    if depth < 3 and roll < 0.45:
        keys = [rng.choice(["a", "b", "key", "ä", "", "a b", "zz", "A"]) for _ in range(rng.randint(0, 4))]
        return "{" + space + f",{space}".join(f"{json.dumps(key, ensure_ascii=rng.random() < 0.5)}{space}:{space}{document(rng, mark, depth + 1)}" for key in keys) + space + "}"
    if depth < 3 and roll < 0.65:
        return "[" + space + f",{space}".join(document(rng, mark, depth + 1) for _ in range(rng.randint(0, 4))) + space + "]"
    if roll < 0.85:
        return json.dumps(word(rng, mark), ensure_ascii=rng.random() < 0.5)
    return rng.choice(["1", "-0", "1.50", "1e5", "-2.5E-3", "12345678901234567890.10", "true", "false", "null", "0", "1E+2"])


def value(rng, kind, mark):
    """A random value; with MARK somewhere in it where `mark`, if the kind has room for it."""
    if kind in ("part", "partb"):
        return Value("text", "b" if kind == "partb" else rng.choice("abc"))
    type = TYPES.get(kind, kind)
    if rng.random() < 0.08:
        return Value(type, None)
    if kind == "owner":
        return Value(type, rng.choice("123"))
    if kind in ("ref", "noteref") and rng.random() < 0.8:
        return Value(type, str(rng.randint(1, 10) + 10 * (kind == "noteref")))
    if type == "int":
        return Value(type, str(rng.randint(1, 30)))
    if kind == "tenant":
        return Value(type, rng.choice(TENANTS))
    if kind in ("found", "foundv"):
        return Value(type, rng.choice(FOUND))
    if kind == "foundb":
        return Value(type, "\\x" + rng.choice(HEXED))
    if kind in PLAIN:
        return Value(kind, rng.choice(PLAIN[kind]))
    if kind in ("text", "varchar"):
        text = word(rng, mark)
        return Value(kind, text[:70] if kind == "varchar" and rng.random() >= UNFIT else text if kind == "text" else text + "x" * 1010)
    if kind in ("json", "jsonb"):
        if rng.random() < UNFIT:
            return Value(kind, rng.choice(BROKEN))
        return Value(kind, document(rng, mark))
    if kind == "bytea":
        return Value(kind, "\\x" + (word(rng, mark).encode() + bytes(rng.randrange(256) for _ in range(rng.randint(0, 6)))).hex())
    raise KeyError(kind)


def another(rng, old):
    """Another of the same kind; with the mark if the old one had it."""
    if old.text is None or old.kind in ("int", *PLAIN) or old.kind.endswith("]") or old.text in TENANTS or len(old.text) < 2:
        return old
    if old.text in FOUND:
        return Value(old.kind, rng.choice(FOUND))
    if old.text[2:] in HEXED:
        return Value(old.kind, "\\x" + rng.choice(HEXED))
    return value(rng, old.kind, True) if MARK in old.text or old.kind == "bytea" else old


def fitting(rng, column):
    """A value that the column takes in any row."""
    if column.kind in ("ref", "noteref"):
        return Value("int", str(rng.randint(1, 10) + 10 * (column.kind == "noteref")))
    while True:
        made = value(rng, column.kind, column.sealed)
        if made.text is None and column.kind in FIXED:
            continue
        if made.kind in ("json", "jsonb") and made.text in BROKEN or made.kind == "varchar" and len(made.text or "") > 1000:
            continue
        return made


def copied(rows, form, names):
    """What a client sends for COPY FROM in this form."""
    if "binary" in form:
        return b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"".join(struct.pack(">h", len(row)) + b"".join(map(sized, row)) for row in rows) + b"\xff\xff"
    if "csv" in form:
        delimiter, null, quote, escape = (";", "NULL", "'", "\\") if form == ODD_CSV else (",", "", '"', '"')
        escaped = lambda text: quote + "".join(escape + c if c in (quote, escape) else c for c in text) + quote
    else:
        delimiter, null = ("|", "nil") if "|" in form else ("\t", "\\N")
        special = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", delimiter: "\\" + delimiter}
        escaped = lambda text: "".join(special.get(c, c) for c in text)
    lines = [delimiter.join(names)] * ("HEADER" in form) + [delimiter.join(null if made.text is None else escaped(made.text) for made in row) for row in rows]
    return ("\n".join(lines) + "\n").encode()
