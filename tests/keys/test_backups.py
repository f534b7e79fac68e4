"""Backups of the database hold the wrapped keys of the values they hold: a restore is whole, or says which key it lacks."""
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from kms_emulator import Kms
from replicas import Database, Replica, new_tenant, read, write
from servers import free_port


@pytest.fixture(scope="module")
def kms():
    kms = Kms().start()
    yield kms
    kms.stop()


@pytest.fixture(scope="module")
def env(kms):
    return {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url}


class Restored(Database):
    """A server of its own on a data directory that a backup made."""

    def __init__(self, source, *, until=None):
        """`until`: a restore point of the source, which the source's WAL is replayed up to."""
        super().__init__()
        self.source, self.until = source, until

    def backup(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pgseal-"))
        if self.user_of_postgres():
            os.chown(self.folder, pwd.getpwnam(self.user).pw_uid, -1)
        data = self.folder / "data"
        subprocess.run(["pg_basebackup", "-h", "127.0.0.1", "-p", str(self.source.port), "-U", "postgres", "-D", data, "-c", "fast", "--no-sync"], check=True)
        if self.user:
            subprocess.run(["chown", "-R", self.user, data], check=True)
        return self

    def user_of_postgres(self):
        self.user = "postgres" if os.getuid() == 0 else None
        return self.user

    def __enter__(self):
        self.pgseal, self.port, self.bin = None, free_port(), self.source.bin
        settings = f"\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n"
        if self.until:
            settings += (
                f"restore_command = 'cp {self.source.folder}/data/pg_wal/%f %p'\nrecovery_target_name = '{self.until}'\n"
                "recovery_target_action = 'promote'\n")
            self._run("touch", str(self.folder / "data" / "recovery.signal"))
        with open(self.folder / "data" / "postgresql.conf", "a") as conf:
            conf.write(settings)
        try:
            self.start_postgres()
        except BaseException:
            self.__exit__()
            raise
        self.direct = f"postgres://postgres@127.0.0.1:{self.port}/app?sslmode=disable"
        return self

    def __exit__(self, *_):
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop_postgres()
        shutil.rmtree(self.folder, ignore_errors=True)


def test_a_dump_restored_elsewhere_is_read_and_one_without_a_key_names_it(database, direct, env):
    tenants = [new_tenant(database) for _ in range(3)]
    with Replica(database, **env) as replica, replica.connect() as through:
        rows = [write(through, tenant, str(tenant)) for tenant in tenants]
    direct.execute("CREATE DATABASE restored")
    restored = database.direct.replace("/app", "/restored")
    try:
        dump = subprocess.Popen(["pg_dump", database.direct], stdout=subprocess.PIPE)
        subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", restored], stdin=dump.stdout, check=True, stdout=subprocess.DEVNULL)
        assert dump.wait() == 0
        with psycopg.connect(restored, autocommit=True) as other:
            [[kid]] = other.execute("DELETE FROM pgseal.key WHERE tenant = %s RETURNING encode(kid, 'hex')", (str(tenants[2]),)).fetchall()
        settings = dict(env, PGSEAL_KEYRING=database.settings()["PGSEAL_KEYRING"].replace("/app", "/restored"))
        with Replica(database, **settings) as replica, psycopg.connect(replica.url.replace("/app", "/restored"), autocommit=True) as through:
            assert [read(through, row) for row in rows[:2]] == [str(tenant) for tenant in tenants[:2]]
            with pytest.raises(psycopg.Error) as refused:
                read(through, rows[2])
            assert refused.value.sqlstate == "SV003" and kid in str(refused.value)
            assert read(through, write(through, tenants[0], "on")) == "on"
    finally:
        direct.execute("DROP DATABASE restored WITH (FORCE)")


def test_a_physical_copy_and_a_point_in_time_are_whole(database, direct, env):
    before, between, after = (new_tenant(database) for _ in range(3))
    with Replica(database, **env) as replica, replica.connect() as through:
        rows = [write(through, before, "before")]
        copy, point = Restored(database).backup(), Restored(database, until="here").backup()
        rows.append(write(through, between, "between"))
        assert database.command("key", "rotate", "--tenant", str(before), **env).returncode == 0
        direct.execute("SELECT pg_create_restore_point('here')")
        late = write(through, after, "after")
        raw, kid = direct.execute(
            "SELECT v.key, encode(k.kid, 'hex') FROM virtual_keys v, pgseal.key k WHERE v.id = %s AND k.tenant = v.organisation_id::text", (late,)).fetchone()
        direct.execute("SELECT pg_switch_wal()")
    with copy, Replica(copy, **env) as replica, replica.connect() as through:
        assert read(through, rows[0]) == "before"
        assert read(through, write(through, before, "on")) == "on"
    with point, Replica(point, **env) as replica, replica.connect() as through, point.connect() as inside:
        assert [read(through, row) for row in rows] == ["before", "between"]
        assert inside.execute("SELECT count(*) FROM pgseal.key WHERE tenant = %s", (str(before),)).fetchone() == (2,)
        assert inside.execute("SELECT count(*) FROM virtual_keys WHERE id = %s", (late,)).fetchone() == (0,)
        # A value that was saved from after that point: its key is of another time.
        inside.execute("UPDATE virtual_keys SET key = %s WHERE id = %s", (raw, rows[0]))
        with pytest.raises(psycopg.Error) as refused:
            read(through, rows[0])
        assert refused.value.sqlstate == "SV003" and kid in str(refused.value)
