"""Big messages and ends of connections: answered as PostgreSQL answers."""
import socket
import subprocess

from generate import IDS
from recorder import difference, login, play
from wire import COPY_DONE, SYNC, Frames, copy_data, error_fields, function_call, query, run

INSERT = f"INSERT INTO virtual_keys (id, organisation_id, slug, key) VALUES ('{IDS['id7']}', '{IDS['org']}', 'big', $1)"


def test_a_message_that_cannot_be_held_is_refused_and_the_session_lives(pair):
    value = b"w" * 68_000_000
    port, database, tables = pair.sealed
    answers = play(port, database, run(INSERT, value) + SYNC + query("SELECT 7"), tables=tables)
    errors = [error_fields(body) for tag, body in answers if tag == "E"]
    assert [error["C"] for error in errors] == ["54000"] and ("C", b"SELECT 1\0") in answers


def test_a_long_text_is_read_and_passed_on(pair):
    """Nobody can tell before its end that it names nothing protected."""
    sql = "SELECT length('" + "v" * 68_000_000 + "')"
    port, database, tables = pair.sealed
    answers = play(port, database, query("SET log_statement = 'none'") + query(sql) + run(sql) + SYNC, tables=tables)
    assert [body[6:] for tag, body in answers if tag == "D"][:2] == [b"68000000"] * 2


def test_large_objects_over_function_calls(pair):
    def i4(number):
        return number.to_bytes(4, "big")
    data = bytes(range(256)) * 400
    script = (query("BEGIN") + function_call(715, i4(424_242)) + function_call(952, i4(424_242), i4(0x60000)) + function_call(955, i4(0), data)
              + function_call(956, i4(0), i4(0), i4(0)) + function_call(954, i4(0), i4(len(data))) + function_call(953, i4(0)) + query("COMMIT")
              + query("SELECT md5(lo_get(424242))") + function_call(964, i4(424_242)) + function_call(964, i4(424_242)))
    direct, through = pair.record(script, reset=False)
    assert not difference(direct, through)


def test_copy_of_many_rows_both_ways(pair):
    rows = b"".join(b"%d\tv\t%d\n" % (n, n) for n in range(1000, 101_000))
    pieces = b"".join(copy_data(rows[at:at + 60_001]) for at in range(0, len(rows), 60_001))
    script = query("BEGIN") + query("COPY rec FROM STDIN") + pieces + COPY_DONE + query("COPY rec TO STDOUT") + query("ROLLBACK")
    direct, through = pair.record(script)
    assert not difference(direct, through)


def test_a_client_that_closes_its_sending_side_gets_its_answers(pair):
    for port, database, _ in (pair.plain, pair.sealed):
        stream, _ = login(port, database)
        # The look-up of the row's tenant waits for the server when the end arrives.
        stream.sendall(query("SELECT pg_sleep(0.2)") + query(f"UPDATE virtual_keys SET key = 'late' WHERE id = '{IDS['id1']}'") + query("SELECT 'last'"))
        stream.shutdown(socket.SHUT_WR)
        frames = Frames()
        while data := stream.recv(65536):
            frames.feed(data)
        assert [tag for tag, _ in frames.frames] == list("TDCZCZTDCZ")
        stream.close()


def test_a_terminated_backend_says_so_and_closes(pair):
    answers = []
    for port, database, tables in (pair.plain, pair.sealed):
        answers.append(play(port, database, query("SELECT 1; SELECT pg_terminate_backend(pg_backend_pid()); SELECT 2"), tables=tables))
    assert answers[1].fatal and "57P01" in [error_fields(body)["C"] for tag, body in answers[1] if tag == "E"]
    assert not difference(*answers)


def test_nothing_is_left_behind_of_sessions(pair):
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'app' AND application_name <> 'pgseal' AND pid <> pg_backend_pid()"
    for _ in range(100):
        left = subprocess.run(["psql", "-XqtAc", sql, pair.servers.direct], check=True, capture_output=True, text=True).stdout.strip()
        if left == "0":
            return
    raise AssertionError(f"{left} sessions are left")
