"""Every driver's program runs on a plain table directly, on a sealed one through pgseal, and on a plain one through pgseal.

A program (matrix/) says its driver's version and then prints one JSON line per step: values, types, row counts, errors.
The three answers must be equal, and the raw sealed table is looked at. A new driver is one file and one line in PROGRAMS.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.types.string import TextLoader
from servers import Servers

MATRIX = Path(__file__).parent / "matrix"
MARK = "matrix-4c7e"
TEXTS = ["", f"{MARK} plain", f"{MARK} 'quotes' \"double\" back\\slash \\n, {{braces}} $1 ?", f"{MARK} äß日本語\ttab\nline", f"{MARK} 😀\u202e", f"{MARK} " + "x" * 50_000]
SEALED = {"secret": "text", "pin": "text", "settings": "jsonb", "raw": "json", "blob": "bytea"}

# Each: its command, and what must be on the machine. In CI nothing is skipped.
PROGRAMS = {
    "psycopg2": ([sys.executable, "use_psycopg2.py"], []),
    "psycopg 3, client binding": ([sys.executable, "use_psycopg.py", "client"], []),
    "psycopg 3, text": ([sys.executable, "use_psycopg.py", "text"], []),
    "psycopg 3, binary": ([sys.executable, "use_psycopg.py", "binary"], []),
    "asyncpg": ([sys.executable, "use_asyncpg.py"], []),
    "SQLAlchemy, psycopg2": ([sys.executable, "use_sqlalchemy.py", "psycopg2"], []),
    "SQLAlchemy, psycopg": ([sys.executable, "use_sqlalchemy.py", "psycopg"], []),
    "SQLAlchemy, asyncpg": ([sys.executable, "use_sqlalchemy.py", "asyncpg"], []),
    "Django": ([sys.executable, "use_django.py"], []),
}

# What differs by design, or is not there yet: (driver, step): why. Such a step must be an error of pgseal's own (0A000, SV007).
DIFFERENT = {
    **{(driver, "copy of the sealed table"): "COPY of a sealed table is refused" for driver in ("psycopg2", "psycopg 3, client binding", "psycopg 3, text", "psycopg 3, binary", "asyncpg")},
    ("psycopg2", "several updates by key in one text"): "of several updates in one text each must name its tenant",
    ("Django", "bulk update of several tenants"): "one statement's new values must be one tenant's",
}


@pytest.fixture(scope="module")
def pair():
    """Two servers: one whose disk must never see a value, and one that holds them in plain text."""
    with Servers(rules=MATRIX / "sealed.toml", schema=MATRIX / "schema.sql") as sealed, Servers(rules=MATRIX / "other.toml", schema=MATRIX / "schema.sql") as twin:
        yield sealed, twin


def answers(command, url):
    """The lines that a program prints: the driver's version first, then its steps."""
    env = dict(os.environ, DATABASE_URL=url, PGSSLMODE="disable", PYTHONDONTWRITEBYTECODE="1")
    given = "\n".join(base64.b64encode(text.encode()).decode() for text in TEXTS)
    done = subprocess.run(command, input=given, text=True, capture_output=True, timeout=300, cwd=MATRIX, env=env)
    assert done.returncode == 0, done.stderr[-5000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[0], {line["step"]: line["got"] for line in lines[1:]}, done.stderr


def content(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.adapters.register_loader("json", TextLoader)
        return connection.execute("SELECT id, account_id, label, rank, secret, pin, settings, raw, blob FROM vaults ORDER BY id").fetchall()


def empty(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE vaults, notes RESTART IDENTITY")


def raw_is_sealed(sealed, rows):
    """Each value in the raw table is sealed under its row's tenant; gives how many there are."""
    keys = {}
    with psycopg.connect(sealed.direct, autocommit=True) as direct:
        keys.update(direct.execute("SELECT kid, tenant FROM pgseal.key").fetchall())
        raw = direct.execute(f"SELECT id, account_id, label, rank, {', '.join(SEALED)} FROM vaults ORDER BY id").fetchall()
    assert [row[:4] for row in raw] == [row[:4] for row in rows]
    count = 0
    for row, plain in zip(raw, rows):
        for kind, value, expected in zip(SEALED.values(), row[4:], plain[4:]):
            assert (value is None) == (expected is None), row[0]
            if value is None:
                continue
            if kind == "bytea":
                assert bytes(value)[:4] == b"\xf8sv\x01"
                body = bytes(value)[4:]
            else:
                assert value.startswith("~s1") and value.endswith("~"), row[0]
                body = base64.urlsafe_b64decode(value[3:-1] + "==")
            assert keys[body[24:32]] == str(row[1]) and MARK.encode() not in body
            count += 1
    return count


@pytest.mark.parametrize("driver", PROGRAMS)
def test_answers_are_those_of_a_direct_connection(pair, driver):
    sealed, twin = pair
    command, needed = PROGRAMS[driver]
    for program in needed:
        if shutil.which(program) is None and not os.environ.get("CI"):
            pytest.skip(f"{driver}: {program} is not installed")

    def plainly():
        empty(twin.direct)
        expected = answers(command, twin.direct)
        rows = content(twin.direct)
        empty(twin.direct)
        return expected, rows, answers(command, twin.url), content(twin.direct)

    empty(sealed.direct)
    with ThreadPoolExecutor() as pool:
        plain = pool.submit(plainly)
        version, got, _ = answers(command, sealed.url)
        (_, expected, complaints), rows, (_, forwarded, _), forwarded_rows = plain.result()
    assert not [step for step, answer in expected.items() if isinstance(answer, dict) and "error" in answer], complaints
    assert MARK in json.dumps(expected)
    assert forwarded == expected and forwarded_rows == rows
    assert list(got) == list(expected)
    for step in expected:
        if (driver, step) in DIFFERENT and got[step] != expected[step]:
            assert got[step]["error"]["state"] in ("0A000", "SV007"), got[step]
            continue
        assert got[step] == expected[step], step
    # A step that may differ works on rows above 900.
    opened = content(sealed.url)
    assert raw_is_sealed(sealed, opened) > 50
    if got != expected:
        opened, rows = ([row for row in all_rows if row[0] <= 900] for all_rows in (opened, rows))
    assert opened == rows


def test_no_value_reached_the_sealed_server(pair):
    sealed, _ = pair
    with psycopg.connect(sealed.direct, autocommit=True) as direct:
        direct.execute("CHECKPOINT")
    found = subprocess.run(["grep", "-rlaF", MARK, str(sealed.folder)], capture_output=True, text=True)
    assert found.stdout == ""
