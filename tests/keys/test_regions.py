"""Aliases, multi-Region keys, several regions and accounts: what `kms_routes` says is what the SDK does."""
import psycopg
import pytest
from kms_emulator import Kms
from replicas import Replica, eventually, new_tenant, read, write


@pytest.fixture
def kms():
    kms = Kms().start()
    yield kms
    kms.stop()


@pytest.fixture
def env(kms):
    return {
        "PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url, "AWS_ENDPOINT_URL_STS": kms.url,
        "PGSEAL_KEY_SOFT_AGE": "2"}


def ran(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_alias_is_followed_at_each_new_key_and_what_it_wrapped_before_still_opens(database, direct, kms, env):
    tenant, first, second = str(new_tenant(database)), kms.create_key(), kms.create_key()
    alias = first.arn.rsplit(":", 1)[0] + ":alias/acme"
    kms.aliases[alias] = first.arn
    ran(database.command("tenant", "add", tenant, "--key-arn", alias, **env))
    arns = "SELECT key_arn FROM pgseal.key WHERE tenant = %s ORDER BY generation"
    with Replica(database, **env) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
        assert direct.execute(arns, (tenant,)).fetchall() == [(first.arn,)]
        kms.aliases[alias] = second.arn
        ran(database.command("key", "rotate", "--tenant", tenant, **env))
        assert direct.execute(arns, (tenant,)).fetchall() == [(first.arn,), (second.arn,)]
    with Replica(database, **env) as cold, cold.connect() as through:
        assert read(through, row) == "v" and read(through, write(through, tenant, "w")) == "w"
    assert "1 data keys rewrapped" in ran(database.command("tenant", "rekey", tenant, "--key-arn", alias, **env))
    assert direct.execute(arns, (tenant,)).fetchall() == [(second.arn,), (second.arn,)]


def test_keys_of_other_regions_and_accounts_are_reached_and_rekeyed_across(database, direct, kms, env):
    abroad = kms.create_key("us-east-1", "444455556666")
    role = "arn:aws:iam::444455556666:role/pgseal"
    kms.roles[role], kms.callers["444455556666"] = "acme", "ASIA444455556666"
    own, theirs = str(new_tenant(database)), str(new_tenant(database))

    refused = database.command("tenant", "add", theirs, "--key-arn", abroad.arn, **env)
    assert refused.returncode == 1 and "AccessDenied" in refused.stderr
    env["PGSEAL_KMS_ROUTES"] = f'[{{ keys = "arn:aws:kms:us-east-1:444455556666:", role_arn = "{role}", external_id = "acme" }}]'
    ran(database.command("tenant", "add", theirs, "--key-arn", abroad.arn, **env))
    with Replica(database, **env) as replica, replica.connect() as through:
        rows = [write(through, own, "own"), write(through, theirs, "theirs")]
        assert [read(through, row) for row in rows] == ["own", "theirs"]
    kms.calls.clear()
    assert "1 data keys rewrapped" in ran(database.command("tenant", "rekey", own, "--key-arn", abroad.arn, **env))
    # ReEncrypt knows one region and one caller: it is proven within them, and Decrypt and Encrypt take the key across.
    assert (kms.count("ReEncrypt"), kms.count("Decrypt"), kms.count("Encrypt")) == (1, 2, 2)
    with Replica(database, **env) as cold, cold.connect() as through:
        assert [read(through, row) for row in rows] == ["own", "theirs"]

    env["PGSEAL_KMS_ROUTES"] = env["PGSEAL_KMS_ROUTES"].replace("acme", "wrong")
    with Replica(database, **env) as cold, cold.connect() as through, pytest.raises(psycopg.Error) as refused:
        read(through, rows[0])
    assert refused.value.sqlstate == "SV005"


def test_a_multi_region_key_is_asked_elsewhere_while_its_region_is_silent(database, kms, env):
    key = kms.create_key("us-east-1", replicas=["us-west-2"])
    env["PGSEAL_KMS_ROUTES"] = f'[{{ keys = "{key.arn}", replicas = ["us-west-2"] }}]'
    tenant = str(new_tenant(database))
    ran(database.command("tenant", "add", tenant, "--key-arn", key.arn, **env))
    with Replica(database, **env) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
    kms.silent_regions.add("us-east-1")
    with Replica(database, **env) as cold, cold.connect() as through:
        assert eventually(lambda: read(through, row)) == "v"


def test_a_tenant_s_key_has_an_endpoint_of_its_own(database, direct, kms, env):
    other = Kms().start()
    try:
        key, own, theirs = other.create_key("eu-west-1", "444455556666"), str(new_tenant(database)), str(new_tenant(database))
        refused = database.command("tenant", "add", theirs, "--key-arn", key.arn, **env)
        assert refused.returncode == 1 and "NotFoundException" in refused.stderr
        env["PGSEAL_KMS_ROUTES"] = f'[{{ keys = "arn:aws:kms:eu-west-1:444455556666:", endpoint = "{other.url}" }}]'
        ran(database.command("tenant", "add", theirs, "--key-arn", key.arn, **env))
        kms.calls.clear()
        with Replica(database, **env) as replica, replica.connect() as through:
            rows = [write(through, own, "own"), write(through, theirs, "theirs")]
            assert {tenant for _, _, tenant in kms.calls} == {own} and {tenant for _, _, tenant in other.calls} == {theirs, None}
            with other.away():
                # One endpoint away closes nobody of another.
                assert read(through, write(through, own, "more")) == "more"
        with Replica(database, **env) as cold, cold.connect() as through:
            assert [read(through, row) for row in rows] == ["own", "theirs"]
    finally:
        other.stop()


def test_a_key_that_no_route_names_is_refused_where_only_routes_may_be_used(database, direct, kms, env):
    key, tenant = kms.create_key("us-east-1", "444455556666"), str(new_tenant(database))
    ran(database.command("tenant", "add", tenant, "--key-arn", key.arn, **env))
    with Replica(database, PGSEAL_KMS_ONLY_ROUTES="true", **env) as replica, replica.connect() as through:
        with pytest.raises(psycopg.Error) as refused:
            write(through, tenant, "v")
        assert refused.value.sqlstate == "SV004" and "kms_only_routes" in str(refused.value)
        other = new_tenant(database)
        assert read(through, write(through, other, "by the default key")) == "by the default key"


@pytest.mark.parametrize("routes,said", [
    ('[{ keys = "key/1" }]', "no beginning of an ARN"), ('[{ keys = "arn:a", rol = "x" }]', "unknown field"), ("[{", "PGSEAL_KMS_ROUTES"),
    ('[{ keys = "arn:a", external_id = "x" }]', "needs role_arn"), ('[{ keys = "arn:a" }, { keys = "arn:a" }]', "two entries"),
])
def test_routes_that_cannot_be_used_are_said(database, env, routes, said):
    done = database.command("run", PGSEAL_KMS_ROUTES=routes, **env)
    assert done.returncode == 64 and said in done.stderr
