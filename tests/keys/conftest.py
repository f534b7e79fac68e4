import pytest
from replicas import Database


@pytest.fixture(scope="session")
def database():
    with Database() as database:
        yield database


@pytest.fixture
def direct(database):
    with database.connect() as connection:
        yield connection
