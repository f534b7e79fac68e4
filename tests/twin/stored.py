"""What stands in the sealed database, seen without pgseal."""
import base64
import re
import subprocess

import psycopg
from tables import TABLES
from values import MARK


class Stored:
    """A look past pgseal. What is wrong goes to `failed`."""

    def __init__(self, servers):
        self.direct = psycopg.connect(servers.direct, autocommit=True)
        self.direct.execute("SET client_min_messages = warning")
        oid = self.direct.execute("SELECT oid FROM pg_database WHERE datname = 'app'").fetchone()[0]
        self.files = servers.folder / "data" / "base" / str(oid)
        self.logs = {servers.folder / name: 0 for name in ("server.log", "pgseal.log")}

    def sealed(self, failed):
        """Every value of a sealed column is sealed, and under the key of its row's tenant; gives how many there are."""
        count = 0
        owners = {bytes(kid): owner for kid, owner in self.direct.execute("SELECT kid, tenant FROM pgseal.key").fetchall()}
        for name, table in TABLES.items():
            owner = table.owner or "NULL"
            for column in table.of(True):
                searched = 2 if column.searched else 1
                stored = {"bytea": column.name, "jsonb": f"{column.name} #>> '{{}}'"}.get(column.type, f"{column.name}::text")
                for value, tenant in self.direct.execute(f"SELECT {stored}, ({owner})::text FROM {table.name} WHERE {column.name} IS NOT NULL"):
                    count += 1
                    body = self.token(value)
                    if body is None or body[0] != searched:
                        failed(f"not sealed as it should be: {name}.{column.name}: {str(value)[:80]}")
                    kid = body[25:33] if searched == 1 else body[17:25]
                    if tenant is not None and column.kind != "foundv" and owners.get(kid) != tenant:
                        failed(f"sealed for {owners.get(kid)}, in a row of {tenant}: {name}.{column.name}")
        return count

    @staticmethod
    def token(value):
        """The sealed value's bytes from its suite on."""
        if isinstance(value, bytes):
            return value[3:] if value[:3] == b"\xf8sv" else None
        found = re.fullmatch(r'"?~s([12])([A-Za-z0-9_-]+)~"?', value)
        return bytes([int(found[1])]) + base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)) if found else None

    def marks(self, failed):
        """No byte of a marked value in the database's files, deleted rows included, or in what the logs have grown by."""
        self.direct.execute("CHECKPOINT")
        marks = (MARK.encode(), MARK.encode().hex().encode())
        command = ["grep", "-rlaF", *(argument for mark in marks for argument in ("-e", mark)), str(self.files)]
        if (found := subprocess.run(command, capture_output=True, text=True).stdout):
            failed(f"plaintext in {found}")
        for log, start in self.logs.items():
            with open(log, "rb") as file:
                file.seek(start)
                text = file.read()
            self.logs[log] = start + len(text)
            lines = [line for line in text.split(b"\n") if any(mark in line for mark in marks)] if any(mark in text for mark in marks) else []
            if lines:
                failed(f"plaintext in {log.name}: {lines[:5]}")
