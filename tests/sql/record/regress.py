"""PostgreSQL's regression statements on protected tables: `python regress.py SOURCE` reads src/test/regress/sql of a PostgreSQL
source tree, renames its tables and columns to the control plane's, and writes the distinct statements, one a line."""
import re
import sys
from pathlib import Path

TABLES = {
    "tenk1": "configs", "tenk2": "configs", "onek": "prompts", "onek2": "prompts", "int4_tbl": "virtual_keys", "text_tbl": "prompt_partials", "int8_tbl": "guardrails",
    "float8_tbl": "integrations", "varchar_tbl": "sso_providers", "char_tbl": "sso_providers", "j1_tbl": "prompts", "j2_tbl": "prompt_versions", "person": "virtual_keys", "emp": "guardrails",
    "aggtest": "integrations", "upsert_test": "virtual_keys", "insertconflicttest": "virtual_keys", "update_test": "configs", "returningt": "prompts", "foo": "prompts", "parent": "prompts", "child": "prompt_versions", "target": "virtual_keys", "source": "requests",
}
COLUMNS = {
    "unique1": "id", "unique2": "organisation_id", "ten": "name", "hundred": "slug", "thousand": "name", "stringu1": "template", "stringu2": "template", "string4": "template", "f1": "key", "q1": "checks", "q2": "actions",
    "four": "name", "twenty": "name", "fruit": "key", "balance": "key", "tid": "id", "sid": "id", "delta": "note",
}
VERBS = ("select", "insert", "update", "delete", "merge", "with", "values", "copy", "explain", "prepare", "declare", "table", "(select", "create view", "create index", "alter table", "truncate", "vacuum", "analyze", "lock")
TOKENS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/|;|[^;'"$/-]+|.""", re.S)


def statements(text):
    """Without psql's own commands, the data of COPY, and comments; white space is one blank."""
    text = re.sub(r"(?mi)^(copy .* from stdin[^\n]*\n)(?:.*\n)*?\\\.\n", r"\1", text)
    text = re.sub(r"(?m)^\\.*$", "", text)
    text = re.sub(r"\\(gset|gexec|g|gdesc|crosstabview)\b[^\n]*", ";", text)
    found = ""
    for token in TOKENS.finditer(text):
        part = token[0]
        if part == ";":
            yield found.strip()
            found = ""
        elif part.startswith(("--", "/*")):
            found += " "
        elif part[0] in "'\"$":
            found += part
        else:
            found += re.sub(r"\s+", " ", part)


def renamed(sql):
    word = lambda found: TABLES.get(found[0].lower()) or COLUMNS.get(found[0].lower()) or found[0]
    return "".join(part if part[0] in "'\"$" else re.sub(r"\b[A-Za-z_]\w*\b", word, part) for part in (token[0] for token in TOKENS.finditer(sql)))


def main(source):
    kept = {}
    for path in sorted(Path(source).glob("*.sql")):
        count = 0
        for sql in statements(path.read_text(errors="replace")):
            touches = any(re.search(rf"\b{table}\b", sql, re.I) for table in TABLES)
            if touches and sql.lower().startswith(VERBS) and "\n" not in sql and ":" not in re.sub(r"::|:=", "", sql) and len(sql) < 1000:
                new = re.sub(r" +", " ", renamed(sql))
                if new not in kept and count < 60:
                    count += 1
                    kept[new] = path.name
    (Path(__file__).resolve().parent.parent / "regress.sql").write_text("".join(sql + "\n" for sql in kept))
    print(len(kept), "statements")


if __name__ == "__main__":
    main(sys.argv[1])
