"""Every driver's program runs on a plain table directly, on a sealed one through pgseal, and on a plain one through pgseal.

A program (matrix/) says its driver's version and then prints one JSON line per step: values, types, row counts, errors.
The three answers must be equal, and the raw sealed table is looked at. A new driver is one file and one line in PROGRAMS.
With MATRIX_RESULTS=folder each result is written there, for scripts/compatibility.py.
"""
import base64
import functools
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from conftest import files_with
from psycopg.types.string import TextLoader
from servers import Servers

MATRIX = Path(__file__).parent / "matrix"
# Where `make drivers` builds the Rust programs.
RUST = Path(os.environ.get("PGSEAL_RUST_DRIVERS", Path.home() / ".cache/pgseal/rust-drivers/debug"))
MARK = "matrix-4c7e"
TEXTS = ["", f"{MARK} plain", f"{MARK} 'quotes' \"double\" back\\slash \\n, {{braces}} $1 ?", f"{MARK} äß日本語\ttab\nline", f"{MARK} 😀\u202e", f"{MARK} " + "x" * 50_000]
SEALED = {"secret": "text", "pin": "text", "settings": "jsonb", "raw": "json", "blob": "bytea"}

# Each: its command, and what must be on the machine. In CI nothing is skipped.
JDBC = ["java", "-cp", "/usr/share/java/postgresql.jar", "Jdbc.java"]
PROGRAMS = {
    "psql": ([sys.executable, "use_psql.py"], ["psql"]),
    "psycopg2": ([sys.executable, "use_psycopg2.py"], []),
    "psycopg 3, client binding": ([sys.executable, "use_psycopg.py", "client"], []),
    "psycopg 3, text": ([sys.executable, "use_psycopg.py", "text"], []),
    "psycopg 3, binary": ([sys.executable, "use_psycopg.py", "binary"], []),
    "asyncpg": ([sys.executable, "use_asyncpg.py"], []),
    "SQLAlchemy, psycopg2": ([sys.executable, "use_sqlalchemy.py", "psycopg2"], []),
    "SQLAlchemy, psycopg": ([sys.executable, "use_sqlalchemy.py", "psycopg"], []),
    "SQLAlchemy, asyncpg": ([sys.executable, "use_sqlalchemy.py", "asyncpg"], []),
    "Django": ([sys.executable, "use_django.py"], []),
    "node-postgres": (["node", "use_pg.cjs"], ["node"]),
    "postgres.js": (["node", "use_postgres_js.cjs"], ["node"]),
    "knex": (["node", "use_knex.cjs"], ["node"]),
    "Sequelize": (["node", "use_sequelize.cjs"], ["node"]),
    "TypeORM": (["node", "use_typeorm.cjs"], ["node"]),
    "Drizzle": (["node", "use_drizzle.cjs"], ["node"]),
    "Prisma": (["node", "use_prisma.cjs"], ["node"]),
    "lib/pq": (["{go}", "lib/pq", "golang-github-lib-pq-dev"], ["go"]),
    "pgx": (["{go}", "pgx", "golang-github-jackc-pgx-v4-dev"], ["go"]),
    "tokio-postgres": (["{rust}/use_tokio_postgres"], []),
    "sqlx": (["{rust}/use_sqlx"], []),
    "diesel": (["{rust}/use_diesel"], []),
    "ruby-pg": (["ruby", "use_pg.rb"], ["ruby"]),
    "PHP PDO": (["php", "use_pdo.php", "native"], ["php"]),
    "PHP PDO, emulated prepares": (["php", "use_pdo.php", "emulated"], ["php"]),
    "PHP pgsql": (["php", "use_pdo.php", "pgsql"], ["php"]),
    "DBD::Pg": (["perl", "use_dbd.pl", "server"], ["perl"]),
    "DBD::Pg, client-side placeholders": (["perl", "use_dbd.pl", "client"], ["perl"]),
    "JDBC": ([*JDBC, ""], ["java"]),
    "JDBC, preferQueryMode=simple": ([*JDBC, "preferQueryMode=simple"], ["java"]),
    "JDBC, prepareThreshold=1, reWriteBatchedInserts": ([*JDBC, "prepareThreshold=1&reWriteBatchedInserts=true"], ["java"]),
}


@pytest.fixture(scope="module")
def pair():
    """Two servers: one whose disk must never see a value, and one that holds them in plain text."""
    with Servers(rules=MATRIX / "sealed.toml", schema=MATRIX / "schema.sql") as sealed, Servers(rules=MATRIX / "other.toml", schema=MATRIX / "schema.sql") as twin:
        yield sealed, twin
        with psycopg.connect(sealed.direct, autocommit=True) as direct:
            direct.execute("CHECKPOINT")
        assert files_with(MARK, sealed.folder) == []


def answers(command, url):
    """The lines that a program prints: the driver's version first, then its steps."""
    env = dict(os.environ, DATABASE_URL=url, PGSSLMODE="disable", PYTHONDONTWRITEBYTECODE="1")
    given = "\n".join(base64.b64encode(text.encode()).decode() for text in TEXTS)
    done = subprocess.run(command, input=given, text=True, capture_output=True, timeout=600, cwd=MATRIX, env=env)
    assert done.returncode == 0, done.stderr[-5000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[0], {line["step"]: line["got"] for line in lines[1:]}, done.stderr


@functools.cache
def built_go(folder):
    """Debian's packages are laid out for GOPATH mode."""
    env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode")
    subprocess.run(["go", "build", "-o", str(folder / "go-matrix"), "."], cwd=MATRIX / "go", env=env, check=True)
    return str(folder / "go-matrix")


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
    command = [built_go(twin.folder) if word == "{go}" else word.replace("{rust}", str(RUST)) for word in command]
    if not Path(command[0]).exists() and command[0].startswith(str(RUST)) and not os.environ.get("CI"):
        pytest.skip(f"{driver}: `make drivers` has not built it")

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
        assert got[step] == expected[step], step
    opened = content(sealed.url)
    assert raw_is_sealed(sealed, opened) > 25
    assert opened == rows
    if folder := os.environ.get("MATRIX_RESULTS"):
        (Path(folder) / f"{list(PROGRAMS).index(driver):02}.json").write_text(json.dumps({"name": driver, **version, "steps": list(expected)}))
