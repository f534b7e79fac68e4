"""What two answers to the same have in common."""
import re

# Nobody can say whose the value is: not a wrong answer, but counted apart.
NO_TENANT = {b"SV006", b"SV007"}
BAD_NAME = {b"42703", b"42P01", b"42702"}
CONTROLS = re.compile(r"\b(?:BEGIN|COMMIT|ROLLBACK)\b")


def refusal(answers):
    """`refused`, `no tenant` or None."""
    for one in answers:
        if one[0] == "error" and b"docs/errors.md#" in one[4]:
            if one[1] == b"0A000" and b"#refused-" in one[4]:
                return "refused"
            if one[1] in NO_TENANT:
                return "no tenant"
    return None


def anchor(answers):
    return next((one[4].rsplit(b"#", 1)[1].decode().rstrip(".") for one in answers if one[0] == "error" and b"#" in one[4]), "")


def differ(sealed, plain, ordered):
    """The first difference in words, or None."""
    if len(sealed) != len(plain):
        return f"{len(sealed)} answers, not {len(plain)}"
    for ours, theirs in zip(sealed, plain):
        if ours[0] != theirs[0] or ours[1:2] != theirs[1:2]:
            return "other outcome"
        if ours[0] == "error":
            if ours[2] and theirs[2] and ours[2] != theirs[2]:
                return f"position {ours[2]}, not {theirs[2]}"
            if ours[3] != theirs[3]:
                return "other words"
        elif ours[0] != "skipped":
            if ours[2] != theirs[2]:
                return "other columns"
            mine, his = ours[3], theirs[3]
            if not ordered:
                mine, his = sorted(mine, key=sorting), sorted(his, key=sorting)
            if mine != his:
                return "other rows"
    return None


def sorting(row):
    return tuple(b"" if cell is None else b"x" + cell for cell in row)


def failure(answers):
    """The place of the first error and its code."""
    return next(((at, one[1]) for at, one in enumerate(answers) if one[0] == "error"), (len(answers), None))


def allowed(sealed, plain, told):
    """What may be told at another time: a name that means nothing, before the statements in front of it are run."""
    (ours, our_code), (theirs, their_code) = failure(sealed), failure(plain)
    if our_code in BAD_NAME and our_code == their_code and ours == 0 < theirs:
        return "whole" if CONTROLS.search(told) else "earlier"
    return None


def unread(sealed, plain):
    """In a failed transaction, a text that pgseal does not send to the server: PostgreSQL reads it before it says so."""
    (ours, our_code), (theirs, their_code) = failure(sealed), failure(plain)
    return ours == theirs and our_code == b"25P02" and their_code == b"42601"
