"""`pgseal tenant`, `pgseal key` and `pgseal policy`, while a proxy runs."""
import base64
import json

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from kms_emulator import Kms
from replicas import Replica, eventually, new_tenant, read, write


@pytest.fixture
def kms():
    kms = Kms().start()
    yield kms
    kms.stop()


@pytest.fixture
def env(kms):
    return {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key().arn, "AWS_ENDPOINT_URL_KMS": kms.url, "PGSEAL_KEY_SOFT_AGE": "2"}


def ran(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines(done):
    return [json.loads(line) for line in ran(done).splitlines()]


def test_a_tenant_brings_its_key_and_its_values_are_under_it(database, direct, kms, env):
    tenant, key = str(new_tenant(database)), kms.create_key()
    assert "proven" in ran(database.command("tenant", "add", tenant, "--key-arn", key.arn, **env))
    assert [call for call, arn, _ in kms.calls if arn == key.arn] == ["DescribeKey", "GenerateDataKey", "Decrypt", "Encrypt", "ReEncrypt"]
    with Replica(database, **env) as replica, replica.connect() as through:
        assert read(through, write(through, tenant, "v")) == "v"
    assert direct.execute("SELECT key_arn FROM pgseal.key WHERE tenant = %s", (tenant,)).fetchall() == [(key.arn,)]
    [row] = [row for row in lines(database.command("tenant", "list", "--json", **env)) if row["tenant"] == tenant]
    assert row == {"tenant": tenant, "state": "enabled", "keys": 1, "key_arn": key.arn}
    shown = ran(database.command("tenant", "show", tenant, **env))
    assert key.arn in shown and "active" in shown
    again = database.command("tenant", "add", tenant, "--key-arn", key.arn, **env)
    assert again.returncode == 1 and "registered already" in again.stderr


@pytest.mark.parametrize("fault,said", [
    ("DescribeKey", "kms:DescribeKey"), ("GenerateDataKey", "kms:GenerateDataKey"), ("Decrypt", "kms:Decrypt"), ("Encrypt", "kms:Encrypt"), ("ReEncrypt", "kms:ReEncrypt*"),
    ("Disabled", "not enabled"), ("PendingDeletion", "PendingDeletion"), ("spec", "RSA_2048"), ("unknown", "NotFoundException"),
])
def test_a_key_that_cannot_be_used_is_not_stored_and_what_it_lacks_is_said(database, direct, kms, env, fault, said):
    tenant, key = str(new_tenant(database)), kms.create_key()
    if fault in ("Disabled", "PendingDeletion"):
        key.state = fault
    elif fault == "spec":
        key.spec = "RSA_2048"
    elif fault == "unknown":
        del kms.keys[key.arn]
    else:
        key.denied.add(fault)
    done = database.command("tenant", "add", tenant, "--key-arn", key.arn, **env)
    assert done.returncode == 1 and said in done.stderr
    assert direct.execute("SELECT count(*) FROM pgseal.tenant WHERE id = %s", (tenant,)).fetchone() == (0,)


def test_rekey_changes_the_wrapping_and_not_the_data(database, direct, kms, env):
    tenant, old, new = str(new_tenant(database)), kms.create_key(), kms.create_key()
    ran(database.command("tenant", "add", tenant, "--key-arn", old.arn, **env))
    with Replica(database, **env) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
        stored = direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()
        new.denied.add("ReEncrypt")
        unproven = database.command("tenant", "rekey", tenant, "--key-arn", new.arn, **env)
        assert unproven.returncode == 1 and "cannot be used: kms:ReEncrypt*" in unproven.stderr
        new.denied.clear()
        old.denied.add("ReEncrypt")
        stopped = database.command("tenant", "rekey", tenant, "--key-arn", new.arn, **env)
        assert stopped.returncode == 1 and "kms:ReEncrypt" in stopped.stderr and "Run it again" in stopped.stderr
        assert read(through, row) == "v"
        old.denied.clear()
        assert "1 data keys rewrapped" in ran(database.command("tenant", "rekey", tenant, "--key-arn", new.arn, **env))
        assert direct.execute("SELECT key_arn FROM pgseal.key WHERE tenant = %s", (tenant,)).fetchall() == [(new.arn,)]
        assert direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone() == stored
    old.state = "Disabled"
    with Replica(database, **env) as cold, cold.connect() as through:
        assert read(through, row) == "v"


def test_values_are_counted_by_key_on_request(database, direct, env):
    tenant = str(new_tenant(database))
    with Replica(database, **env) as replica, replica.connect() as through:
        for _ in range(3):
            write(through, tenant, "v")
        through.execute("INSERT INTO configs (id, organisation_id, slug, template) VALUES (%s, %s, 'a', '{}')", (tenant, tenant))
        through.execute("INSERT INTO integrations (id, organisation_id, certificate) VALUES (%s, %s, %s)", (tenant, tenant, b"x"))
    shown = lines(database.command("tenant", "show", tenant, "--values", "--json", **env))
    counts = {(row["table"], row["column"]): row["values"] for row in shown if "values" in row}
    assert counts == {("public.virtual_keys", "key"): 3, ("public.configs", "template"): 1, ("public.integrations", "certificate"): 1}
    assert {row["kid"] for row in shown if "values" in row} == {row["kid"] for row in shown if "generation" in row}


def test_a_forgotten_tenant_s_keys_are_destroyed_everywhere_and_a_certificate_says_so(database, direct, env, tmp_path):
    tenant, other = str(new_tenant(database)), str(new_tenant(database))
    with Replica(database, **env) as a, Replica(database, **env) as b, a.connect() as one, b.connect() as two:
        row, kept = write(one, tenant, "v"), write(one, other, "w")
        ran(database.command("key", "rotate", "--tenant", tenant, **env))
        assert read(two, row) == "v"
        wrapped = direct.execute("SELECT encode(kid, 'hex'), encode(sha256(wrapped), 'hex') FROM pgseal.key WHERE tenant = %s", (tenant,)).fetchall()
        for typed in ("", other, "yes"):
            done = database.command("tenant", "forget", tenant, input=f"{typed}\n", **env)
            assert done.returncode == 1 and "nothing was destroyed" in done.stderr
        assert read(two, row) == "v"
        printed = ran(database.command("tenant", "forget", tenant, "--json", input=f"{tenant}\n", **env))
        signed = json.loads(printed)
        assert sorted((key["kid"], key["wrapped_sha256"]) for key in signed["certificate"]["keys"]) == sorted(wrapped) and len(wrapped) == 2
        signature = signed["signature"]
        # Whoever has the certificate can verify it without pgseal.
        text = json.dumps(signed["certificate"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"]))
        public.verify(base64.b64decode(signature["value"]), text.encode())
        assert direct.execute("SELECT count(*) FROM pgseal.key WHERE tenant = %s", (tenant,)).fetchone() == (0,)

        def lost():
            for through in (one, two):
                with pytest.raises(psycopg.Error) as refused:
                    read(through, row)
                assert refused.value.sqlstate == "SV003"
                with pytest.raises(psycopg.Error) as refused:
                    write(through, tenant, "more")
                assert refused.value.sqlstate == "SV006" and "forgotten" in str(refused.value)

        eventually(lost)
        assert read(two, kept) == "w"
        for words in (("tenant", "enable", tenant), ("key", "rotate", "--tenant", tenant)):
            done = database.command(*words, **env)
            assert done.returncode == 1 and "forgotten" in done.stderr
        again = database.command("tenant", "forget", tenant, "--confirm", tenant, **env)
        assert again.returncode == 1 and "forgotten already" in again.stderr

        (tmp_path / "c.json").write_text(ran(database.command("tenant", "certificate", tenant, **env)))
        assert json.loads((tmp_path / "c.json").read_text()) == signed
        assert "genuine" in ran(database.command("tenant", "verify-certificate", str(tmp_path / "c.json"), **env))
        (tmp_path / "c.json").write_text(printed.replace(tenant, other))
        forged = database.command("tenant", "verify-certificate", str(tmp_path / "c.json"), **env)
        assert forged.returncode == 1 and "changed" in forged.stderr

        ran(database.command("tenant", "add", tenant, "--key-arn", env["PGSEAL_KMS_KEY"], **env))
        assert eventually(lambda: read(two, write(one, tenant, "anew"))) == "anew"
        with pytest.raises(psycopg.Error) as refused:
            read(one, row)
        assert refused.value.sqlstate == "SV003"


def test_a_key_is_rotated_by_age_and_an_outage_of_kms_only_delays_it(database, direct, kms, env):
    tenant = str(new_tenant(database))
    states = "SELECT state, seal_until IS NOT NULL FROM pgseal.key WHERE tenant = %s ORDER BY generation"
    with Replica(database, **env) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
    assert direct.execute(states, (tenant,)).fetchall() == [("active", False)]
    direct.execute("UPDATE pgseal.key SET created_at = created_at - interval '1 day' WHERE tenant = %s", (tenant,))
    env["PGSEAL_KEY_ROTATE_AFTER"] = "3600"
    with Replica(database, **env) as replica, replica.connect() as through:
        assert read(through, row) == "v"
        kms.mode = "throttle"
        write(through, tenant, "not delayed")
        assert direct.execute(states, (tenant,)).fetchall() == [("active", False)]
        kms.mode = "ok"

        def rotated():
            write(through, tenant, "w")
            assert direct.execute(states, (tenant,)).fetchall() == [("decrypt_only", False), ("active", True)]

        eventually(rotated)
        assert read(through, row) == "v"


def test_rotating_all_tenants_leaves_out_the_one_that_cannot_be_and_says_so(database, direct, kms, env):
    good, bad, key = str(new_tenant(database)), str(new_tenant(database)), kms.create_key()
    ran(database.command("tenant", "add", bad, "--key-arn", key.arn, **env))
    with Replica(database, **env) as replica, replica.connect() as through:
        write(through, good, "v"), write(through, bad, "v")
    direct.execute("UPDATE pgseal.tenant SET state = 'disabled' WHERE id <> ALL(%s)", ([good, bad],))
    try:
        key.denied.add("GenerateDataKey")
        done = database.command("key", "rotate", **env)
        assert done.returncode == 1 and good in done.stdout and bad in done.stderr and "1 of 2" in done.stderr
    finally:
        direct.execute("UPDATE pgseal.tenant SET state = 'enabled' WHERE state = 'disabled'")


def test_rotate_seals_under_the_new_key_within_the_soft_age_and_opens_under_both(database, direct, kms, env):
    tenant = str(new_tenant(database))
    with Replica(database, **env) as replica, replica.connect() as through:
        rows = [write(through, tenant, "old")]
        [made] = lines(database.command("key", "rotate", "--tenant", tenant, "--json", **env))
        states = {key["kid"]: (key["generation"], key["state"]) for key in lines(database.command("key", "list", "--tenant", tenant, "--json", **env))}
        assert sorted(states.values()) == [(1, "decrypt_only"), (2, "active")] and states[made["kid"]] == (2, "active")

        def sealed_by_new():
            rows.append(write(through, tenant, "new"))
            raw = direct.execute("SELECT decode(translate(substr(key, 4, 56), '-_', '+/'), 'base64') FROM virtual_keys WHERE id = %s", (rows[-1],)).fetchone()[0]
            assert raw[24:32].hex() == made["kid"]

        eventually(sealed_by_new)
        assert read(through, rows[0]) == "old"
        assert all(read(through, row) == "new" for row in rows[1:])


def test_disable_closes_the_tenant_everywhere_and_enable_opens_it(database, env):
    tenant, other = str(new_tenant(database)), str(new_tenant(database))
    with Replica(database, **env) as a, Replica(database, **env) as b, a.connect() as one, b.connect() as two:
        row, kept = write(one, tenant, "v"), write(one, other, "w")
        assert read(two, row) == "v"
        ran(database.command("tenant", "disable", tenant, **env))

        def closed():
            for through in (one, two):
                for action in (lambda: read(through, row), lambda: write(through, tenant, "no")):
                    try:
                        action()
                    except psycopg.Error as refused:
                        assert refused.sqlstate == "SV006"
                    else:
                        raise AssertionError("still open")

        eventually(closed)
        assert read(two, kept) == "w"
        ran(database.command("tenant", "enable", tenant, **env))
        assert eventually(lambda: (read(one, row), read(two, row))) == ("v", "v")


@pytest.mark.parametrize("words", [("tenant", "show"), ("tenant", "disable"), ("tenant", "enable"), ("key", "rotate", "--tenant")])
def test_an_unknown_tenant_is_said(database, env, words):
    done = database.command(*words, "nobody", **env)
    assert done.returncode == 1 and "nobody is not registered" in done.stderr


def test_the_policy_is_ready_to_paste(database):
    arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    policy = json.loads(ran(database.command("policy", arn, "--principal", "arn:aws:iam::444455556666:role/pgseal", "--tenant", "acme")))
    actions = {action for statement in policy["Statement"][1:] for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])}
    assert actions == {"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"}
    assert policy["Statement"][1]["Condition"]["StringEquals"] == {"kms:EncryptionContext:keystore": "pgseal", "kms:EncryptionContext:tenant": "acme"}
    assert database.command("policy", "key/1", "--principal", "x").returncode == 1
