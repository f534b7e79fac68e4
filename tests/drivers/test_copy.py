"""COPY of protected tables: rows are sealed on their way in and opened on their way out; each is looked at in the raw table."""
import uuid

import psycopg
import pytest
from conftest import TENANTS
from servers import MAJOR
from test_columns import MARK, check_raw

VALUES = [None, "", f"{MARK} plain", f"{MARK}\ttab\nline\r\nend\\", f"{MARK} \"quoted\", 'single', \\N", "\\.", f"{MARK} é😀"]


@pytest.mark.parametrize("style", ["text", "binary"])
def test_psycopg_copies_rows_both_ways(through, direct, style):
    rows = [(uuid.uuid4(), TENANTS[number % 2], value) for number, value in enumerate(VALUES)]
    types = ["uuid", "uuid", "text"]
    with through.cursor().copy(f"COPY prompts (id, organisation_id, template) FROM STDIN (FORMAT {style})") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    for row, tenant, value in rows:
        assert check_raw(direct, "prompts", "template", "text", row, tenant) == (value is not None)
    for source in ("prompts (id, organisation_id, template)", "(SELECT id, organisation_id, p.template FROM prompts p)"):
        with through.cursor().copy(f"COPY {source} TO STDOUT (FORMAT {style})") as copy:
            copy.set_types(types)
            found = {row: (tenant, value) for row, tenant, value in copy.rows()}
        assert [(row, *found[row]) for row, *_ in rows] == rows


@pytest.mark.parametrize("options,row,state", [
    ("", "{id}\t{tenant}\tn\t{{bad\n", "22P02"), ("", "{id}\t{tenant}\tn\n", "22P04"), ("", "{id}\t\\N\tn\t{{}}\n", "SV007"),
    ("", "{id}\t{tenant}\tn\t{{}}\textra\n", "22P04"), ("CSV", "{id},{tenant},\"n\n", "22P04"), ("CSV", "{id},nobody,n,{{}}\n", "SV007"),
    pytest.param("(HEADER match)", "{id}\t{tenant}\tn\t{{}}\n", "22P04", marks=pytest.mark.skipif(MAJOR < 15, reason="PostgreSQL 15 has HEADER match")),
    ("BINARY", "{id}", "22P04"), ("", "{id}\t{tenant}\tn\t{{}}\r\n\n", "22P04"),
])
def test_a_row_that_cannot_be_sealed_fails_the_copy(through, direct, options, row, state):
    key = uuid.uuid4()
    with pytest.raises(psycopg.Error) as refused:
        with through.cursor().copy(f"COPY guardrails (id, organisation_id, name, checks) FROM STDIN {options}") as copy:
            copy.write(row.format(id=key, tenant=TENANTS[0]).encode())
            copy.write(f"{MARK} never sent".encode() * 1000)
    assert refused.value.sqlstate == state and "docs/errors.md#" in refused.value.diag.message_hint
    assert MARK not in str(refused.value)
    assert through.execute("SELECT count(*) FROM guardrails WHERE id = %s", (key,)).fetchone() == (0,)
