"""Many tenants, many replicas, and what must never be seen of keys."""
import base64
import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from kms_emulator import Kms
from replicas import MARGIN, Replica, eventually, new_tenant, read, write

# Minutes of it are for a night: PGSEAL_SOAK=300.
SECONDS = int(os.environ.get("PGSEAL_SOAK", "5"))
SOFT_AGE = 2


@pytest.fixture
def kms():
    kms = Kms().start()
    yield kms
    kms.stop()


@pytest.fixture
def env(kms):
    return {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url, "PGSEAL_KEY_SOFT_AGE": str(SOFT_AGE)}


def test_replicas_and_commands_that_change_the_same_tenants_at_once_lose_nothing(database, direct, kms, env):
    tenants = [str(new_tenant(database)) for _ in range(6)]
    arns = [kms.create_key().arn for _ in range(3)]
    end, written, lock = time.monotonic() + SECONDS, [], threading.Lock()

    def writer(replica):
        chance = random.Random()
        while time.monotonic() < end:
            with replica.connect() as through:
                for _ in range(20):
                    tenant = chance.choice(tenants)
                    try:
                        row = write(through, tenant, tenant)
                    except psycopg.Error as refused:
                        # A machine that is busy may keep the emulator from answering in time.
                        assert refused.sqlstate in ("SV005", "SV006"), refused
                        continue
                    with lock:
                        written.append((row, tenant))

    def operator(number):
        chance = random.Random()
        while time.monotonic() < end:
            tenant = chance.choice(tenants)
            words = chance.choice([
                ("key", "rotate", "--tenant", tenant), ("tenant", "rekey", tenant, "--key-arn", chance.choice(arns)), ("tenant", "disable", tenant)])
            done = database.command(*words, **env)
            # Two at once: one is told to look again. A key is made by a first write only, and a closed tenant is not rotated.
            assert done.returncode == 0 or any(why in done.stderr for why in ("by somebody else", "no data key yet", "is disabled", "not registered", "not reachable")), done.stderr
            if words[1] == "disable":
                assert database.command("tenant", "enable", tenant, **env).returncode == 0 or "not registered" in done.stderr

    with Replica(database, **env) as a, Replica(database, **env) as b, Replica(database, **env) as c, ThreadPoolExecutor(8) as pool:
        for work in [pool.submit(writer, replica) for replica in (a, b, c, a, b, c)] + [pool.submit(operator, number) for number in range(2)]:
            work.result()
        direct.execute("UPDATE pgseal.tenant SET state = 'enabled' WHERE id = ANY(%s)", (tenants,))
        print(len(written), "values")
        assert len(written) > 20
        for replica in (a, b, c):
            with replica.connect() as through:
                eventually(lambda: [write(through, tenant, tenant) for tenant in tenants])
                wanted = dict(random.sample(written, min(len(written), 300)))
                found = through.execute("SELECT id, key FROM virtual_keys WHERE id = ANY(%s)", (list(wanted),)).fetchall()
                assert dict(found) == wanted
    active = direct.execute("SELECT tenant, count(*) FROM pgseal.key WHERE tenant = ANY(%s) AND state = 'active' GROUP BY 1", (tenants,)).fetchall()
    assert sorted(active) == sorted((tenant, 1) for tenant in tenants)


def test_no_value_is_sealed_by_a_retired_key_after_the_bound(database, direct, kms, env):
    tenant = str(new_tenant(database))
    with Replica(database, **env) as a, Replica(database, **env) as b, a.connect() as one, b.connect() as two:
        write(one, tenant, "v"), write(two, tenant, "v")
        [made] = [json.loads(line)["kid"] for line in database.command("key", "rotate", "--tenant", tenant, "--json", **env).stdout.splitlines()]

        def both_new():
            assert sealed_by(direct, one, tenant) == sealed_by(direct, two, tenant) == made

        eventually(both_new, timeout=SOFT_AGE + MARGIN)
        for _ in range(20):
            both_new()


def sealed_by(direct, through, tenant):
    """The id of the key that a value is sealed with now."""
    token = direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (write(through, tenant, "w"),)).fetchone()[0]
    return base64.urlsafe_b64decode(token[3:59])[24:32].hex()


def test_a_retired_key_seals_no_more_although_its_notice_was_lost_and_kms_is_silent(database, direct, kms, env):
    tenant = str(new_tenant(database))
    with Replica(database, **env) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
        direct.execute("ALTER TABLE pgseal.key DISABLE TRIGGER ALL; ALTER TABLE pgseal.tenant DISABLE TRIGGER ALL")
        try:
            [made] = [json.loads(line)["kid"] for line in database.command("key", "rotate", "--tenant", tenant, "--json", **env).stdout.splitlines()]
            kms.mode = "silent"

            def seals_no_more():
                with pytest.raises(psycopg.Error) as refused:
                    write(through, tenant, "w")
                assert refused.value.sqlstate == "SV005"

            eventually(seals_no_more, timeout=SOFT_AGE + MARGIN)
            assert read(through, row) == "v"
        finally:
            direct.execute("ALTER TABLE pgseal.key ENABLE TRIGGER ALL; ALTER TABLE pgseal.tenant ENABLE TRIGGER ALL")
            kms.mode = "ok"
        assert eventually(lambda: sealed_by(direct, through, tenant)) == made


def test_a_closed_tenant_is_noticed_by_notice_and_by_poll(database, direct, env):
    tenants = [str(new_tenant(database)) for _ in range(6)]
    close = "UPDATE pgseal.tenant SET state = 'disabled' WHERE id = %s"
    with Replica(database, **env) as replica, replica.connect() as through:
        rows = {tenant: write(through, tenant, "v") for tenant in tenants}

        def closed(tenant):
            try:
                read(through, rows[tenant])
            except psycopg.Error as refused:
                assert refused.sqlstate == "SV006"
            else:
                raise AssertionError("still open")

        for tenant in tenants[:5]:
            direct.execute(close, (tenant,))
            eventually(lambda: closed(tenant), timeout=1 + MARGIN)
        # A poll can be first by chance, but not five times.
        assert 'by="notice"' in replica.log.read_text()
        # What a trigger does not see, as after a restore without triggers.
        direct.execute("ALTER TABLE pgseal.tenant DISABLE TRIGGER ALL")
        try:
            direct.execute("UPDATE pgseal.tenant SET state = 'disabled', changed_at = now() WHERE id = %s", (tenants[5],))
            eventually(lambda: closed(tenants[5]), timeout=1 + MARGIN)
            assert 'by="poll"' in replica.log.read_text()
        finally:
            direct.execute("ALTER TABLE pgseal.tenant ENABLE TRIGGER ALL")


def test_disable_is_felt_by_all_replicas_within_a_second(database, env):
    """`-s` shows how long it took: docs/keys.md has the figures."""
    took = []
    with Replica(database, **env) as a, Replica(database, **env) as b, Replica(database, **env) as c:
        throughs = [replica.connect() for replica in (a, b, c)]
        for _ in range(20):
            tenant = str(new_tenant(database))
            row = write(throughs[0], tenant, "v")
            assert [read(through, row) for through in throughs] == ["v"] * 3
            assert database.command("tenant", "disable", tenant, **env).returncode == 0
            start = time.monotonic()

            def refused():
                for through in throughs:
                    with pytest.raises(psycopg.Error) as said:
                        read(through, row)
                    assert said.value.sqlstate == "SV006"

            eventually(refused, timeout=1 + MARGIN)
            took.append(time.monotonic() - start)
        for through in throughs:
            through.close()
    print(f"{sorted(took)[10] * 1000:.0f} ms in the middle, {max(took) * 1000:.0f} ms at worst of {len(took)}")


def test_cached_tenants_go_on_until_the_hard_age_when_kms_is_silent(database, kms, env):
    used, unused = new_tenant(database), new_tenant(database)
    with Replica(database, PGSEAL_KEY_HARD_AGE="6", **env) as replica, replica.connect() as through:
        rows = [write(through, tenant, "v") for tenant in (used, unused)]
        kms.mode = "silent"
        start = time.monotonic()

        def lost():
            try:
                assert read(through, rows[0]) == "v"
                # Nobody used this one since its soft age: it is there while KMS is silent all the same.
                if 3 < time.monotonic() - start < 4:
                    read(through, rows[1])
            except psycopg.Error as refused:
                assert refused.sqlstate == "SV005"
            else:
                raise AssertionError("still there")

        eventually(lost, timeout=60)
        kms.mode = "ok"
        assert eventually(lambda: [read(through, row) for row in rows]) == ["v", "v"]


def test_a_hundred_thousand_tenants_are_found_by_index(database, direct, env):
    with Replica(database, **env):
        pass
    with psycopg.connect(database.direct) as scratch:
        scratch.execute("INSERT INTO pgseal.tenant (id, key_arn) SELECT 'many-' || n, 'arn' FROM generate_series(1, 100000) n")
        scratch.execute("""INSERT INTO pgseal.key (kid, tenant, purpose, generation, state, key_arn, wrapped, context)
            SELECT substr(sha256(n::text::bytea), 1, 8), 'many-' || n, 'dek', 1, 'active', 'arn', 'x', '{}' FROM generate_series(1, 100000) n""")
        scratch.execute("ANALYZE pgseal.tenant, pgseal.key")
        for condition in ("k.tenant = 'many-5' AND k.purpose = 'dek' AND k.state = 'active'", "k.kid = substr(sha256('5'), 1, 8)", "k.tenant = 'many-5'"):
            plan = "\n".join(line for line, in scratch.execute(
                f"EXPLAIN SELECT k.wrapped, t.state FROM pgseal.key k LEFT JOIN pgseal.tenant t ON t.id = k.tenant WHERE {condition}").fetchall())
            assert "Seq Scan" not in plan, plan
        plan = scratch.execute("EXPLAIN SELECT id FROM pgseal.tenant WHERE state <> 'enabled' AND changed_at > now() - interval '61 seconds'").fetchall()
        assert "tenant_closed" in str(plan)
        scratch.rollback()


def test_keys_are_in_no_log_and_in_no_core_dump(database, direct, kms, env):
    tenant = new_tenant(database)
    with Replica(database, PGSEAL_LOG="trace", **env) as replica, replica.connect() as through:
        assert read(through, write(through, tenant, "v")) == "v"
        limits = open(f"/proc/{replica.process.pid}/limits").read()
        [core] = [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core == ["0", "0"]
        # What cannot be dumped belongs to root, whoever runs it.
        assert os.stat(f"/proc/{replica.process.pid}/environ").st_uid == 0
        database.command("key", "rotate", "--tenant", str(tenant), PGSEAL_LOG="trace", **env)
    log = replica.log.read_bytes()
    assert len(log) > 10_000 and kms.plains
    for plain in kms.plains:
        forms = [plain, plain.hex().encode(), base64.b64encode(plain), str(list(plain)).encode(), ", ".join(f"0x{byte:02x}" for byte in plain).encode()]
        assert not any(form in log for form in forms)
