#!/usr/bin/env python3
"""Starts a private PostgreSQL and pgseal, writes the secrets of two tenants, and shows what each side sees."""
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "drivers"))
from servers import Servers

TENANTS = [("acme", "a0000000-0000-4000-8000-000000000001"), ("globex", "b0000000-0000-4000-8000-000000000002")]


def rows(org, tenant, n):
    ids = [f"{n}000000{i}-0000-4000-8000-000000000000" for i in range(8)]
    return f"""
INSERT INTO organisations VALUES ('{org}', '{tenant}');
INSERT INTO configs (id, organisation_id, slug, template) VALUES ('{ids[0]}', '{org}', 'main', '{{"retry": 3, "provider": "{tenant}"}}');
INSERT INTO virtual_keys (id, organisation_id, slug, key, auth_config) VALUES ('{ids[1]}', '{org}', '{tenant}', 'sk-{tenant}-0001', '{{"region": "eu"}}');
INSERT INTO prompts (id, organisation_id, name, template) VALUES ('{ids[2]}', '{org}', 'hello', 'You work for {tenant}.');
INSERT INTO prompt_versions (id, prompt_id, template, template_text) VALUES ('{ids[3]}', '{ids[2]}', '{{"v": 1}}', 'Version one of {tenant}.');
INSERT INTO prompt_partials (id, organisation_id, name, template) VALUES ('{ids[4]}', '{org}', 'tone', 'Be kind.');
INSERT INTO guardrails (id, organisation_id, name, checks, actions) VALUES ('{ids[5]}', '{org}', 'pii', '["email"]', '["mask"]');
INSERT INTO integrations (id, organisation_id, name, credentials, certificate) VALUES ('{ids[6]}', '{org}', 'aws', '{{"token": "t-{tenant}"}}', '\\xc0ffee');
INSERT INTO sso_providers (id, organisation_id, name, client_secret, auth_settings) VALUES ('{ids[7]}', '{org}', 'okta', 'cs-{tenant}', '{{"scope": "openid"}}');
"""


COLUMNS = [
    ("configs", "template"), ("virtual_keys", "key"), ("virtual_keys", "auth_config"), ("prompts", "template"),
    ("prompt_versions", "template"), ("prompt_versions", "template_text"), ("prompt_partials", "template"),
    ("guardrails", "checks"), ("guardrails", "actions"), ("integrations", "credentials"), ("integrations", "certificate"),
    ("sso_providers", "client_secret"), ("sso_providers", "auth_settings"),
]


def psql(url, sql):
    return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", sql], check=True, capture_output=True, text=True).stdout.splitlines()


def main():
    # A signal that arrives while the servers start is heeded once they can be stopped. It must not be blocked: they would inherit that, and never end.
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Servers() as servers:
        for n, (tenant, org) in enumerate(TENANTS, 1):
            for statement in rows(org, tenant, n).strip().splitlines():
                psql(servers.url, statement)
        print(f"\n{'column':<30} {'a client of pgseal sees':<40} the table holds")
        for table, column in COLUMNS:
            clear = psql(servers.url, f"SELECT {column} FROM {table} ORDER BY id")
            raw = psql(servers.direct, f"SELECT {column} FROM {table} ORDER BY id")
            for n, (seen, held) in enumerate(zip(clear, raw)):
                print(f"{(table + '.' + column) if n == 0 else '':<30} {seen:<40} {held[:44]}…")
        print(f"\nDATABASE_URL={servers.url}")
        print(f"past pgseal:  {servers.direct}")
        if os.environ.get("DEMO_ONCE") != "1":
            print("Running until Ctrl-C.", flush=True)
            stop.wait()


if __name__ == "__main__":
    main()
