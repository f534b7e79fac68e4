"""What the Python programs of the matrix share: the values, and how a step's answer is printed."""
import base64
import json
import os
import sys
import traceback

URL = os.environ["DATABASE_URL"]
TEXTS = [base64.b64decode(line).decode() for line in sys.stdin.read().split("\n")]
COLUMNS = ["id", "account_id", "label", "secret", "pin", "settings", "raw", "blob"]


def row(number, text):
    """The row of a text: one value of it in a column of each type."""
    document = {"value": text, "list": [1, True, None]}
    return {"id": number, "account_id": 1 + number % 2, "label": f"row {number}", "secret": text, "pin": text and text[:40],
            "settings": text if text is None else document, "raw": text if text is None else document, "blob": text if text is None else text.encode() + b"\xff\0'"}


def rows(first=1):
    return [row(first + index, text) for index, text in enumerate([*TEXTS, None])]


def shown(value):
    """Python's types are part of the answer."""
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else [type(value).__name__, str(value)]


def say(name, got):
    print(json.dumps({"step": name, "got": got}, default=shown), flush=True)


def version(driver, version):
    print(json.dumps({"driver": driver, "version": version}), flush=True)


def error(caught):
    """SQLSTATE, message and position of a driver's error, wherever it keeps them."""
    while getattr(caught, "orig", None) or caught.__cause__:
        caught = getattr(caught, "orig", None) or caught.__cause__
    diag = getattr(caught, "diag", None)
    state = getattr(caught, "sqlstate", None) or getattr(caught, "pgcode", None)
    if state is None:
        traceback.print_exception(caught)
    position = diag.statement_position if diag else getattr(caught, "position", None)
    return {"class": type(caught).__name__, "state": state, "message": str(diag.message_primary if diag else caught).split("\n")[0], "position": position}


def step(name):
    """Runs the function now and prints what it gives, or its error."""
    def run(function):
        try:
            say(name, function())
        except Exception as caught:
            say(name, {"error": error(caught)})
    return run


def fails(call, *arguments):
    """The error that a call must end in."""
    try:
        call(*arguments)
    except Exception as caught:
        return error(caught)
    return "no error"
