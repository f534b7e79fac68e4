"""Key policies and grants: what `pgseal policy` prints is enough, what is missing is named, what is withdrawn is felt."""
import json

import psycopg
import pytest
from kms_emulator import PRINCIPAL, Kms
from replicas import Replica, eventually, new_tenant, read, write


@pytest.fixture
def kms():
    kms = Kms().start()
    yield kms
    kms.stop()


@pytest.fixture
def env(kms):
    return {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url, "PGSEAL_KEY_SOFT_AGE": "2"}


def attach(database, kms, key, tenant, without=()):
    """Attaches the policy that pgseal prints, less some actions."""
    done = database.command("policy", key.arn, "--principal", PRINCIPAL, "--tenant", tenant)
    assert done.returncode == 0, done.stderr
    policy = json.loads(done.stdout)
    for statement in policy["Statement"]:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        statement["Action"] = [action for action in actions if action not in without]
    kms.PutKeyPolicy({"KeyId": key.arn, "PolicyName": "default", "Policy": json.dumps(policy)})


def ran(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(database, env, tenant, key):
    done = database.command("tenant", "add", tenant, "--key-arn", key.arn, **env)
    assert done.returncode == 1
    with database.connect() as direct:
        assert direct.execute("SELECT count(*) FROM pgseal.tenant WHERE id = %s", (tenant,)).fetchone() == (0,)
    return done.stderr


def test_the_printed_policy_is_enough_for_its_tenant_and_for_no_other(database, kms, env):
    tenant, other = str(new_tenant(database)), str(new_tenant(database))
    key, next_key = kms.create_key(), kms.create_key()
    for one in (key, next_key):
        attach(database, kms, one, tenant)
    said = refusal(database, env, other, key)
    assert "kms:GenerateDataKey" in said and "kms:DescribeKey" not in said
    ran(database.command("tenant", "add", tenant, "--key-arn", key.arn, **env))
    with Replica(database, **env) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
        ran(database.command("key", "rotate", "--tenant", tenant, **env))
        assert "2 data keys rewrapped" in ran(database.command("tenant", "rekey", tenant, "--key-arn", next_key.arn, **env))
    with Replica(database, **env) as cold, cold.connect() as through:
        assert read(through, row) == "v" and read(through, write(through, tenant, "w")) == "w"


@pytest.mark.parametrize("without", [["kms:DescribeKey"], ["kms:GenerateDataKey*"], ["kms:Decrypt"], ["kms:Encrypt"], ["kms:ReEncrypt*"], ["kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*"]])
def test_each_permission_that_the_policy_lacks_is_named(database, kms, env, without):
    tenant, key = str(new_tenant(database)), kms.create_key()
    attach(database, kms, key, tenant, without)
    said = refusal(database, env, tenant, key)
    for action in ("kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*"):
        assert (f"{action}: KMS denies the key" in said) == (action in without or f"{action}*" in without), said
    assert f"User: {PRINCIPAL} is not authorized to perform" in said
    attach(database, kms, key, tenant)
    ran(database.command("tenant", "add", tenant, "--key-arn", key.arn, **env))


def test_an_explicit_deny_wins_and_is_told(database, kms, env):
    tenant, key = str(new_tenant(database)), kms.create_key()
    attach(database, kms, key, tenant)
    key.policy["Statement"].append({"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"})
    assert "explicit deny" in refusal(database, env, tenant, key)


def test_a_grant_is_enough_for_its_context_and_its_end_closes_the_tenant(database, kms, env):
    tenant, other, key = str(new_tenant(database)), str(new_tenant(database)), kms.create_key()
    kms.PutKeyPolicy({"KeyId": key.arn, "Policy": json.dumps({"Statement": []})})
    operations = ["DescribeKey", "GenerateDataKey", "Decrypt", "Encrypt", "ReEncryptFrom", "ReEncryptTo"]

    def grant(context):
        return kms.CreateGrant({
            "KeyId": key.arn, "GranteePrincipal": PRINCIPAL, "Operations": operations, "Constraints": {"EncryptionContextSubset": context}})["GrantId"]

    assert "kms:DescribeKey" in refusal(database, env, tenant, key)
    wrong = grant({"tenant": other})
    assert "kms:GenerateDataKey" in refusal(database, env, tenant, key)
    kms.RevokeGrant({"KeyId": key.arn, "GrantId": wrong})
    given = grant({"keystore": "pgseal", "tenant": tenant})
    ran(database.command("tenant", "add", tenant, "--key-arn", key.arn, **env))
    with Replica(database, **env) as replica, replica.connect() as through:
        row, kept = write(through, tenant, "v"), write(through, other, "w")
        assert read(through, row) == "v"
        kms.RevokeGrant({"KeyId": key.arn, "GrantId": given})

        def closed():
            with pytest.raises(psycopg.Error) as refused:
                read(through, row)
            assert refused.value.sqlstate == "SV004"
            # Clients are told KMS's code, not who pgseal is.
            assert "AccessDeniedException" in str(refused.value) and "arn:" not in str(refused.value)

        eventually(closed)
        assert read(through, kept) == "w"
        grant({"tenant": tenant})
        assert eventually(lambda: read(through, row)) == "v"
