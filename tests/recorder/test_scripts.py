"""The scripts by hand: what pgseal answers is what PostgreSQL answers, however the bytes are cut."""
import pytest
from recorder import difference, play
from scripts import SCRIPTS, SHORT

# What pgseal says in its own words, with PostgreSQL's code: in a text that has constants of sealed columns.
OWN_WORDS = {"too few and too many parameters": ["08P01", "08P01", "08P01", "42P02"], "formats of parameters": ["08P01"]}


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(pair, name):
    for how in ("whole", "random"):
        direct, through = pair.record(SCRIPTS[name], how, len(name))
        if through.refusals():
            codes = [[body.split(b"\0C")[1][:5].decode() for tag, body in recording if tag == "E"] for recording in (direct, through)]
            assert codes[0] == codes[1] and name in OWN_WORDS, (codes, through.refusals())
        else:
            assert not (found := difference(direct, through, sealed=True)), f"{name}, sent {how}: {found}"


@pytest.mark.parametrize("name", SHORT)
def test_a_cut_at_every_byte(pair, name):
    pair.record(b"")
    script = SHORT[name]
    direct, through = pair.record(script, "bytes", reset=False)
    assert not difference(direct, through, sealed=True)
    port, database, tables = pair.sealed
    for at in range(1, len(script) + 1):
        assert not (found := difference(direct, play(port, database, script, at, tables=tables), sealed=True)), f"cut at {at}: {found}"
