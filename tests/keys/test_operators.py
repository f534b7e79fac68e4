"""What operators are told: privileges that lack, names that are none, what is away, progress, colours."""
import os
import pty
import re
import select
import subprocess

import pytest
from replicas import Database, Replica, new_tenant, read, write
from servers import ROOT

KEYS = (ROOT / "docs/keys.md").read_text()


@pytest.fixture(scope="module")
def database():
    """One of its own: other tests leave values that only their KMS opens."""
    with Database() as database:
        yield database


@pytest.fixture
def role(database, direct):
    """A role that may do nothing."""
    direct.execute("CREATE ROLE keeper LOGIN")
    yield {"PGSEAL_KEYRING": f"postgres://keeper@127.0.0.1:{database.port}/app"}
    direct.execute("DROP OWNED BY keeper; DROP ROLE keeper")


def granted(direct, part):
    """Grants what the book says for this."""
    chapter = KEYS.split("\n## Privileges\n")[1].split("\n## ")[0]
    grants = [line.split(";")[0].replace(" TO pgseal", " TO keeper") for line in chapter.splitlines() if line.startswith("GRANT ") and part in line]
    assert grants
    for grant in grants:
        direct.execute(grant)


def test_what_the_book_says_is_enough_for_the_keyring_s_role(database, direct, role):
    assert database.command("key", "list").returncode == 0
    bare = database.command("key", "list", **role)
    assert bare.returncode == 1 and "permission denied for schema pgseal (42501)" in bare.stderr
    assert "GRANT USAGE ON SCHEMA pgseal TO keeper" in bare.stderr and "docs/keys.md#privileges" in bare.stderr
    direct.execute("GRANT USAGE ON SCHEMA pgseal TO keeper")
    half = database.command("run", **role)
    assert half.returncode == 1 and "permission denied for table tenant" in half.stderr and "GRANT SELECT, INSERT, UPDATE" in half.stderr
    granted(direct, "-- pgseal run")
    tenant = new_tenant(database)
    with Replica(database, **role) as replica, replica.connect() as through:
        row = write(through, tenant, "kept by a bare role")
        assert read(through, row) == "kept by a bare role"
        for words in (("tenant", "disable"), ("tenant", "enable"), ("key", "rotate", "--tenant"), ("key", "list", "--tenant")):
            done = database.command(*words, str(tenant), **role)
            assert done.returncode == 0, done.stderr
    # The table's values are for a command, not for the proxy.
    assert "permission denied" in database.command("verify", "virtual_keys", **role).stderr
    granted(direct, "-- pgseal seal")
    done = database.command("rotate", "virtual_keys", **role)
    assert done.returncode == 0, done.stderr
    assert "permission denied" in database.command("tenant", "forget", str(tenant), "--confirm", str(tenant), **role).stderr
    granted(direct, "-- pgseal tenant forget")
    done = database.command("tenant", "forget", str(tenant), "--confirm", str(tenant), **role)
    assert done.returncode == 0, done.stderr
    direct.execute("DELETE FROM virtual_keys")


def test_a_keyring_that_is_away_is_named_by_its_place(database):
    done = database.command("check", PGSEAL_KEYRING="postgres://somebody:secret@127.0.0.1:1/app")
    assert done.returncode == 1 and "database app: keyring at 127.0.0.1:1: " in done.stderr and "refused" in done.stderr and "secret" not in done.stderr


def test_rules_that_do_not_fit_the_schema_are_a_wrong_configuration(database, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text('[[seal]]\ntable = "no_such"\ntenant = "t"\ncolumns = ["x"]\n')
    done = database.command("run", PGSEAL_RULES=str(rules))
    assert done.returncode == 64 and f"{rules}:1: table public.no_such does not exist" in done.stderr


@pytest.mark.parametrize("settings", [
    {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": "hello"}, {"PGSEAL_LOG": "a=b=c"}, {"PGSEAL_KEYRING": "app"}, {"PGSEAL_TLS_CERT": "/none", "PGSEAL_TLS_KEY": "/none"}])
def test_a_wrong_setting_is_named(database, settings):
    done = database.command("run", **settings)
    assert done.returncode == 64 and (list(settings)[-1] in done.stderr or "/none" in done.stderr), done.stderr


def test_names_that_are_none_are_said(database):
    for words in (("rotate", "nope"), ("verify", "public.nope")):
        done = database.command(*words)
        assert done.returncode == 1 and "public.nope has no rule: rules are of public.configs, " in done.stderr and "public.virtual_keys" in done.stderr
    done = database.command("key", "list", "--tenant", "nobody")
    assert (done.returncode, done.stdout) == (1, "") and "nobody is not registered" in done.stderr
    # No column of these rules is searchable.
    done = database.command("key", "rotate", "--search", PGSEAL_KEYRING=database.settings()["PGSEAL_KEYRING"].replace("/app", "/postgres"))
    assert done.returncode == 0 and "no tenant that is enabled has a search key: nothing was rotated" in done.stdout


def test_the_log_is_in_colour_on_a_terminal_only(database):
    settings = {name: value for name, value in database.settings().items() if name != "NO_COLOR"}
    words = [os.environ["PGSEAL_BIN"], "key", "list"]
    plain = subprocess.run(words, env=settings, cwd=database.folder, capture_output=True, text=True)
    assert "not for production" in plain.stderr and "\x1b" not in plain.stderr
    assert "\x1b[" in on_terminal(words, settings, database.folder)
    assert "\x1b[3" not in on_terminal(words, settings | {"NO_COLOR": "1"}, database.folder)


def test_progress_is_shown_on_a_terminal(database, direct):
    tenant = new_tenant(database)
    with Replica(database) as replica, replica.connect() as through:
        for n in range(1200):
            write(through, tenant, f"progress {n}")
    words = [os.environ["PGSEAL_BIN"], "verify", "virtual_keys"]
    quiet = subprocess.run(words, env=database.settings(), cwd=database.folder, capture_output=True, text=True)
    assert quiet.returncode == 0 and "█" not in quiet.stderr and not re.search(r"\d/\d+ values", quiet.stderr), quiet.stderr
    shown = on_terminal([*words, "--rows-per-second", "1000"], database.settings(), database.folder)
    steps = [(int(done), int(all)) for done, all in re.findall(r"(\d+)/(\d+) values", shown)]
    assert len(set(steps)) > 1 and all(done <= all for done, all in steps) and max(all for _, all in steps) >= 1200, shown
    assert "█" in shown


def on_terminal(words, settings, folder):
    """What a command writes to standard error where that is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(words, env=settings | {"TERM": "xterm"}, cwd=folder, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                said += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    assert process.returncode == 0, said
    return said.decode()
