// postgres.js: prepared and described statements, pipelined; helpers; cursors; COPY.
const postgres = require("postgres");
const { pipeline } = require("node:stream/promises");
const { Readable } = require("node:stream");
const { url, row, rows, step, fails, version } = require("./steps.cjs");

(async () => {
  version("postgres");
  const sql = postgres(url.split("?")[0], { max: 1, ssl: false, onnotice: () => {} });
  const told = (got) => [got.command, got.count, got.columns?.map((column) => [column.name, column.type]) ?? null, [...got]];

  await step("insert", async () => {
    const done = [];
    for (const values of rows()) done.push(told(await sql`INSERT INTO vaults ${sql(values)} RETURNING *`));
    return done;
  });
  await step("read", async () => [
    told(await sql`SELECT * FROM vaults ORDER BY id`), told(await sql`SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = ${2}`),
    told(await sql`SELECT blob, raw FROM vaults WHERE label IN ${sql(["row 1", "row 3"])} ORDER BY id`), await sql`SELECT id, secret FROM vaults ORDER BY id`.values(),
    told(await sql`SELECT * FROM vaults WHERE id = 3`.simple()), told(await sql.unsafe("SELECT secret FROM vaults WHERE id = $1", [2])),
  ]);
  await step("update", async () => [
    told(await sql`UPDATE vaults SET ${sql({ secret: "it's \\ new", pin: "1234" })} WHERE id = ${1}`), told(await sql`UPDATE vaults SET settings = ${{ b: [1, "ü"] }} WHERE account_id = ${1} AND id = ${2}`),
    told(await sql`UPDATE vaults SET blob = ${Buffer.from([0, 1, 254])}, rank = rank + 1 WHERE id = ${3} RETURNING *`), told(await sql`UPDATE vaults SET secret = ${null} WHERE id = ${4}`), told(await sql`UPDATE vaults SET secret = ${"x"} WHERE id = ${999}`),
  ]);
  await step("upsert", async () => told(await sql`INSERT INTO vaults ${sql(row(2, "upserted"))} ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw`));
  await step("transaction", async () => {
    const seen = [];
    await sql.begin(async (inner) => {
      await inner`UPDATE vaults SET secret = ${"lost"} WHERE id = 2`;
      seen.push(await inner`SELECT secret FROM vaults WHERE id = 2`);
      throw new Error("roll back");
    }).catch(() => {});
    await sql.begin(async (outer) => {
      await outer`UPDATE vaults SET secret = ${"kept"} WHERE id = 3`;
      seen.push(await fails(() => outer.savepoint((inner) => inner`INSERT INTO vaults ${inner(row(1, "again"))}`)));
    });
    return [seen, await sql`SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id`];
  });
  await step("errors", async () => {
    const found = [];
    for (const query of [
      () => sql`INSERT INTO vaults ${sql(row(1, "again"))}`, () => sql`SELECT secret, nothing FROM vaults`, () => sql`SELEC 1`, () => sql`UPDATE vaults SET pin = ${"x".repeat(2001)} WHERE id = 1`,
      () => sql.unsafe("UPDATE vaults SET settings = '{bad' WHERE id = 1"), () => sql`INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', ${"s"})`, () => sql`SELECT 1/${0}::int`, () => sql`SELECT * FROM missing`,
    ]) found.push(await fails(query));
    return found;
  });
  await step("batch", async () => told(await sql`INSERT INTO vaults ${sql(rows(101))} RETURNING id, secret, blob`));
  await step("pipeline", async () => {
    const got = await Promise.all([
      ...rows(201).map((values) => sql`INSERT INTO vaults ${sql(values)}`), ...[201, 202, 203].map((id) => sql`SELECT id, secret, raw FROM vaults WHERE id = ${id}`),
      fails(() => sql`INSERT INTO vaults ${sql(row(1, "again"))}`), sql`UPDATE vaults SET secret = ${"piped"} WHERE id = 204`, sql`SELECT secret FROM vaults WHERE id = 204`,
    ]);
    return got.map((result) => (result.command ? told(result) : result));
  });
  await step("cursor", async () => {
    const seen = [];
    for await (const part of sql`SELECT id, secret, settings FROM vaults ORDER BY id`.cursor(4)) seen.push([...part]);
    await sql`SELECT id, secret FROM vaults ORDER BY id`.forEach((record) => seen.push(record));
    return seen;
  });
  const copied = async (table, list, text) => {
    await pipeline(Readable.from([Buffer.from(text)]), await sql.unsafe(`COPY ${table} (${list}) FROM STDIN`).writable());
    const parts = [];
    for await (const part of await sql.unsafe(`COPY (SELECT ${list} FROM ${table} ORDER BY id DESC LIMIT 3) TO STDOUT`).readable()) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  await step("copy", () => copied("notes", "id, body", "1\ta\n2\tb\\tc\n3\t\\N\n"));
  await step("notify", async () => {
    let heard;
    const told = new Promise((resolve) => (heard = resolve));
    await sql.listen("matrix", heard);
    await sql.notify("matrix", "said");
    return told;
  });
  await step("delete", async () => [told(await sql`DELETE FROM vaults WHERE id = ${5} RETURNING secret`), told(await sql`DELETE FROM vaults WHERE id = ${5}`)]);
  await step("copy of the sealed table", () => copied("vaults", "id, account_id, label, secret, settings", '901\t1\tc1\tco\\\\p\\ty\t{"a": 1}\n902\t2\tc2\t\\N\t\\N\n'));
  await sql.end();
})();
