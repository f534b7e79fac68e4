"""Keys under attack: KMS that is away, slow, silent, wrong or says no; replicas that race; crowds that want one key."""
import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import psycopg
import pytest
from kms_emulator import Kms
from replicas import MARGIN, Replica, eventually, new_tenant, read, write
from way import Way

MARK = "canary-outage"


@pytest.fixture
def kms():
    kms = Kms().start()
    yield kms
    kms.stop()


def settings(kms, key=None, **more):
    return {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": (key or kms.create_key()).arn, "AWS_ENDPOINT_URL_KMS": kms.url, **more}


def own_key(direct, tenant, key):
    """The tenant brings its own key."""
    direct.execute("INSERT INTO pgseal.tenant (id, key_arn) VALUES (%s, %s)", (str(tenant), key.arn))


def sqlstate_of(action, *arguments):
    with pytest.raises(psycopg.Error) as raised:
        action(*arguments)
    return raised.value.sqlstate


def test_replicas_that_race_end_with_one_key_per_tenant(database, direct, kms):
    env = settings(kms)
    tenants = [new_tenant(database) for _ in range(12)]
    with Replica(database, **env) as a, Replica(database, **env) as b, Replica(database, **env) as c:
        def work(replica):
            with replica.connect() as through:
                return [write(through, tenant, f"{MARK} {tenant}") for tenant in tenants]

        with ThreadPoolExecutor(9) as pool:
            written = list(pool.map(work, [a, b, c] * 3))
        for replica in (a, b, c):
            with replica.connect() as through:
                for rows in written:
                    assert [read(through, row) for row in rows] == [f"{MARK} {tenant}" for tenant in tenants]
    for tenant in tenants:
        assert direct.execute("SELECT count(*) FROM pgseal.key WHERE tenant = %s", (str(tenant),)).fetchone() == (1,)


def test_a_crowd_that_wants_one_cold_key_asks_kms_once(database, kms):
    env = settings(kms)
    tenant = new_tenant(database)
    with Replica(database, **env) as first, first.connect() as through:
        row = write(through, tenant, "v")
    kms.calls.clear()
    kms.latency = 0.3

    async def crowd(url):
        connections = [await asyncpg.connect(url) for _ in range(80)]
        values = await asyncio.gather(*(c.fetchval("SELECT key FROM virtual_keys WHERE id = $1", row) for c in connections))
        await asyncio.gather(*(c.close() for c in connections))
        return values

    with Replica(database, **env) as cold:
        assert asyncio.run(crowd(cold.url)) == ["v"] * 80
        assert kms.count("Decrypt") == 1


def test_many_cold_tenants_ask_at_most_twenty_at_a_time(database, kms):
    env = settings(kms)
    tenants = [new_tenant(database) for _ in range(60)]
    with Replica(database, **env) as first, first.connect() as through:
        rows = [write(through, tenant, str(tenant)) for tenant in tenants]
    kms.latency, kms.most_flying = 0.2, 0

    async def crowd(url):
        connections = [await asyncpg.connect(url) for _ in rows]
        values = await asyncio.gather(*(c.fetchval("SELECT key FROM virtual_keys WHERE id = $1", row) for c, row in zip(connections, rows)))
        await asyncio.gather(*(c.close() for c in connections))
        return values

    with Replica(database, **env) as cold:
        assert asyncio.run(crowd(cold.url)) == [str(tenant) for tenant in tenants]
    assert 1 < kms.most_flying <= 20


def test_keys_of_all_buffered_rows_are_fetched_together(database, kms):
    env = settings(kms)
    tenants = [new_tenant(database) for _ in range(40)]
    with Replica(database, **env) as first, first.connect() as through:
        rows = [write(through, tenant, str(tenant)) for tenant in tenants]
    kms.latency, kms.most_flying = 0.2, 0
    with Replica(database, **env) as cold, cold.connect() as through:
        found = through.execute("SELECT organisation_id, key FROM virtual_keys WHERE id = ANY(%s)", (rows,)).fetchall()
        assert sorted(found) == sorted((tenant, str(tenant)) for tenant in tenants)
    assert 10 < kms.most_flying <= 20


@pytest.mark.parametrize("fault", ["refuse", "silent", "garbage", "throttle"])
def test_while_kms_is_away_cached_tenants_go_on_and_others_get_an_error(database, direct, kms, fault):
    env = settings(kms)
    cached, cold = new_tenant(database), new_tenant(database)
    with Replica(database, **env) as replica, replica.connect() as through:
        row = write(through, cached, "kept")
        if fault == "refuse":
            outage = kms.away()
        else:
            kms.mode, outage = fault, None
        if outage:
            outage.__enter__()
        before = direct.execute("SELECT count(*) FROM virtual_keys").fetchone()
        start = time.monotonic()
        assert sqlstate_of(write, through, cold, f"{MARK} never") == "SV005"
        assert time.monotonic() - start < 8
        assert read(through, row) == "kept"
        assert read(through, write(through, cached, "more")) == "more"
        assert direct.execute("SELECT count(*) FROM virtual_keys").fetchone()[0] == before[0] + 1
        assert direct.execute("SELECT count(*) FROM virtual_keys WHERE key LIKE %s", (f"%{MARK}%",)).fetchone() == (0,)
        kms.mode = "ok"
        if outage:
            outage.__exit__(None, None, None)
        assert read(through, eventually(lambda: write(through, cold, "back"))) == "back"


@pytest.mark.parametrize("denial", ["Disabled", "PendingDeletion", "AccessDenied"])
def test_a_revoked_key_closes_its_tenant_within_the_soft_age_and_no_other(database, direct, kms, denial):
    env = settings(kms, PGSEAL_KEY_SOFT_AGE="2")
    own, other = new_tenant(database), new_tenant(database)
    key = kms.create_key()
    with Replica(database, **env) as replica, replica.connect() as through:
        own_key(direct, own, key)
        row, kept = write(through, own, "mine"), write(through, other, "theirs")
        assert read(through, row) == "mine"
        if denial == "AccessDenied":
            key.denied.add("Decrypt")
        else:
            key.state = denial

        # Within the soft age and a second.
        deadline = time.monotonic() + 3 + MARGIN
        while True:
            assert read(through, kept) == "theirs"
            try:
                assert read(through, row) == "mine"
            except psycopg.Error as refused:
                assert refused.sqlstate == "SV004"
                break
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert sqlstate_of(read, through, row) == "SV004"
        key.denied.clear()
        key.state = "Enabled"
        # The no is remembered for five seconds.
        assert eventually(lambda: read(through, row), timeout=5 + MARGIN) == "mine"


def test_a_tenant_disabled_in_the_keyring_is_closed_and_opened_again(database, direct, kms):
    tenant = new_tenant(database)
    with Replica(database, **settings(kms)) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
        direct.execute("UPDATE pgseal.tenant SET state = 'disabled' WHERE id = %s", (str(tenant),))

        def closed():
            try:
                read(through, row)
            except psycopg.Error as refused:
                assert refused.sqlstate == "SV006"
            else:
                raise AssertionError("still open")

        eventually(closed, timeout=1 + MARGIN)
        direct.execute("UPDATE pgseal.tenant SET state = 'enabled' WHERE id = %s", (str(tenant),))
        assert eventually(lambda: read(through, row)) == "v"


def test_a_context_of_another_tenant_is_refused(database, direct, kms):
    a, b = new_tenant(database), new_tenant(database)
    env = settings(kms)
    with Replica(database, **env) as replica, replica.connect() as through:
        row, _ = write(through, a, "a"), write(through, b, "b")
    direct.execute("UPDATE pgseal.key SET context = replace(context, %s, %s) WHERE tenant = %s", (str(a), str(b), str(a)))
    with Replica(database, **env) as replica, replica.connect() as through:
        assert sqlstate_of(read, through, row) == "SV004"


def test_unknown_tenants_are_refused_where_the_operator_says_so(database, direct, kms):
    known, unknown = new_tenant(database), new_tenant(database)
    with Replica(database, **settings(kms, PGSEAL_ON_NEW_TENANT="refuse")) as replica, replica.connect() as through:
        own_key(direct, known, kms.create_key())
        assert read(through, write(through, known, "v")) == "v"
        assert sqlstate_of(write, through, unknown, f"{MARK} refused") == "SV006"
    assert direct.execute("SELECT count(*) FROM pgseal.key WHERE tenant = %s", (str(unknown),)).fetchone() == (0,)


def test_connections_that_go_dead_are_given_up(database, direct):
    """The keyring's and the catalog's: the other end says nothing, and the system does not notice either."""
    known, new = new_tenant(database), new_tenant(database)
    with Way(database.port) as way, Replica(database, PGSEAL_KEYRING=f"postgres://postgres@127.0.0.1:{way.port}/app") as replica, replica.connect() as through:
        row = write(through, known, "before")
        way.die()
        assert read(through, row) == "before"
        # An answer may take three seconds.
        assert read(through, eventually(lambda: write(through, new, "behind"), timeout=3 + MARGIN)) == "behind"
        direct.execute("CREATE VIEW outage_view AS SELECT slug, key FROM virtual_keys")
        try:
            def follows():
                with pytest.raises(psycopg.errors.FeatureNotSupported):
                    through.execute("INSERT INTO outage_view VALUES (NULL, NULL)")

            # And ten, whether the catalog has changed.
            eventually(follows, timeout=12 + MARGIN)
        finally:
            direct.execute("DROP VIEW outage_view")
        log = replica.log.read_text()
        assert "the keyring's database does not answer" in log and "the catalog cannot be followed" in log


def test_a_tenant_whose_row_is_locked_keeps_no_other_waiting(database, direct, kms):
    locked, other = new_tenant(database), new_tenant(database)
    with Replica(database, **settings(kms)) as replica, replica.connect() as through, replica.connect() as beside, ThreadPoolExecutor(1) as pool:
        own_key(direct, locked, kms.create_key())
        with direct.transaction():
            direct.execute("UPDATE pgseal.tenant SET key_arn = key_arn WHERE id = %s", (str(locked),))
            waiting = pool.submit(sqlstate_of, write, through, locked, f"{MARK} locked")
            assert waiting.result(timeout=3 + MARGIN) == "SV005"
            assert read(beside, eventually(lambda: write(beside, other, "v"), timeout=MARGIN)) == "v"
        assert read(through, eventually(lambda: write(through, locked, "then"))) == "then"
