"""Every sealed column through node-postgres, with unnamed and named statements."""
import base64
import json
import os
import subprocess
from pathlib import Path

from conftest import TENANTS
from test_columns import KINDS, check_raw, extra, owner, takes_a_megabyte, values

SCRIPT = Path(__file__).parent / "node" / "columns.cjs"


@KINDS
def test_node_postgres(servers, direct, table, column, kind):
    all_values = values(kind, takes_a_megabyte(table, column, kind))
    job = {
        "url": servers.url, "table": table, "column": column, "kind": kind, "owner": owner(table), "name": extra(table, 0)[0],
        "tenants": [str(tenant) for tenant in TENANTS],
        "values": [base64.b64encode(value).decode() if isinstance(value, bytes) else value for value in all_values],
    }
    done = subprocess.run(["node", str(SCRIPT)], input=json.dumps(job), text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 8 * len(all_values)
    for row in rows:
        assert check_raw(direct, table, column, kind, row["row"], row["tenant"]) == (not row["empty"])


def test_the_packages_are_the_tests_own():
    """The driver under test is the one of the lock file, not one that happens to lie about."""
    lock = json.loads((SCRIPT.parent / "package-lock.json").read_text())
    installed = json.loads((Path(os.environ["NODE_PATH"]) / "pg" / "package.json").read_text())
    assert installed["version"] == lock["packages"]["node_modules/pg"]["version"]
