"""The memory that keys are in: locked where that is allowed, said where it is not, and wiped."""
import os
import resource
import shutil
import subprocess

import psycopg
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from kms_emulator import Kms
from replicas import Replica, eventually, new_tenant, read, write

IPC_LOCK = 1 << 14


def status(process):
    with open(f"/proc/{process.pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def locked(process):
    return int(status(process)["VmLck"].split()[0])


def may_lock():
    with open("/proc/self/status") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff"))
    return bool(effective & IPC_LOCK) or resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY


class Unprivileged(Replica):
    """One that may not lock memory beyond its limit."""

    def started(self, log):
        drop = ["setpriv", "--inh-caps=-ipc_lock", "--bounding-set=-ipc_lock"]
        return subprocess.Popen([*drop, os.environ["PGSEAL_BIN"], "run"], env=self.database.settings(**self.env), stderr=log, cwd=self.database.folder)


def works(replica, database):
    with replica.connect() as through:
        assert read(through, write(through, new_tenant(database), "v")) == "v"


def test_memory_is_locked_where_it_may_be(database):
    with Replica(database) as replica:
        works(replica, database)
        said = "memory is not locked" in replica.log.read_text()
        assert said != may_lock()
        # What a process has mapped is locked as it is touched: the kernel counts all of it.
        assert (locked(replica.process) > 10_000) == may_lock()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can give the capability up")
def test_memory_is_not_locked_below_a_limit_and_that_is_said(database):
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        pytest.skip("there is no limit")
    with Unprivileged(database) as replica:
        works(replica, database)
        assert locked(replica.process) == 0 and "memory is not locked" in replica.log.read_text()


def stands(process, needle):
    """How often these bytes stand in the process's memory."""
    found = 0
    try:
        memory = open(f"/proc/{process.pid}/mem", "rb", 0)
    except PermissionError:
        pytest.skip("this root may not read another process's memory (CAP_SYS_PTRACE)")
    with open(f"/proc/{process.pid}/maps") as maps, memory:
        for line in maps:
            span, mode, *_ = line.split()
            if not mode.startswith("rw"):
                continue
            start, end = (int(edge, 16) for edge in span.split("-"))
            memory.seek(start)
            try:
                found += memory.read(end - start).count(needle)
            except OSError:
                # Guard pages and the like.
                continue
    return found


def subkey(material):
    """What values are sealed with (docs/format.md)."""
    return HKDF(SHA256(), 32, None, b"sv1/rnd/xaes256gcm").derive(material)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read the memory of a process that is not dumpable")
def test_a_disabled_tenants_key_leaves_memory(database, direct):
    kms = Kms().start()
    try:
        aws = {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url}
        tenant = new_tenant(database)
        with Replica(database, **aws) as writer, writer.connect() as through:
            row = write(through, tenant, "v")
        [material] = kms.plains
        # This one has it from KMS, and not from its own making.
        with Replica(database, **aws) as replica, replica.connect() as through:
            assert read(through, row) == "v"
            assert read(through, write(through, tenant, "w" * 5000)) == "w" * 5000
            assert stands(replica.process, subkey(material)) == 1
            assert stands(replica.process, material) == 0, "what the key was derived from is still there"
            direct.execute("UPDATE pgseal.tenant SET state = 'disabled' WHERE id = %s", (str(tenant),))

            def gone():
                with pytest.raises(psycopg.Error):
                    read(through, row)
                assert stands(replica.process, subkey(material)) == stands(replica.process, material) == 0

            eventually(gone)
    finally:
        kms.stop()
