#!/usr/bin/env python3
"""Writes sv1.json and sv1-search.json: vectors of format SV1, suites 1 and 2, made from docs/format.md alone with Python's `cryptography`, not with pgseal."""
import base64
import json
import struct
from pathlib import Path

from cryptography.hazmat.primitives import cmac, hashes
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(dek, info, length=32):
    return HKDF(hashes.SHA256(), length, None, info).derive(dek)


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


def search_vector(key, tenant, domain, plaintext):
    kid = derive(key, b"sv1/kcv")[:8]
    part = lambda text: struct.pack(">H", len(text.encode())) + text.encode()
    aad = b"SV1\x02\x00" + kid + part(tenant) + part(domain) + part("")
    sealed = AESSIV(derive(key, b"sv1/det/aes256siv\0" + domain.encode(), 64)).encrypt(plaintext, [aad]) if plaintext else empty_siv(key, domain, aad)
    body = sealed[:16] + kid + b"\0" + sealed[16:]
    return {
        "key": key.hex(), "tenant": tenant, "domain": domain, "plaintext": plaintext.hex(),
        "bytes": (b"\xf8sv\x02" + body).hex(), "text": "~s2" + base64.urlsafe_b64encode(body).decode().rstrip("=") + "~",
    }


def empty_siv(key, domain, aad):
    """The library takes no empty plaintext: S2V by hand (RFC 5297, 2.4)."""
    def mac(message):
        cipher = cmac.CMAC(algorithms.AES(derive(key, b"sv1/det/aes256siv\0" + domain.encode(), 64)[:32]))
        cipher.update(message)
        return int.from_bytes(cipher.finalize(), "big")

    dbl = lambda value: (value << 1) % 2**128 ^ (0x87 if value >> 127 else 0)
    d = dbl(dbl(mac(bytes(16))) ^ mac(aad))
    return mac((d ^ 1 << 127).to_bytes(16, "big")).to_bytes(16, "big")


def search_vectors():
    key = lambda n: bytes((n + 5 * i) % 256 for i in range(32))
    return [
        search_vector(key(1), "acme", "public.virtual_keys.slug", b""),
        search_vector(key(1), "acme", "public.virtual_keys.slug", b"sk-acme-0001"),
        search_vector(key(1), "acme", "public.virtual_keys.slug", b"sixteen bytes 16"),
        search_vector(key(2), "<deployment>", "api-key", "日本語 😀".encode()),
        search_vector(b"\xff" * 32, "t" * 200, "d" * 200, b"x" * 1000),
    ]


def texts():
    lines = lambda vectors: json.dumps(vectors, indent=1, ensure_ascii=False) + "\n"
    return {"sv1.json": lines(vectors()), "sv1-search.json": lines(search_vectors())}


if __name__ == "__main__":
    for name, text in texts().items():
        Path(__file__).with_name(name).write_text(text)
