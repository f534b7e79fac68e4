"""The memory that keys are in is locked where that is allowed, and it is said where it is not."""
import os
import resource
import shutil
import subprocess

import pytest
from replicas import Replica, new_tenant, read, write

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
