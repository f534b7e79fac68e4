"""A crowd of real sessions that want one cold key: `python tests/keys/crowd.py 2000`. Each session has a backend of PostgreSQL's own,
a few megabytes, so that it is for a machine with room and not part of `make test`. `… 9900 pooled`: they share 40, by a PgBouncer
behind pgseal. pgseal needs two open files a session (`ulimit -n`)."""
import asyncio
import contextlib
import multiprocessing
import os
import resource
import sys
import time
import urllib.parse
from concurrent.futures import ProcessPoolExecutor

from kms_emulator import Kms
from replicas import Database, Replica, new_tenant, write
from test_poolers import PgBouncer


class Crowded(Database):
    def __init__(self, sessions):
        super().__init__()
        self.sessions = sessions

    def start_postgres(self):
        with open(self.folder / "data" / "postgresql.conf", "a") as conf:
            conf.write(f"max_connections = {self.sessions + 50}\nshared_buffers = 32MB\nlog_statement = 'none'\n")
        super().start_postgres()


async def message(reader):
    head = await reader.readexactly(5)
    return head[:1], await reader.readexactly(int.from_bytes(head[1:], "big") - 4)


async def until_ready(reader):
    rows = []
    while True:
        tag, body = await message(reader)
        if tag == b"D":
            rows.append(body[6:])
        if tag == b"E":
            raise RuntimeError(body)
        if tag == b"Z":
            return rows


async def connect(port, gate):
    async with gate:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = b"\0\3\0\0user\0postgres\0database\0app\0\0"
        writer.write((len(body) + 4).to_bytes(4, "big") + body)
        await until_ready(reader)
        return reader, writer


async def ask(session, sql, start):
    reader, writer = session
    body = sql.encode() + b"\0"
    writer.write(b"Q" + (len(body) + 4).to_bytes(4, "big") + body)
    rows = await until_ready(reader)
    return rows, time.monotonic() - start


async def crowd(port, sql, sessions):
    gate = asyncio.Semaphore(40)
    all_of_them = await asyncio.gather(*(connect(port, gate) for _ in range(sessions)))
    print(f"{sessions} sessions are open", flush=True)
    start = time.monotonic()
    answers = await asyncio.gather(*(ask(session, sql, start) for session in all_of_them))
    for _, writer in all_of_them:
        writer.close()
    return answers


def gather(port, sql, sessions):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    return asyncio.run(crowd(port, sql, sessions))


def main(sessions, pooled):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    kms = Kms(latency=0.5).start()
    try:
        with Crowded(50 if pooled else sessions) as database, contextlib.ExitStack() as stack:
            env = {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url}
            tenant = new_tenant(database)
            with Replica(database, **env) as first, first.connect() as through:
                row = write(through, tenant, "v")
            kms.calls.clear()
            if pooled:
                settings = f"max_client_conn = {sessions + 50}\ndefault_pool_size = 40"
                pooler = stack.enter_context(PgBouncer(database.folder, database.user, database.port, "transaction", settings))
                env["PGSEAL_UPSTREAM"] = f"postgres://127.0.0.1:{pooler.port}"
            with Replica(database, **env) as cold:
                port = urllib.parse.urlparse(cold.url).port
                # In a process of its own: it must not keep the emulator from answering in time.
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                    answers = pool.submit(gather, port, f"SELECT key FROM virtual_keys WHERE id = '{row}'", sessions).result()
                memory = [line for line in open(f"/proc/{cold.process.pid}/status") if line.startswith("VmHWM")][0].split()[1]
            slowest = max(seconds for _, seconds in answers)
            assert all(rows == [b"v"] for rows, _ in answers)
            print(f"{len(answers)} answers, {kms.count('Decrypt')} Decrypt, the last after {slowest:.1f} s (KMS took {kms.latency} s), "
                  f"pgseal's memory at most {int(memory) // 1024} MiB, {os.cpu_count()} cores")
            assert kms.count("Decrypt") == 1
    finally:
        kms.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] == ["pooled"])
