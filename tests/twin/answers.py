"""What two answers to the same have in common."""
import re

# Nobody can say whose the value is: not a wrong answer, but counted apart.
NO_TENANT = {b"SV006", b"SV007"}
BAD_NAME = {b"42703", b"42P01", b"42702"}
BAD_VALUE = {b"22P02", b"22001", b"22P05"}
# What may leave a value of its own unused.
DERIVED = re.compile(r"FROM (?:\(VALUES|unnest\()")
CONTROLS = re.compile(r"\b(?:BEGIN|COMMIT|ROLLBACK)\b")
LATER = re.compile(r"\b(?:UPDATE|MERGE|DO NOTHING|WHERE)\b")


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
    """The place of the first error, its code and what it points to."""
    return next(((at, *one[1:3]) for at, one in enumerate(answers) if one[0] == "error"), (len(answers), None, None))


def allowed(sealed, plain, prepares, told):
    """What may differ. A value that does not fit its type is told by pgseal when it seals it: before the server would meet another error of
    the same statement, and at Bind where the server tells it of a constant at Parse already. What was answered before it
    must be the same."""
    (ours, our_code, our_position), (theirs, their_code, their_position) = failure(sealed), failure(plain)
    other = our_code != their_code or our_position and their_position and our_position != their_position
    if our_code in BAD_VALUE and their_code and other and ours == theirs:
        return "earlier" if differ(sealed[:ours], plain[:theirs], False) is None else None
    # In a failed transaction the server reads a text before it says so; pgseal's question about a name in it is told at once.
    if our_code == b"25P02" and their_code == b"42601" and ours == theirs:
        return "earlier"
    # The length of a new value is looked at although in the end no row may take it.
    if our_code == b"22001" and not their_code and LATER.search(told):
        return "measured"
    # A text that begins or ends a transaction and changes rows whose values come back is not run in part.
    if our_code in BAD_VALUE and our_code == their_code and ours == 0 < theirs and CONTROLS.search(told):
        return "whole"
    # A name that means nothing is told before the statements in front of it are run.
    if our_code in BAD_NAME and our_code == their_code and ours == 0 < theirs:
        return "whole" if CONTROLS.search(told) else "earlier"
    # A cell of derived rows that no row took is not looked at.
    if not our_code and their_code in BAD_VALUE and DERIVED.search(told):
        return "unused"
    return "later" if prepares and not our_code and their_code in BAD_VALUE else None
