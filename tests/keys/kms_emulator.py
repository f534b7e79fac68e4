"""AWS KMS's JSON protocol over HTTP, with what moto leaves out: key states that matter, denials, exact contexts, outages.

A test sets `mode` and the keys' `state` and `denied`, and reads `calls`. The wire format and the error codes follow the AWS
KMS API reference (DescribeKey, GenerateDataKey, Encrypt, Decrypt, ReEncrypt; PutKeyPolicy, CreateGrant, RevokeGrant for the tests)
and that of STS (AssumeRole): the real SDK is the client. Regions, accounts and callers are those of the request's SigV4 scope.
"""
import base64
import json
import os
import re
import threading
import time
import urllib.parse
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from kms_policies import denial

# Whose credentials the requests carry, where no role was assumed.
PRINCIPAL = "arn:aws:iam::444455556666:role/pgseal"


class Fault(Exception):
    def __init__(self, code, message="", status=400):
        self.code, self.message, self.status = code, message, status


class Key:
    def __init__(self, arn):
        self.arn, self.state, self.denied, self.material = arn, "Enabled", set(), os.urandom(32)
        self.spec = "SYMMETRIC_DEFAULT"
        # Without a policy everybody may do all but what is `denied`; grants count where there is one.
        self.policy, self.grants = None, {}


class Kms:
    """`mode`: "ok", "throttle", "silent" or "garbage"; `away` for refused connections; `hold` keeps an operation's calls
    unanswered; `silent_regions` never answer. `roles` maps a role to its external id; `callers` maps an account to the access
    key that may use its keys, where it is not open to all. `plains` are all data keys in clear."""

    def __init__(self, latency=0):
        self.keys, self.calls, self.mode, self.latency = {}, [], "ok", latency
        self.aliases, self.silent_regions, self.roles, self.callers, self.plains = {}, set(), {}, {}, set()
        self.held, self.holding = set(), {}
        self.lock, self.flying, self.most_flying = threading.Lock(), 0, 0
        self.released = threading.Event()
        self.port = self.server = None

    def create_key(self, region="eu-central-1", account="111122223333", replicas=()):
        """With `replicas`, a multi-Region key that other regions hold too."""
        name = f"mrk-{uuid.uuid4().hex}" if replicas else uuid.uuid4()
        key = Key(f"arn:aws:kms:{region}:{account}:key/{name}")
        self.keys[key.arn] = key
        for other in replicas:
            self.keys[key.arn.replace(region, other)] = replica = Key(key.arn.replace(region, other))
            replica.material = key.material
        return key

    @contextmanager
    def hold(self, operation):
        """Calls of this operation wait; gives an event that is set once one does."""
        self.holding[operation], waits = threading.Event(), threading.Event()
        self.held.add((operation, waits))
        try:
            yield waits
        finally:
            self.held.discard((operation, waits))
            self.holding.pop(operation).set()

    def count(self, operation):
        return sum(call == operation for call, _, _ in self.calls)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        kms = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                if kms.released.is_set():
                    # A connection that was kept alive goes with the server.
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                caller, region = re.search(r"Credential=([^/]+)/\d+/([^/]+)/", self.headers["Authorization"]).groups()
                if "X-Amz-Target" not in self.headers:
                    self.reply(*kms.assume_role(dict(urllib.parse.parse_qsl(body.decode()))), "text/xml")
                    return
                request = json.loads(body)
                with kms.lock:
                    kms.flying += 1
                    kms.most_flying = max(kms.most_flying, kms.flying)
                try:
                    self.reply(*kms.answer(self.headers["X-Amz-Target"].split(".")[1], request, caller, region))
                except (BrokenPipeError, ConnectionResetError):
                    pass
                finally:
                    with kms.lock:
                        kms.flying -= 1

            def reply(self, status, body, kind="application/x-amz-json-1.1"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 256

        self.server = Server(("127.0.0.1", self.port or 0), Answer)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    @contextmanager
    def away(self):
        """Connections are refused."""
        self.stop()
        try:
            yield
        finally:
            self.released.clear()
            self.start()

    def assume_role(self, request):
        role, expected = request.get("RoleArn"), self.roles.get(request.get("RoleArn"), "")
        self.calls.append(("AssumeRole", role, None))
        if role not in self.roles or request.get("ExternalId") != expected:
            return 403, b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message></Error></ErrorResponse>"
        return 200, f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
            <AccessKeyId>ASIA{role.split(":")[4]}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
            <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>{role}</Arn>
            <AssumedRoleId>A:pgseal</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>""".encode()

    def answer(self, operation, request, caller="test", region="eu-central-1"):
        mode = "silent" if region in self.silent_regions else self.mode
        with self.lock:
            self.calls.append((operation, request.get("KeyId", request.get("SourceKeyId")), request.get("EncryptionContext", {}).get("tenant")))
        for held, waits in list(self.held):
            if held == operation:
                waits.set()
                self.holding[operation].wait(30)
        time.sleep(self.latency)
        if mode == "silent":
            self.released.wait(30)
            return 500, b"{}"
        if mode == "garbage":
            return 200, b"<html>not json"
        try:
            if mode == "throttle":
                raise Fault("ThrottlingException", "Rate exceeded")
            for name in ("KeyId", "SourceKeyId", "DestinationKeyId"):
                self.reachable(request.get(name), caller, region)
            who = f"arn:aws:iam::{caller[4:]}:role/pgseal" if caller.startswith("ASIA") else PRINCIPAL
            return 200, json.dumps(getattr(self, operation)(request, who)).encode()
        except Fault as fault:
            return fault.status, json.dumps({"__type": fault.code, "message": fault.message}).encode()

    def reachable(self, arn, caller, region):
        if arn is None or not arn.startswith("arn:"):
            return
        _, _, _, of_region, account, _ = arn.split(":")
        if of_region != region:
            raise Fault("NotFoundException", f"Invalid region {of_region}")
        if self.callers.get(account, caller) != caller:
            raise Fault("AccessDeniedException", "User is not authorized")

    def key_for(self, arn, action, who, context=None):
        key = self.keys.get(self.aliases.get(arn, arn))
        if key is None:
            raise Fault("NotFoundException", "Key does not exist")
        if any(action.startswith(denied) for denied in key.denied):
            raise Fault("AccessDeniedException", f"User: {who} is not authorized to perform: kms:{action}")
        refused = denial(key, who, f"kms:{action}", context or {}) if key.policy else None
        if refused:
            raise Fault("AccessDeniedException", refused)
        if action == "DescribeKey":
            return key
        if key.state == "Disabled":
            raise Fault("DisabledException", f"{key.arn} is disabled.")
        if key.state != "Enabled":
            raise Fault("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        return key

    @staticmethod
    def additional(context):
        return json.dumps(context, sort_keys=True).encode()

    @staticmethod
    def wrap(key, plain, context):
        nonce = os.urandom(12)
        blob = key.arn.encode() + b"\0" + nonce + AESGCM(key.material).encrypt(nonce, plain, context)
        return base64.b64encode(blob).decode()

    @staticmethod
    def unwrap(key, blob, context):
        arn, _, sealed = base64.b64decode(blob).partition(b"\0")
        id_of = lambda arn: arn.rsplit("/", 1)[-1] if "/mrk-" in arn else arn  # noqa: E731
        if id_of(arn.decode(errors="replace")) != id_of(key.arn):
            raise Fault("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
        try:
            return AESGCM(key.material).decrypt(sealed[:12], sealed[12:], context)
        except InvalidTag:
            raise Fault("InvalidCiphertextException") from None

    def PutKeyPolicy(self, request, _who=None):
        self.keys[request["KeyId"]].policy = json.loads(request["Policy"])
        return {}

    def CreateGrant(self, request, _who=None):
        grant = uuid.uuid4().hex
        self.keys[request["KeyId"]].grants[grant] = request
        return {"GrantId": grant, "GrantToken": grant}

    def RevokeGrant(self, request, _who=None):
        del self.keys[request["KeyId"]].grants[request["GrantId"]]
        return {}

    def DescribeKey(self, request, who):
        key = self.key_for(request["KeyId"], "DescribeKey", who)
        return {"KeyMetadata": {
            "KeyId": key.arn.rsplit("/", 1)[1], "Arn": key.arn, "Enabled": key.state == "Enabled", "KeyState": key.state,
            "KeySpec": key.spec, "KeyUsage": "ENCRYPT_DECRYPT", "KeyManager": "CUSTOMER"}}

    def GenerateDataKey(self, request, who):
        context = request.get("EncryptionContext", {})
        key = self.key_for(request["KeyId"], "GenerateDataKey", who, context)
        plain = os.urandom(32)
        self.plains.add(plain)
        return {"KeyId": key.arn, "Plaintext": base64.b64encode(plain).decode(), "CiphertextBlob": self.wrap(key, plain, self.additional(context))}

    def Encrypt(self, request, who):
        context = request.get("EncryptionContext", {})
        key = self.key_for(request["KeyId"], "Encrypt", who, context)
        return {"KeyId": key.arn, "CiphertextBlob": self.wrap(key, base64.b64decode(request["Plaintext"]), self.additional(context))}

    def Decrypt(self, request, who):
        context = request.get("EncryptionContext", {})
        key = self.key_for(request["KeyId"], "Decrypt", who, context)
        plain = self.unwrap(key, request["CiphertextBlob"], self.additional(context))
        return {"KeyId": key.arn, "Plaintext": base64.b64encode(plain).decode(), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def ReEncrypt(self, request, who):
        before, after = request.get("SourceEncryptionContext", {}), request.get("DestinationEncryptionContext", {})
        source = self.key_for(request["SourceKeyId"], "ReEncryptFrom", who, before)
        target = self.key_for(request["DestinationKeyId"], "ReEncryptTo", who, after)
        plain = self.unwrap(source, request["CiphertextBlob"], self.additional(before))
        return {"CiphertextBlob": self.wrap(target, plain, self.additional(after)), "SourceKeyId": source.arn, "KeyId": target.arn}
