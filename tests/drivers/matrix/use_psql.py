"""psql: literals, variables, \\gset, cursors, \\d, \\copy; what it prints is the answer."""
import json
import subprocess

from steps import COLUMNS, URL, rows, say, version

version("psql", subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.split()[2])


def literal(value):
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    text = json.dumps(value) if isinstance(value, dict) else value
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + text.replace("'", "''") + "'"


def psql(script):
    """All that psql prints, errors too, for a script of its own."""
    done = subprocess.run(["psql", "-Xa", "-v", "VERBOSITY=verbose", "-v", "SHOW_CONTEXT=never", "-P", "pager=off", URL], input=script, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Neither the source line of the server's code nor advice is the answer.
    return [line for line in done.stdout.split("\n") if not line.startswith(("LOCATION:", "DETAIL:", "HINT:"))]


def insert(values):
    return f"INSERT INTO vaults ({', '.join(COLUMNS)}) VALUES ({', '.join(literal(value) for value in values.values())})"


say("insert", psql(";\n".join([*(insert(values) for values in rows()), ""])))
say("read", psql("""
    \\pset null (null)
    SELECT * FROM vaults ORDER BY id;
    \\x
    SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = 2;
    \\x \\a
    SELECT secret, raw FROM vaults WHERE id < 6 ORDER BY id;
    SELECT secret FROM vaults WHERE id = 3 \\gset
    \\echo :secret
    SELECT id, secret FROM vaults WHERE id = 2 \\gdesc
    """))
say("update", psql("""
    \\set value 'it''s new'
    UPDATE vaults SET secret = :'value', pin = E'\\'e\\n' WHERE id = 1 RETURNING *;
    UPDATE vaults SET settings = '{"b": [1, "ü"]}', blob = '\\x0001fe' WHERE account_id = 1 AND id = 2;
    UPDATE vaults SET secret = $$dollar 'quoted'$$, rank = rank + 1 WHERE id = 3 RETURNING secret, rank;
    UPDATE vaults SET secret = NULL WHERE id = 4;
    UPDATE vaults SET secret = 'x' WHERE id = 999;
    SELECT * FROM vaults ORDER BY id;
    """))
say("transaction", psql("""
    BEGIN;
    UPDATE vaults SET secret = 'lost' WHERE id = 2;
    SELECT secret FROM vaults WHERE id = 2;
    ROLLBACK;
    BEGIN;
    UPDATE vaults SET secret = 'kept' WHERE id = 3;
    SAVEPOINT a;
    INSERT INTO vaults (id, account_id, label, secret) VALUES (1, 1, 'x', 'y');
    SELECT secret FROM vaults;
    ROLLBACK TO a;
    COMMIT;
    SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id;
    """))
say("errors", psql("""
    SELECT secret, nothing FROM vaults;
    SELEC 1;
    UPDATE vaults SET settings = '{bad' WHERE id = 1;
    INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', 's');
    SELECT 1/0;
    SELECT * FROM missing;
    """))
say("cursor", psql("""
    BEGIN;
    DECLARE c SCROLL CURSOR FOR SELECT id, secret, settings FROM vaults ORDER BY id;
    FETCH 2 FROM c;
    FETCH LAST FROM c;
    FETCH BACKWARD 3 FROM c;
    CLOSE c;
    COMMIT;
    \\set FETCH_COUNT 3
    SELECT id, secret FROM vaults ORDER BY id;
    """))
say("prepared", psql("""
    PREPARE put(integer, integer, text, text) AS INSERT INTO vaults (id, account_id, label, secret) VALUES ($1, $2, $3, $4);
    EXECUTE put(101, 1, 'prepared', 'executed');
    EXECUTE put(102, 2, 'again', NULL);
    PREPARE take(integer) AS SELECT secret FROM vaults WHERE id = $1;
    EXECUTE take(101);
    DEALLOCATE ALL;
    EXECUTE take(101);
    """))
say("batch", psql("\\set AUTOCOMMIT off\n" + "\\;\n".join(insert(values) for values in rows(201)) + ";\nCOMMIT;\nSELECT 1 AS a\\; SELECT id, secret FROM vaults WHERE id > 200 ORDER BY id;\n"))
say("meta commands", psql("\\d vaults\n\\dt\n\\di\n\\d+ vaults\n\\dn\n\\df pg_catalog.abs\n\\sf pg_catalog.to_tsvector(json)\n\\l app\n\\conninfo_missing\n"))
say("copy", psql("\\copy notes (body) FROM STDIN\na\nb\\tc\n\\N\n\\.\n\\copy (SELECT * FROM notes ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)\nCOPY notes TO STDOUT;\n"))
say("delete", psql("DELETE FROM vaults WHERE id = 5 RETURNING secret;\nDELETE FROM vaults WHERE id = 5;\n"))
