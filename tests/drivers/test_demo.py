"""`make demo`'s program, with whatever pgseal the other tests have."""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from servers import ROOT, VERSION


@pytest.mark.skipif(VERSION is not None, reason="it starts the distribution's PostgreSQL")
def test_the_demo_shows_both_sides_and_leaves_nothing_behind():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        env = dict(os.environ, DEMO_ONCE="1", TMPDIR=folder)
        done = subprocess.run([sys.executable, str(ROOT / "scripts/demo.py")], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert list(Path(folder).iterdir()) == []
    rows = [line for line in done.stdout.splitlines() if re.search(r" (\"?~s1|\\xf87376)", line)]
    # Thirteen columns of two tenants, whose sealed values differ.
    assert len(rows) == 26 and len({row.split()[-1] for row in rows}) == 26
    assert "sk-acme-0001" in done.stdout and "sk-globex-0001" in done.stdout
    port = int(re.search(r"DATABASE_URL=postgres://postgres@127\.0\.0\.1:(\d+)/app", done.stdout)[1])
    assert subprocess.run(["psql", "-X", f"postgres://postgres@127.0.0.1:{port}/app", "-c", ""], capture_output=True).returncode == 2
