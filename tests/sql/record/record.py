"""Records what ORMs send: `python record.py FOLDER` runs every use_* script here against a private PostgreSQL and writes
the distinct statements of each, one a line, to ../orm_<name>.sql. FOLDER holds node_modules and a venv with the ORMs
(`npm install` with the package.json here; `pip install django sqlalchemy peewee psycopg[binary] psycopg2-binary`)."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "drivers"))
from servers import Servers  # noqa: E402


class Recorded(Servers):
    def _pgseal(self):
        pass


def statements(log, name):
    """In the order of their first occurrence."""
    seen = {}
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        found = re.match(r"(?:statement|execute [^:]*): (.*)", entry.get("message", ""), re.S)
        if found and entry.get("application_name") == name:
            sql = found[1].strip()
            if "--" not in sql:
                sql = re.sub(r"\s*\n\s*", " ", sql)
            if "\n" not in sql:
                seen.setdefault(sql)
    return list(seen)


def main(folder, only=""):
    for script in sorted(HERE.glob(f"use_{only}*")):
        name = script.stem.removeprefix("use_")
        with Recorded() as servers:
            with open(servers.folder / "data" / "postgresql.conf", "a") as conf:
                conf.write("logging_collector = on\nlog_destination = jsonlog\nlog_directory = 'log'\nlog_filename = 'x.log'\n")
            servers.stop_postgres()
            servers.start_postgres()
            work = folder / script.name
            shutil.copy(script, work)
            for shared in ("entities.json", "sample.cjs"):
                shutil.copy(HERE / shared, folder)
            url = servers.direct.split("?")[0].replace("postgres@", "postgres:x@")
            env = dict(os.environ, DATABASE_URL=url, PGAPPNAME=name, NODE_PATH=str(folder / "node_modules"), PRISMA_SCHEMA_ENGINE_BINARY="/bin/true", PRISMA_HIDE_UPDATE_MESSAGE="1")
            runner = [str(folder / "venv/bin/python")] if script.suffix == ".py" else ["node"]
            ended = subprocess.run([*runner, str(work)], env=env, cwd=folder, capture_output=True, text=True)
            found = statements(servers.folder / "data/log/x.json", name)
            print(f"{name}: {len(found)} statements", ended.stderr[-1500:] if ended.returncode else "")
            (HERE.parent / f"orm_{name}.sql").write_text("".join(sql + "\n" for sql in found))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
