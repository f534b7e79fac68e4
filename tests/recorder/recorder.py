"""Plays one script of raw frontend messages and records what the server answers."""
import random
import re
import select
import socket
import struct
import time

from wire import Frames, SYNC, TERMINATE, copy_fail, error_fields, query, startup

MARK = b"the end of the script"
# Ends whatever the script left open: a COPY, a failed group, a transaction; then a result that nobody else gives.
EPILOGUE = copy_fail("the script is over") + SYNC + query("ROLLBACK") + query(b"SELECT '" + MARK + b"'")
TIMEOUT = 120
# The rows of an error's DETAIL.
ROW = re.compile(r"(?<=^Failing row contains )\(.*\)(?=\.$)", re.DOTALL)


class Recording(list):
    """Frames as (type, body), volatile parts made equal. `fatal`: the connection ended before the script did."""

    fatal = False

    def refusals(self):
        return [fields for tag, body in self if tag == "E" and "docs/errors.md#" in (fields := error_fields(body)).get("H", "")]


def cut(data, how, seed=0):
    """The pieces in which a script is sent: `whole`, `bytes`, `random`, or a number: cut there."""
    if how == "whole":
        return [data]
    if how == "bytes":
        return [data[n:n + 1] for n in range(len(data))]
    if how == "random":
        rng = random.Random(seed)
        places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 12)))
        return [data[a:b] for a, b in zip([0, *places], [*places, len(data)]) if a < b]
    return [piece for piece in (data[:how], data[how:]) if piece]


def login(port, database, user="postgres", **options):
    stream = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.sendall(startup(user, database, **options))
    frames = Frames()
    while not frames.frames or frames.frames[-1][0] not in "ZE":
        data = stream.recv(65536)
        if not data:
            raise ConnectionError(frames.frames)
        frames.feed(data)
    return stream, frames.frames


def play(port, database, script, how="whole", seed=0, tables=None, epilogue=EPILOGUE):
    """Logs in, sends the script in pieces while reading what comes, and records it all."""
    stream, started = login(port, database)
    recording = Recording(frame for frame in started if frame[0] != "K")
    frames = Frames()
    try:
        exchange(stream, cut(script + epilogue, how, seed), frames, lambda: ended(frames.frames))
    finally:
        stream.close()
    recording += frames.frames
    recording.fatal = not ended(frames.frames)
    return Recording.normal(recording, tables or {})


def ended(frames):
    return len(frames) >= 3 and frames[-1][0] == "Z" and frames[-3] == ("D", struct.pack("!hi", 1, len(MARK)) + MARK)


def exchange(stream, pieces, frames, over):
    """Sends piece by piece, reading meanwhile; until `over()` or the server closes."""
    pieces, deadline = list(reversed(pieces)), time.monotonic() + TIMEOUT
    pending = b""
    stream.setblocking(False)
    while not over():
        if not pending and pieces:
            # A moment, so that the pieces are read one by one.
            time.sleep(0.0005)
            pending = pieces.pop()
        readable, writable, _ = select.select([stream], [stream] if pending else [], [], 1)
        if time.monotonic() > deadline:
            frames.frames.append(("!", f"no end after {TIMEOUT} s".encode()))
            return
        try:
            if writable:
                pending = pending[stream.send(pending):]
            if readable:
                data = stream.recv(1 << 20)
                if not data:
                    return
                frames.feed(data)
        except (ConnectionResetError, BrokenPipeError):
            return


def normal(recording, tables):
    """Table OIDs become names, process ids of notifications become one: both servers' are of their own."""
    result = Recording()
    result.fatal = recording.fatal
    for tag, body in recording:
        if tag == "A":
            body = b"\0\0\0\0" + body[4:]
        elif tag == "T":
            body = row_description(body, tables)
        result.append((tag, body))
    return result


Recording.normal = staticmethod(normal)


def row_description(body, tables):
    (count,), at, parts = struct.unpack_from("!h", body), 2, []
    for _ in range(count):
        end = body.index(b"\0", at) + 1
        table, *rest = struct.unpack_from("!IhIhih", body, end)
        parts.append((body[at:end], tables.get(table, table), *rest))
        at = end + 18
    return parts


def without_source(recording):
    """Errors without the place in PostgreSQL's own source and without the portal's name: the look-up of a row's tenant, which goes
    before a statement, meets the same error elsewhere. A DETAIL that shows a row shows what is stored in it."""
    result = Recording()
    for tag, body in recording:
        if tag == "E":
            body = {code: ROW.sub("(…)", text) if code == "D" else text for code, text in error_fields(body).items() if code not in "FLR" and not re.match('(unnamed )?portal', text)}
        result.append((tag, body))
    result.fatal = recording.fatal
    return result


def difference(direct, through, sealed=False):
    """Where two recordings part; empty when they are the same."""
    if sealed:
        direct, through = without_source(direct), without_source(through)
    if direct.fatal or through.fatal:
        # What a server says last can be lost when it closes with unread input (RST): the beginning must be the same.
        short = min(len(direct), len(through))
        if direct[:short] == through[:short] and direct.fatal and through.fatal:
            return ""
    elif direct == through:
        return ""
    at = next((n for n, (a, b) in enumerate(zip(direct, through)) if a != b), min(len(direct), len(through)))
    lines = [f"frame {at} differs (fatal: {direct.fatal}, {through.fatal})"]
    for name, recording in (("direct", direct), ("through", through)):
        lines += [f"  {name}:"] + [f"    {shown(frame)}" for frame in recording[max(0, at - 2):at + 6]]
    return "\n".join(lines)


def shown(frame):
    tag, body = frame
    return f"{tag} {error_fields(body)}" if tag in "EN" and isinstance(body, bytes) else f"{tag} {body!r:.300}"
