import uuid

import psycopg
import pytest
from servers import Servers

TENANTS = [uuid.UUID(int=0xA0), uuid.UUID(int=0xB0)]


@pytest.fixture(scope="session")
def servers():
    with Servers(env={"PGSEAL_LOG": "trace"}) as servers:
        with psycopg.connect(servers.direct, autocommit=True) as direct:
            for number, tenant in enumerate(TENANTS):
                direct.execute("INSERT INTO organisations VALUES (%s, %s)", (tenant, f"org{number}"))
                direct.execute("INSERT INTO prompts VALUES (%s, %s, 'parent')", (tenant, tenant))
        yield servers


@pytest.fixture
def direct(servers):
    with psycopg.connect(servers.direct, autocommit=True) as connection:
        yield connection
