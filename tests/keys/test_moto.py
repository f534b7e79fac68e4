"""The real AWS client against moto, an emulator that we did not write."""
import json

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from replicas import CREDENTIALS, Replica, new_tenant, read, write


@pytest.fixture(scope="module")
def kms():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "kms", endpoint_url=f"http://{host}:{port}", region_name=CREDENTIALS["AWS_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    yield client
    server.stop()


@pytest.fixture(scope="module")
def settings(kms):
    return {"PGSEAL_KMS": "aws", "PGSEAL_KMS_KEY": kms.create_key()["KeyMetadata"]["Arn"], "AWS_ENDPOINT_URL_KMS": kms.meta.endpoint_url}


def test_a_value_sealed_under_an_aws_key_is_read_by_a_process_with_a_cold_cache(database, direct, settings):
    tenant = new_tenant(database)
    with Replica(database, **settings) as first, first.connect() as through:
        row = write(through, tenant, "sk-moto")
        assert read(through, row) == "sk-moto"
    raw = direct.execute("SELECT key FROM virtual_keys WHERE id = %s", (row,)).fetchone()[0]
    assert raw.startswith("~s1") and "sk-moto" not in raw
    with Replica(database, **settings) as second, second.connect() as through:
        assert read(through, row) == "sk-moto"


def test_the_wrapped_key_opens_under_its_exact_context_and_key_only(database, direct, settings, kms):
    tenant = new_tenant(database)
    with Replica(database, **settings) as replica, replica.connect() as through:
        write(through, tenant, "v")
    arn, wrapped, context = direct.execute("SELECT key_arn, wrapped, context FROM pgseal.key WHERE tenant = %s", (str(tenant),)).fetchone()
    assert arn == settings["PGSEAL_KMS_KEY"]
    context = json.loads(context)
    assert context["tenant"] == str(tenant) and context["keystore"] == "pgseal" and context["purpose"] == "dek"
    assert len(kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context, KeyId=arn)["Plaintext"]) == 32
    for changed in ({}, {**context, "tenant": "another"}, {**context, "more": "x"}):
        with pytest.raises(ClientError) as refused:
            kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=changed, KeyId=arn)
        assert refused.value.response["Error"]["Code"] == "InvalidCiphertextException"


def test_a_key_row_moved_to_another_tenant_gives_sv004(database, direct, settings):
    tenant = new_tenant(database)
    with Replica(database, **settings) as replica, replica.connect() as through:
        row = write(through, tenant, "v")
    direct.execute("UPDATE pgseal.key SET context = replace(context, %s, 'another') WHERE tenant = %s", (str(tenant), str(tenant)))
    with Replica(database, **settings) as replica, replica.connect() as through:
        with pytest.raises(psycopg.Error) as refused:
            read(through, row)
        assert refused.value.sqlstate == "SV004" and "InvalidCiphertextException" in refused.value.diag.message_primary
