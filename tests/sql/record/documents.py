"""PostgreSQL's regression statements for SQL/XML and SQL/JSON on protected tables: `python documents.py SOURCE` reads
src/test/regress/sql of a source tree of 17 or later, and writes the distinct statements, one a line.

Their own tables become the control plane's. Most have none: these get a protected table beside what they have, and each
fourth a sealed column in the place of its first document."""
import re
import sys
from pathlib import Path

from regress import TOKENS, statements

FILES = ("xml.sql", "sqljson.sql", "sqljson_queryfuncs.sql", "sqljson_jsontable.sql")
# Per table the one that it becomes, and its columns.
TABLES = {
    "xmltest": ("virtual_keys", {"data": "name"}), "xmldata": ("configs", {"data": "slug"}), "emp": ("guardrails", {"age": "id", "salary": "checks"}),
    "json_table_test": ("prompt_partials", {"js": "name"}), "jsonb_table_test": ("guardrails", {"js": "checks"}), "s": ("integrations", {"js": "name"}),
    "test_is_json": ("prompts", {"js": "template"}), "test_jsonb_constraints": ("virtual_keys", {"js": "key", "i": "name", "x": "auth_config"}),
}
VERBS = ("select", "with", "create view", "create or replace view", "prepare", "explain", "insert", "update", "delete")
WORDS = re.compile(r"[A-Za-z_]\w*")
DOCUMENT = re.compile(r"\bjsonb? ?'(?:[^']|'')*'")


def parts(sql):
    """Tokens, each with whether it is in no bracket, constant or quoted name."""
    depth = 0
    for token in TOKENS.finditer(sql):
        text = token[0]
        if text[0] in "'\"$":
            yield text, False
            continue
        for piece in re.split(r"([()]|\b)", text):
            depth += (piece == "(") - (piece == ")")
            if piece:
                yield piece, depth == 0


def renamed(sql):
    """Over the tables of the control plane; `None`: it has none of those that are known."""
    words = {word.lower() for text, _ in parts(sql) for word in WORDS.findall(text)}
    used = [TABLES[word] for word in words & TABLES.keys()]
    if not used:
        return None
    names = {table: new for table, (new, _) in TABLES.items()}
    for _, columns in used:
        names |= columns
    new = lambda found: names.get(found[0].lower(), found[0])
    return "".join(text if text[0] in "'\"$" else WORDS.sub(new, text) for text, _ in parts(sql))


def beside(sql, nth):
    """With a protected table; `None`: there is no place for it."""
    if nth % 4 == 0:
        sql = DOCUMENT.sub("auth_config", sql, count=1)
    pieces = list(parts(sql))
    words = [text.lower() if outside else "" for text, outside in pieces]
    if "select" not in words or {"union", "with", "set"} & set(words):
        return None
    if "from" in words:
        at = words.index("from")
        return "".join(text + (" virtual_keys," if number == at else "") for number, (text, _) in enumerate(pieces))
    if "where" in words:
        return None
    return sql + " FROM virtual_keys"


kept = {}
for name in FILES:
    for nth, sql in enumerate(statements((Path(sys.argv[1]) / name).read_text(errors="replace"))):
        variable = any(re.search(r":\w", text) for text, _ in parts(sql) if text[0] not in "'\"$" and "::" not in text)
        if sql.lower().startswith(VERBS) and "\n" not in sql and not variable and len(sql) < 1200:
            new = renamed(sql) or beside(sql, nth)
            if new:
                kept[re.sub(r" +", " ", new)] = name
(Path(__file__).resolve().parent.parent / "regress_documents.sql").write_text("".join(sql + "\n" for sql in kept))
print(len(kept), "statements")
