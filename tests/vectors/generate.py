#!/usr/bin/env python3
"""Writes sv1.json: vectors of format SV1, suite 1, made from docs/format.md alone with Python's `cryptography`, not with pgseal."""
import base64
import json
import struct
from pathlib import Path

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(dek, info):
    return HKDF(hashes.SHA256(), 32, None, info).derive(dek)


def xaes256gcm(key, nonce, plaintext, aad):
    """C2SP XAES-256-GCM: the nonce's first half makes a key by CMAC, its second half is the nonce under it."""
    derived = b""
    for counter in (1, 2):
        mac = cmac.CMAC(algorithms.AES(key))
        mac.update(struct.pack(">H", counter) + b"X\0" + nonce[:12])
        derived += mac.finalize()
    return AESGCM(derived).encrypt(nonce[12:], plaintext, aad)


def vector(dek, tenant, field, nonce, plaintext):
    kid = derive(dek, b"sv1/kcv")[:8]
    part = lambda text: struct.pack(">H", len(text.encode())) + text.encode()
    aad = b"SV1\x01\x00" + kid + part(tenant) + part(field) + part("")
    body = nonce + kid + b"\0" + xaes256gcm(derive(dek, b"sv1/rnd/xaes256gcm"), nonce, plaintext, aad)
    return {
        "dek": dek.hex(), "tenant": tenant, "field": field, "nonce": nonce.hex(), "plaintext": plaintext.hex(), "kid": kid.hex(), "aad": aad.hex(),
        "bytes": (b"\xf8sv\x01" + body).hex(), "text": "~s1" + base64.urlsafe_b64encode(body).decode().rstrip("=") + "~",
    }


def vectors():
    dek = lambda n: bytes((n + 7 * i) % 256 for i in range(32))
    nonce = lambda n: bytes((3 * n + i) % 256 for i in range(24))
    return [
        vector(dek(1), "acme", "public.virtual_keys.key", nonce(1), b""),
        vector(dek(1), "acme", "public.virtual_keys.key", nonce(2), b"sk-acme-0001"),
        vector(dek(2), "a0000000-0000-4000-8000-000000000001", "public.configs.template", nonce(3), b'{"retry": 3}'),
        vector(dek(3), "mündung", "Ärger.tabelle.spalte", nonce(4), "日本語 😀".encode()),
        vector(bytes(32), "0", "a.b.c", bytes(24), bytes(range(256))),
        vector(b"\xff" * 32, "t" * 200, "f" * 200, b"\xff" * 24, b"x" * 1000),
    ]


def text():
    return json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("sv1.json").write_text(text())
