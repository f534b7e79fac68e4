"""Values of each kind, and the many ways to write one in SQL or to send it as a parameter."""
import json
import struct
from dataclasses import dataclass

# Stands in values for sealed columns only: where it is found in the sealed database, plaintext leaked.
MARK = "tw1nmark"
TENANTS = ["red", "green", "blue"]
OIDS = {"int": 23, "text": 25, "varchar": 1043, "json": 114, "jsonb": 3802, "bytea": 17, "bool": 16}
BROKEN = ["{bad", "", "{\"a\":}", "nul", "[1,]"]
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
        if self.kind == "int":
            return self.text
        if self.kind == "bool":
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
        if roll < 0.28 and quoted.startswith("'") and "\n " not in quoted:
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
    if rng.random() < 0.08:
        return Value("text" if kind == "tenant" else kind, None)
    if kind == "int":
        return Value(kind, str(rng.randint(1, 30)))
    if kind == "tenant":
        return Value("text", rng.choice(TENANTS))
    if kind in ("text", "varchar"):
        text = word(rng, mark)
        return Value(kind, text[:70] if kind == "varchar" and rng.random() < 0.97 else text if kind == "text" else text + "x" * 1010)
    if kind in ("json", "jsonb"):
        if rng.random() < 0.02:
            return Value(kind, rng.choice(BROKEN))
        return Value(kind, document(rng, mark))
    if kind == "bytea":
        return Value(kind, "\\x" + (word(rng, mark).encode() + bytes(rng.randrange(256) for _ in range(rng.randint(0, 6)))).hex())
    raise KeyError(kind)


def fitting(rng, column):
    """A value that the column takes in any row."""
    if column.kind == "part":
        return Value("text", rng.choice("abc"))
    if column.kind == "partb":
        return Value("text", "b")
    if column.name == "person":
        return Value("int", str(rng.randint(1, 10)))
    while True:
        made = value(rng, column.kind, column.sealed)
        if made.text is None and (column.kind == "tenant"):
            continue
        if made.kind in ("json", "jsonb") and made.text in BROKEN or made.kind == "varchar" and len(made.text or "") > 1000:
            continue
        return made
