// node-postgres: simple queries, unnamed and named statements, cursors, streams, COPY, a pool.
const { Client, Pool } = require("pg");
const Cursor = require("pg-cursor");
const QueryStream = require("pg-query-stream");
const { from, to } = require("pg-copy-streams");
const { pipeline } = require("node:stream/promises");
const { Readable } = require("node:stream");
const { url, columns, row, rows, step, fails, version } = require("./steps.cjs");

const insert = `INSERT INTO vaults (${columns.join(", ")}) VALUES (${columns.map((_, index) => `$${index + 1}`).join(", ")})`;
const sent = (values) => Object.values(values).map((value) => (value && value.value !== undefined ? JSON.stringify(value) : value));

(async () => {
  version("pg");
  const client = new Client({ connectionString: url });
  await client.connect();
  const run = async (text, values, name) => {
    const got = await client.query({ text, values, name });
    return [got.command, got.rowCount, got.fields.map((field) => [field.name, field.dataTypeID, field.dataTypeModifier, field.format]), got.rows];
  };

  await step("insert", async () => {
    const done = [];
    for (const values of rows()) done.push(await run(insert, sent(values)));
    for (const values of rows(51)) done.push(await run(`${insert} RETURNING *`, sent(values), "named"));
    return done;
  });
  await step("read", async () => [
    await run("SELECT * FROM vaults ORDER BY id"), await run("SELECT * FROM vaults WHERE id > $1 ORDER BY id", [3], "read"), await run("SELECT * FROM vaults WHERE id > $1 ORDER BY id", [50], "read"),
    await run("SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = $1", [2]), await run("SELECT blob, raw FROM vaults WHERE label = ANY($1) ORDER BY id", [["row 1", "row 3"]]),
    (await client.query({ text: "SELECT id, secret FROM vaults ORDER BY id LIMIT 2", rowMode: "array" })).rows,
  ]);
  await step("update", async () => [
    await run("UPDATE vaults SET secret = $1, pin = $2 WHERE id = $3", ["it's \\ new", "1234", 1]), await run("UPDATE vaults SET settings = $1 WHERE account_id = $2 AND id = $3", ['{"b": [1, "ü"]}', 1, 2]),
    await run("UPDATE vaults SET blob = $1, rank = rank + 1 WHERE id = $2 RETURNING *", [Buffer.from([0, 1, 254]), 3]), await run("UPDATE vaults SET secret = NULL WHERE id = 4"), await run("UPDATE vaults SET secret = $1 WHERE id = $2", ["x", 999]),
    await run("UPDATE vaults SET secret = 'a literal' WHERE id = 6 RETURNING secret"),
  ]);
  await step("upsert", () => run(`${insert} ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw`, sent(row(2, "upserted"))));
  await step("transaction", async () => {
    const seen = [];
    await run("BEGIN");
    await run("UPDATE vaults SET secret = $1 WHERE id = 2", ["lost"]);
    seen.push(await run("SELECT secret FROM vaults WHERE id = 2"));
    await run("ROLLBACK");
    await run("BEGIN");
    await run("UPDATE vaults SET secret = $1 WHERE id = 3", ["kept"]);
    await run("SAVEPOINT a");
    seen.push(await fails(() => run(insert, sent(row(1, "again")))), await fails(() => run("SELECT secret FROM vaults")));
    await run("ROLLBACK TO a");
    await run("COMMIT");
    return [seen, await run("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id")];
  });
  await step("errors", async () => {
    const found = [];
    for (const [text, values] of [
      [insert, sent(row(1, "again"))], ["SELECT secret, nothing FROM vaults"], ["SELEC 1"], ["UPDATE vaults SET pin = $1 WHERE id = 1", ["x".repeat(2001)]], ["UPDATE vaults SET settings = $1 WHERE id = 1", ["{bad"]],
      ["UPDATE vaults SET settings = '{bad' WHERE id = 1"], ["INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', $1)", ["s"]], ["SELECT 1/$1::int", [0]], ["SELECT * FROM missing"],
    ]) found.push(await fails(() => run(text, values)));
    return found;
  });
  // node-postgres queues these; each is sent when the one before it is answered.
  await step("batch", async () => [
    await Promise.all(rows(101).map((values) => run(insert, sent(values), "named insert"))),
    await Promise.all([101, 102, 103].map((id) => run("SELECT id, secret, settings FROM vaults WHERE id = $1", [id]))),
    (await client.query("SELECT id, secret FROM vaults WHERE id = 101; SELECT settings FROM vaults WHERE id = 102; SELECT 3 AS three")).map((got) => [got.rowCount, got.rows]),
  ]);
  await step("cursor", async () => {
    const cursor = client.query(new Cursor("SELECT id, secret, settings, blob FROM vaults WHERE id > $1 ORDER BY id", [1]));
    const seen = [await cursor.read(3), await cursor.read(4)];
    await cursor.close();
    const stream = client.query(new QueryStream("SELECT id, secret FROM vaults ORDER BY id", [], { batchSize: 4 }));
    for await (const record of stream) seen.push(record);
    return seen;
  });
  await step("pool", async () => {
    const pool = new Pool({ connectionString: url, max: 4 });
    const got = await Promise.all(rows(201).map(async (values) => {
      await pool.query(insert, sent(values));
      return (await pool.query("SELECT secret, raw FROM vaults WHERE id = $1", [values.id])).rows;
    }));
    await pool.end();
    return got;
  });
  const copied = async (table, list, text) => {
    await pipeline(Readable.from([Buffer.from(text)]), client.query(from(`COPY ${table} (${list}) FROM STDIN`)));
    const parts = [];
    for await (const part of client.query(to(`COPY (SELECT ${list} FROM ${table} ORDER BY id DESC LIMIT 3) TO STDOUT WITH (FORMAT csv)`))) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  await step("copy", () => copied("notes", "id, body", "1\ta\n2\tb\\tc\n3\t\\N\n"));
  await step("delete", async () => [await run("DELETE FROM vaults WHERE id = $1 RETURNING secret", [5]), await run("DELETE FROM vaults WHERE id = $1", [5])]);
  await step("copy of the sealed table", () => copied("vaults", "id, account_id, label, secret, settings", '901\t1\tc1\tco\\\\p\\ty\t{"a": 1}\n902\t2\tc2\t\\N\t\\N\n'));
  await client.end();
})();
