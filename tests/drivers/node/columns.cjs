// One sealed column through node-postgres. Reads the job from stdin; prints one JSON line per row written:
// {row, tenant, empty}. Each row was written by one way only, so that the raw table shows what that way left.
const assert = require("node:assert");
const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { Client } = require("pg");

const job = JSON.parse(readFileSync(0, "utf8"));
const { table, column, kind, owner, name, tenants } = job;
const json = kind === "json" || kind === "jsonb";
const values = job.values.map((v) => (v !== null && kind === "bytea" ? Buffer.from(v, "base64") : v));
const sent = (v) => (json && v !== null ? JSON.stringify(v) : v);
let number = Date.now() % 1000000;

async function script(client, named) {
  const run = (text, values, label) => client.query(named ? { name: `${label}_${table}_${column}`, text, values } : { text, values });
  for (const [index, value] of values.entries()) {
    const tenant = tenants[index % tenants.length];
    const wrote = (row) => console.log(JSON.stringify({ row, tenant, empty: value === null }));
    const other = () => (name === "version" ? ++number : `${named}-${++number}`);
    const insert = `INSERT INTO ${table} (id, ${owner}, ${name}, ${column}) VALUES ($1, $2, $3, $4)`;
    const before = sent(json ? { before: 1 } : kind === "bytea" ? Buffer.from("before") : "before");
    const same = (got) => assert.deepStrictEqual(got, value);

    const inserted = randomUUID();
    same((await run(`${insert} RETURNING *`, [inserted, tenant, other(), sent(value)], "insert")).rows[0][column]);
    wrote(inserted);

    const saved = randomUUID();
    await run(insert, [saved, tenant, other(), before], "plain_insert");
    assert.strictEqual((await run(`UPDATE ${table} SET ${column} = $1 WHERE id = $2`, [sent(value), saved], "save")).rowCount, 1);
    assert.strictEqual((await run(`UPDATE ${table} SET ${column} = $1 WHERE id = $2`, [sent(value), randomUUID()], "save")).rowCount, 0);
    wrote(saved);

    const owned = randomUUID();
    await run(insert, [owned, tenant, other(), before], "plain_insert");
    same((await run(`UPDATE ${table} SET ${column} = $1 WHERE ${owner} = $2 AND id = $3 RETURNING ${column} AS renamed`, [sent(value), tenant, owned], "owned")).rows[0].renamed);
    wrote(owned);

    const upserted = randomUUID();
    await run(insert, [upserted, tenant, other(), before], "plain_insert");
    await run(`${insert} ON CONFLICT (id) DO UPDATE SET ${column} = EXCLUDED.${column}`, [upserted, tenant, other(), sent(value)], "upsert");
    wrote(upserted);

    for (const row of [inserted, saved, owned, upserted]) {
      same((await run(`SELECT * FROM ${table} WHERE id = $1`, [row], "star")).rows[0][column]);
      same((await run(`SELECT t.${column} AS renamed FROM ${table} t WHERE t.id = $1`, [row], "alias")).rows[0].renamed);
      same((await run(`SELECT a.${column} FROM ${table} a JOIN ${table} b ON a.id = b.id WHERE b.id = $1`, [row], "joined")).rows[0][column]);
    }
  }
}

(async () => {
  const client = new Client({ connectionString: job.url });
  await client.connect();
  await script(client, false);
  await script(client, true);
  await client.end();
})().catch((error) => { console.error(error); process.exit(1); });
