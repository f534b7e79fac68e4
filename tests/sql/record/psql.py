"""What psql's describing commands and pg_dump send: `python psql.py` runs them against a private PostgreSQL."""
import re
import subprocess

from record import HERE, Recorded, statements

COMMANDS = ["\\l+", "\\d", "\\d+", "\\dt+", "\\dv+", "\\di+", "\\ds+", "\\dm+", "\\dn+", "\\du+", "\\df+", "\\da", "\\dT+", "\\do", "\\dx", "\\dp", "\\ddp", "\\dy", "\\dF", "\\dFd", "\\dc", "\\dC", "\\dd", "\\dD+", "\\dE", "\\det", "\\dew", "\\dRp+", "\\dRs+", "\\drds", "\\dA+", "\\dAc", "\\db+", "\\dL", "\\dP+", "\\dX", "\\dconfig", "\\sf now", "\\sv active_virtual_keys", "\\encoding", "\\conninfo"]
TABLES = ["configs", "virtual_keys", "prompts", "prompt_versions", "guardrails", "integrations", "sso_providers", "active_virtual_keys", "requests"]

with Recorded() as servers:
    with open(servers.folder / "data" / "postgresql.conf", "a") as conf:
        conf.write("logging_collector = on\nlog_destination = jsonlog\nlog_directory = 'log'\nlog_filename = 'x.log'\n")
    servers.stop_postgres()
    servers.start_postgres()
    script = "\n".join(COMMANDS + [f"{command} {table}" for table in TABLES for command in ("\\d", "\\d+", "\\dp", "\\dt", "\\di")])
    subprocess.run(["psql", "-X", servers.direct], input=script, text=True, capture_output=True)
    for options in ([], ["--schema-only"], ["--inserts"], ["-t", "virtual_keys"], ["--column-inserts", "-t", "configs"], ["--clean", "--if-exists"]):
        subprocess.run(["pg_dump", *options, servers.direct], capture_output=True)
    for name in ("psql", "pg_dump"):
        found = [sql for sql in statements(servers.folder / "data/log/x.json", name) if not re.search(r"setseed", sql)]
        (HERE.parent / f"{name}.sql").write_text("".join(sql + "\n" for sql in found))
        print(name, len(found))
