"""One connection, driven at the level of libpq, and what a client sees of an answer."""
from psycopg import pq


def answer(result):
    """What one result says, as comparable data."""
    status = pq.ExecStatus(result.status)
    if status in (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.NONFATAL_ERROR):
        field = result.error_field
        return ("error", field(pq.DiagnosticField.SQLSTATE), field(pq.DiagnosticField.STATEMENT_POSITION), field(pq.DiagnosticField.MESSAGE_PRIMARY), field(pq.DiagnosticField.MESSAGE_HINT) or b"")
    columns = [(result.fname(at), result.ftype(at), result.fmod(at), result.fformat(at), result.ftable(at), result.ftablecol(at)) for at in range(result.nfields)]
    rows = [tuple(result.get_value(row, at) for at in range(result.nfields)) for row in range(result.ntuples)]
    return (status.name, result.command_status, columns, rows)


def nameless(one):
    """An answer without the tables that its columns come from."""
    return one if len(one) != 4 else (*one[:2], [(*column[:4], 0, 0) for column in one[2]], one[3])


class Peer:
    """One connection, driven at the level of libpq."""

    def __init__(self, url):
        self.wire = pq.PGconn.connect(url.encode())
        assert self.wire.status == pq.ConnStatus.OK, self.wire.error_message
        self.notices = []
        self.wire.notice_handler = lambda result: self.notices.append(answer(result)[1:])

    def told(self):
        """The notices since the last time."""
        told, self.notices = self.notices, []
        return told

    def query(self, sql):
        """A simple Query; gives one answer per statement."""
        self.wire.send_query(sql.encode())
        return self._all()

    def execute(self, statement, binary):
        self.wire.send_query_params(statement.sql.encode(), [p[0].parameter(p[2]) for p in statement.parameters], [p[1] for p in statement.parameters], [int(p[2]) for p in statement.parameters], int(binary))
        return self._all()

    def fail(self):
        """An error that changes nothing but the transaction: a simple Query would end the unnamed statement."""
        self.wire.send_prepare(b"failing", b"SELECT nothing")
        self._all()

    def prepare(self, name, statement):
        self.wire.send_prepare(name, statement.sql.encode(), [p[1] for p in statement.parameters])
        return self._all()

    def describe(self, name):
        self.wire.send_describe_prepared(name)
        return self._all()

    def run(self, name, parameters, binary):
        self.wire.send_query_prepared(name, [p[0].parameter(p[2]) for p in parameters], [int(p[2]) for p in parameters], int(binary))
        return self._all()

    def copy_in(self, sql, chunks):
        self.wire.send_query(sql.encode())
        first = self.wire.get_result()
        if first.status != pq.ExecStatus.COPY_IN:
            return [answer(first), *self._all()]
        for chunk in chunks:
            self.wire.put_copy_data(chunk)
        self.wire.put_copy_end()
        return self._all()

    def copy_out(self, sql):
        self.wire.send_query(sql.encode())
        first = self.wire.get_result()
        if first.status != pq.ExecStatus.COPY_OUT:
            return [answer(first), *self._all()]
        rows = []
        while True:
            size, data = self.wire.get_copy_data(0)
            if size < 0:
                break
            rows.append((bytes(data),))
        if first.binary_tuples and rows:  # the head comes with the first row
            rows[0] = (rows[0][0][19:],)
        return [("rows", b"", [], rows), *self._all()]

    def pipeline(self, statements, binary):
        self.wire.enter_pipeline_mode()
        for statement in statements:
            self.wire.send_query_params(statement.sql.encode(), [p[0].parameter(p[2]) for p in statement.parameters], [p[1] for p in statement.parameters], [int(p[2]) for p in statement.parameters], int(binary))
        self.wire.pipeline_sync()
        answers = []
        while True:
            result = self.wire.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                break
            answers.append(("skipped",) if result.status == pq.ExecStatus.PIPELINE_ABORTED else answer(result))
        self.wire.exit_pipeline_mode()
        return answers

    def _all(self):
        answers = []
        while (result := self.wire.get_result()) is not None:
            answers.append(answer(result))
        return answers
