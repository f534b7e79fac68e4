import subprocess
import uuid

import psycopg
import pytest
from servers import Servers

# Stands in every value that the tests have sealed.
MARK = "canary-5d1f"
TENANTS = [uuid.UUID(int=0xA0), uuid.UUID(int=0xB0)]


def files_with(text, folder):
    return subprocess.run(["grep", "-rlaF", text, str(folder)], capture_output=True, text=True).stdout.splitlines()


def populate(servers):
    """The rows that others refer to."""
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        for number, tenant in enumerate(TENANTS):
            direct.execute("INSERT INTO organisations VALUES (%s, %s)", (tenant, f"org{number}"))
            direct.execute("INSERT INTO prompts VALUES (%s, %s, 'parent')", (tenant, tenant))


def canary(servers):
    """Whatever the tests did, what they wrote through pgseal stands nowhere on disk and in no log."""
    with psycopg.connect(servers.direct, autocommit=True) as direct:
        direct.execute("CHECKPOINT")
    assert files_with("org0", servers.folder), "the search itself finds nothing"
    assert files_with(MARK, servers.folder) == []


@pytest.fixture(scope="session")
def servers():
    with Servers(env={"PGSEAL_LOG": "trace"}) as servers:
        populate(servers)
        yield servers
        canary(servers)


@pytest.fixture
def direct(servers):
    with psycopg.connect(servers.direct, autocommit=True) as connection:
        yield connection


@pytest.fixture
def through(servers):
    with psycopg.connect(servers.url, autocommit=True) as connection:
        yield connection
