// The PostgreSQL JDBC driver: the query mode and options of its URL come as the argument.
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;

public class Jdbc {
    static final String COLUMNS = "id, account_id, label, secret, pin, settings, raw, blob";
    static final String INSERT = "INSERT INTO vaults (" + COLUMNS + ") VALUES (?, ?, ?, ?, ?, ?::jsonb, ?::json, ?::bytea)";
    static Connection connection;
    // In simple mode this version of the driver cannot write bytes as a literal.
    static boolean simple;
    static List<String> texts = new ArrayList<>();

    interface Step { Object run() throws Exception; }

    static String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < 32 || c > 126) out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }

    static String json(Object value) {
        if (value == null) return "null";
        if (value instanceof Number || value instanceof Boolean) return value.toString();
        if (value instanceof int[] all) return json(Arrays.stream(all).boxed().toList());
        if (value instanceof byte[] bytes) return "{\"bytes\": " + quoted(HexFormat.of().formatHex(bytes)) + "}";
        if (value instanceof PGobject object) return "[" + quoted(object.getType()) + ", " + json(object.getValue()) + "]";
        if (value instanceof Collection<?> all) return "[" + String.join(", ", all.stream().map(Jdbc::json).toList()) + "]";
        return quoted(value.toString());
    }

    static Object error(SQLException caught) {
        SQLException inner = caught;
        while (inner.getNextException() != null) inner = inner.getNextException();
        var server = inner instanceof PSQLException own ? own.getServerErrorMessage() : null;
        return Arrays.asList(caught.getClass().getSimpleName(), inner.getSQLState(), server == null ? inner.getMessage() : server.getMessage(), server == null ? 0 : server.getPosition());
    }

    static void step(String name, Step step) throws Exception {
        String got;
        try {
            got = json(step.run());
        } catch (SQLException caught) {
            List<?> error = (List<?>) error(caught);
            got = "{\"error\": {\"state\": " + json(error.get(1)) + ", \"message\": " + json(error.get(2)) + "}}";
            if (!connection.getAutoCommit()) connection.rollback();
        }
        System.out.println("{\"step\": " + quoted(name) + ", \"got\": " + got + "}");
    }

    static Object fails(Step step) throws Exception {
        try {
            step.run();
            return "no error";
        } catch (SQLException caught) {
            return error(caught);
        }
    }

    static Object[] row(int id, String text) {
        String document = text == null ? null : "{\"value\": " + quoted(text) + ", \"list\": [1, true, null]}";
        byte[] blob = text == null ? null : (text + "ÿ\0'").getBytes(StandardCharsets.UTF_8);
        return new Object[] {id, 1 + id % 2, "row " + id, text, text == null ? null : text.substring(0, Math.min(40, text.length())), document, document, blob};
    }

    static List<Object[]> rows(int first) {
        List<Object[]> all = new ArrayList<>();
        for (int index = 0; index < texts.size(); index++) all.add(row(first + index, texts.get(index)));
        all.add(row(first + texts.size(), null));
        return all;
    }

    static void bind(PreparedStatement statement, Object... values) throws SQLException {
        for (int index = 0; index < values.length; index++) {
            if (values[index] == null) statement.setNull(index + 1, Types.NULL);
            else if (values[index] instanceof byte[] bytes && simple) statement.setString(index + 1, "\\x" + HexFormat.of().formatHex(bytes));
            else if (values[index] instanceof byte[] bytes) statement.setBytes(index + 1, bytes);
            else if (values[index] instanceof String text) statement.setString(index + 1, text);
            else statement.setObject(index + 1, values[index]);
        }
    }

    static Object told(ResultSet found) throws SQLException {
        List<Object> all = new ArrayList<>();
        var meta = found.getMetaData();
        for (int column = 1; column <= meta.getColumnCount(); column++) all.add(List.of(meta.getColumnName(column), meta.getColumnTypeName(column), meta.getPrecision(column)));
        while (found.next()) {
            List<Object> one = new ArrayList<>();
            for (int column = 1; column <= meta.getColumnCount(); column++) one.add(found.getObject(column));
            all.add(one);
        }
        return all;
    }

    static Object run(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            bind(statement, values);
            return statement.execute() ? told(statement.getResultSet()) : (Object) statement.getUpdateCount();
        }
    }

    static Object batch(String sql, List<Object[]> all) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (Object[] values : all) {
                bind(statement, values);
                statement.addBatch();
            }
            return statement.executeBatch();
        }
    }

    public static void main(String[] arguments) throws Exception {
        for (String line : new String(System.in.readAllBytes(), StandardCharsets.UTF_8).split("\n", -1)) texts.add(new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8));
        String url = System.getenv("DATABASE_URL").replace("postgres://postgres@", "jdbc:postgresql://");
        simple = arguments[0].contains("simple");
        connection = DriverManager.getConnection(url + "&user=postgres&" + arguments[0]);
        System.out.println("{\"driver\": \"JDBC\", \"version\": " + quoted(connection.getMetaData().getDriverVersion()) + "}");

        step("insert", () -> {
            List<Object> done = new ArrayList<>();
            for (Object[] values : rows(1)) done.add(run(INSERT, values));
            return done;
        });
        step("read", () -> Arrays.asList(
            run("SELECT * FROM vaults ORDER BY id"), run("SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = ?", 2),
            run("SELECT blob, raw FROM vaults WHERE label = ANY(?) ORDER BY id", connection.createArrayOf("text", new String[] {"row 1", "row 3"}))));
        step("prepared", () -> {
            List<Object> done = new ArrayList<>();
            try (PreparedStatement statement = connection.prepareStatement("SELECT id, secret, pin, blob FROM vaults WHERE id = ?")) {
                // Past prepareThreshold the statement gets a name, and values come in binary.
                for (int id = 1; id < 9; id++) {
                    bind(statement, id);
                    done.add(told(statement.executeQuery()));
                }
            }
            return done;
        });
        step("update", () -> Arrays.asList(
            run("UPDATE vaults SET secret = ?, pin = ? WHERE id = ?", "it's \\ new", "1234", 1), run("UPDATE vaults SET settings = ?::jsonb WHERE account_id = ? AND id = ?", "{\"b\": [1, \"ü\"]}", 1, 2),
            run("UPDATE vaults SET blob = ?::bytea, rank = rank + 1 WHERE id = ? RETURNING *", new byte[] {0, 1, -2}, 3), run("UPDATE vaults SET secret = NULL WHERE id = ?", 4), run("UPDATE vaults SET secret = ? WHERE id = ?", "x", 999),
            run("UPDATE vaults SET secret = 'a literal' WHERE id = 6 RETURNING secret")));
        step("objects", () -> {
            PGobject document = new PGobject();
            document.setType("jsonb");
            document.setValue("{\"object\": 1}");
            return Arrays.asList(run("UPDATE vaults SET settings = ? WHERE id = ?", document, 7), run("SELECT settings FROM vaults WHERE id = 7"));
        });
        step("upsert", () -> run(INSERT + " ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw", row(2, "upserted")));
        step("generated keys", () -> {
            try (PreparedStatement statement = connection.prepareStatement(INSERT, new String[] {"id", "secret"})) {
                bind(statement, row(61, "returned"));
                return Arrays.asList(statement.executeUpdate(), told(statement.getGeneratedKeys()));
            }
        });
        step("errors", () -> {
            List<Object> found = new ArrayList<>();
            found.add(fails(() -> run(INSERT, row(1, "again"))));
            for (String sql : List.of(
                "SELECT secret, nothing FROM vaults", "SELEC 1", "UPDATE vaults SET settings = '{bad' WHERE id = 1", "INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', 's')", "SELECT 1/0", "SELECT * FROM missing")) found.add(fails(() -> run(sql)));
            found.add(fails(() -> run("UPDATE vaults SET pin = ? WHERE id = 1", "x".repeat(2001))));
            found.add(fails(() -> run("UPDATE vaults SET settings = ?::jsonb WHERE id = 1", "{bad")));
            return found;
        });
        connection.setAutoCommit(false);
        step("transaction", () -> {
            List<Object> seen = new ArrayList<>();
            run("UPDATE vaults SET secret = ? WHERE id = 2", "lost");
            seen.add(run("SELECT secret FROM vaults WHERE id = 2"));
            connection.rollback();
            run("UPDATE vaults SET secret = ? WHERE id = 3", "kept");
            Savepoint savepoint = connection.setSavepoint("a");
            seen.add(fails(() -> run(INSERT, row(1, "again"))));
            seen.add(fails(() -> run("SELECT secret FROM vaults")));
            connection.rollback(savepoint);
            connection.commit();
            seen.add(run("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id"));
            return seen;
        });
        step("batch", () -> {
            List<Object> done = new ArrayList<>();
            done.add(batch(INSERT, rows(101)));
            done.add(batch("UPDATE vaults SET secret = ? WHERE id = ?", List.of(new Object[] {"batch 101", 101}, new Object[] {"batch 102", 102}, new Object[] {"none", 999})));
            done.add(fails(() -> batch(INSERT, List.of(row(201, "a"), row(101, "again"), row(202, "b")))));
            connection.rollback();
            done.add(batch(INSERT, rows(101)));
            connection.commit();
            done.add(run("SELECT * FROM vaults WHERE id > 100 ORDER BY id"));
            return done;
        });
        step("cursor", () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT id, secret, settings FROM vaults WHERE id > ? ORDER BY id", ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY)) {
                statement.setFetchSize(3);
                bind(statement, 1);
                return told(statement.executeQuery());
            } finally {
                connection.commit();
            }
        });
        step("updatable result", () -> {
            try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE); ResultSet found = statement.executeQuery("SELECT id, account_id, label, secret FROM vaults WHERE id = 103")) {
                found.next();
                found.updateString("secret", "updated in place");
                found.updateRow();
                connection.commit();
                return run("SELECT secret FROM vaults WHERE id = 103");
            }
        });
        step("copy", () -> {
            var copies = connection.unwrap(PGConnection.class).getCopyAPI();
            long count = copies.copyIn("COPY notes (body) FROM STDIN", new StringReader("a\nb\\tc\n\\N\n"));
            StringWriter out = new StringWriter();
            return Arrays.asList(count, copies.copyOut("COPY notes TO STDOUT (FORMAT csv)", out), out.toString());
        });
        step("metadata", () -> Arrays.asList(told(connection.getMetaData().getColumns(null, "public", "vaults", "%")), told(connection.getMetaData().getPrimaryKeys(null, "public", "vaults"))));
        step("delete", () -> Arrays.asList(run("DELETE FROM vaults WHERE id = ? RETURNING secret", 5), run("DELETE FROM vaults WHERE id = ?", 5)));
        connection.commit();
        step("copy of the sealed table", () -> {
            var copies = connection.unwrap(PGConnection.class).getCopyAPI();
            long count = copies.copyIn("COPY vaults (id, account_id, label, secret, settings) FROM STDIN", new StringReader("901\t1\tc1\tco\\\\p\\ty\t{\"a\": 1}\n902\t2\tc2\t\\N\t\\N\n"));
            StringWriter out = new StringWriter();
            copies.copyOut("COPY (SELECT id, secret, settings FROM vaults ORDER BY id DESC LIMIT 3) TO STDOUT (FORMAT csv)", out);
            connection.commit();
            return Arrays.asList(count, out.toString());
        });
        connection.close();
    }
}
