"""Processes that are killed (-9) at every step of making, rotating, rewrapping and destroying keys.

A step is caught in the act by what it needs: KMS, which the emulator lets hang, or a row or table of the keyring, which another
transaction holds.
"""
import os
import subprocess
import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
from kms_emulator import Kms
from replicas import Replica, eventually, new_tenant, read, write


@pytest.fixture(scope="module")
def kms():
    kms = Kms().start()
    yield kms
    kms.stop()


@pytest.fixture(scope="module")
def env(kms):
    # A killed process must be caught in its first attempt.
    return {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url}


@pytest.fixture(scope="module")
def healthy(database, env):
    with Replica(database, **env) as replica:
        yield replica


@contextmanager
def held(database, lock):
    """Whoever wants to change what `lock` locks waits; gives a function that waits until somebody does."""
    with psycopg.connect(database.direct) as holder, database.connect() as watcher:
        holder.execute(lock)

        def caught():
            deadline = time.monotonic() + 30
            while watcher.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'pgseal'").fetchone() == (0,):
                assert time.monotonic() < deadline
                time.sleep(0.02)

        yield caught
        holder.rollback()


def held_rows(database, table):
    return held(database, f"LOCK TABLE {table} IN SHARE MODE")


@contextmanager
def held_call(kms, operation):
    with kms.hold(operation) as waits:
        yield lambda: waits.wait(30)


def survivors_are_sound(database, healthy, tenant, values):
    """What was acknowledged is readable, one key is active at most, and the tenant can go on writing."""
    with database.connect() as direct, healthy.connect() as through:
        # Nothing of a killed process is left in the database before we look.
        eventually(lambda: direct.execute("SELECT 1 / (count(*) = 0)::int FROM pg_locks WHERE granted AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"))
        active = direct.execute("SELECT count(*) FROM pgseal.key WHERE tenant = %s AND state = 'active'", (tenant,)).fetchone()[0]
        assert active <= 1
        for row, value in values.items():
            assert read(through, row) == value
        row = eventually(lambda: write(through, tenant, "after"))
        assert read(through, row) == "after"
        assert direct.execute("SELECT count(*) FROM pgseal.key WHERE tenant = %s AND state = 'active'", (tenant,)).fetchone() == (1,)


@pytest.mark.parametrize("step", ["GenerateDataKey", "pgseal.tenant", "pgseal.key", "Decrypt"])
def test_killed_while_a_first_key_is_made(database, kms, env, healthy, step):
    tenant = str(new_tenant(database))
    with Replica(database, **env) as doomed:
        def first_write():
            try:
                with doomed.connect() as through:
                    write(through, tenant, "lost")
            except psycopg.Error:
                pass

        with held_rows(database, step) if "." in step else held_call(kms, step) as caught:
            writer = threading.Thread(target=first_write)
            writer.start()
            caught()
            doomed.kill()
            writer.join(30)
    survivors_are_sound(database, healthy, tenant, {})


@pytest.mark.parametrize("command,step", [
    (("key", "rotate", "--tenant"), "GenerateDataKey"), (("key", "rotate", "--tenant"), "pgseal.key"),
    (("tenant", "rekey"), "DescribeKey"), (("tenant", "rekey"), "pgseal.tenant"), (("tenant", "rekey"), "ReEncrypt"), (("tenant", "rekey"), "pgseal.key"),
    (("tenant", "forget"), "Decrypt"), (("tenant", "forget"), "pgseal.key"), (("tenant", "forget"), "pgseal.certificate"),
])
def test_a_command_killed_half_way_leaves_the_tenant_as_it_was_or_done(database, direct, kms, env, healthy, command, step):
    tenant, new = str(new_tenant(database)), kms.create_key()
    with healthy.connect() as through:
        values = {write(through, tenant, "one"): "one"}
        for _ in range(2):
            ran = database.command("key", "rotate", "--tenant", tenant, **env)
            assert ran.returncode == 0, ran.stderr
        values[write(through, tenant, "two")] = "two"
    if command == ("tenant", "forget"):
        # The key that signs is made at the first certificate; it is there from now on.
        other = str(new_tenant(database))
        direct.execute("INSERT INTO pgseal.tenant (id, key_arn) VALUES (%s, 'none')", (other,))
        assert database.command("tenant", "forget", other, "--confirm", other, **env).returncode == 0
    more = {("tenant", "rekey"): ["--key-arn", new.arn], ("tenant", "forget"): ["--confirm", tenant]}.get(command, [])
    words = [os.environ["PGSEAL_BIN"], *command, tenant, *more]
    with held_rows(database, step) if "." in step else held_call(kms, step) as caught:
        doomed = subprocess.Popen(words, env=database.settings(**env), cwd=database.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        caught()
        doomed.kill()
        doomed.wait()
    survivors_are_sound(database, healthy, tenant, values)
    again = database.command(*command, tenant, *more, **env)
    assert again.returncode == 0, again.stderr
    if command == ("tenant", "rekey"):
        assert direct.execute("SELECT DISTINCT key_arn FROM pgseal.key WHERE tenant = %s", (tenant,)).fetchall() == [(new.arn,)]
    if command == ("tenant", "forget"):
        assert direct.execute("SELECT (SELECT count(*) FROM pgseal.key WHERE tenant = %s), (SELECT count(*) FROM pgseal.certificate WHERE tenant = %s)", (tenant, tenant)).fetchone() == (0, 1)
    else:
        survivors_are_sound(database, healthy, tenant, values)
