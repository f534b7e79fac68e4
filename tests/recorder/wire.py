"""Frontend messages as bytes, backend messages as tuples (PostgreSQL manual 55.7)."""
import struct


def frame(tag, body=b""):
    return tag + struct.pack("!i", len(body) + 4) + body


def text(value):
    return (value if isinstance(value, bytes) else value.encode()) + b"\0"


def query(sql):
    return frame(b"Q", text(sql))


def parse(sql, name="", types=()):
    return frame(b"P", text(name) + text(sql) + struct.pack(f"!h{len(types)}I", len(types), *types))


def bind(statement="", portal="", params=(), formats=(), results=()):
    values = b"".join(struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in params)
    return frame(b"B", text(portal) + text(statement) + struct.pack(f"!h{len(formats)}h", len(formats), *formats)
                 + struct.pack("!h", len(params)) + values + struct.pack(f"!h{len(results)}h", len(results), *results))


def describe(kind, name=""):
    return frame(b"D", kind + text(name))


def execute(portal="", rows=0):
    return frame(b"E", text(portal) + struct.pack("!i", rows))


def close(kind, name=""):
    return frame(b"C", kind + text(name))


def copy_data(data):
    return frame(b"d", data)


def copy_fail(reason="stop"):
    return frame(b"f", text(reason))


def function_call(oid, *arguments):
    """Arguments and result in binary."""
    values = b"".join(struct.pack("!i", len(value)) + value for value in arguments)
    return frame(b"F", struct.pack("!Ihhh", oid, 1, 1, len(arguments)) + values + struct.pack("!h", 1))


SYNC, FLUSH, COPY_DONE, TERMINATE = frame(b"S"), frame(b"H"), frame(b"c"), frame(b"X")


def startup(user, database, **options):
    pairs = {"user": user, "database": database, **options}
    body = b"\0\3\0\0" + b"".join(text(name) + text(value) for name, value in pairs.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def run(sql, *params, statement="", portal="", rows=0, formats=(), results=(), types=(), described=True):
    """Parse, Bind, Describe, Execute: what most drivers send for one statement, but for the Sync."""
    return (parse(sql, statement, types) + bind(statement, portal, params, formats, results)
            + (describe(b"P", portal) if described else b"") + execute(portal, rows))


class Frames:
    """Cuts a stream of the server into (type, body)."""

    def __init__(self):
        self.buffer, self.frames = bytearray(), []

    def feed(self, data):
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 5:
            length = int.from_bytes(self.buffer[at + 1:at + 5], "big")
            if len(self.buffer) - at < length + 1:
                break
            self.frames.append((chr(self.buffer[at]), bytes(self.buffer[at + 5:at + 1 + length])))
            at += length + 1
        del self.buffer[:at]


def error_fields(body):
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
