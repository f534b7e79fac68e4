// Drizzle over node-postgres, relational queries included.
const { drizzle } = require("drizzle-orm/node-postgres");
const { and, asc, count, desc, eq, gt, inArray, isNotNull, max, relations, sql } = require("drizzle-orm");
const { customType, integer, json, jsonb, pgTable, text, varchar } = require("drizzle-orm/pg-core");
const { Pool } = require("pg");
const { url, row, rows, step, fails, version } = require("./steps.cjs");

const bytea = customType({ dataType: () => "bytea" });
const accounts = pgTable("accounts", { id: integer().primaryKey(), name: text() });
const vaults = pgTable("vaults", {
  id: integer().primaryKey(), account_id: integer(), label: text(), secret: text(), pin: varchar({ length: 2000 }), settings: jsonb(), raw: json(), blob: bytea(), rank: integer().default(0),
});
const schema = {
  accounts, vaults, accountsRelations: relations(accounts, ({ many }) => ({ vaults: many(vaults) })),
  vaultsRelations: relations(vaults, ({ one }) => ({ account: one(accounts, { fields: [vaults.account_id], references: [accounts.id] }) })),
};

(async () => {
  version("drizzle-orm");
  const pool = new Pool({ connectionString: url, max: 1 });
  const db = drizzle(pool, { schema });
  const changed = (got) => got.rowCount;

  await step("insert", async () => {
    const done = [];
    for (const values of rows()) done.push(await db.insert(vaults).values(values).returning());
    return done;
  });
  await step("read", async () => {
    const prepared = db.select({ secret: vaults.secret }).from(vaults).where(eq(vaults.id, sql.placeholder("id"))).prepare("one");
    const c = db.$with("c").as(db.select({ id: vaults.id, secret: vaults.secret }).from(vaults));
    return [
      await db.select().from(vaults).orderBy(vaults.id), await db.select({ s: vaults.secret, settings: vaults.settings, name: accounts.name }).from(vaults).innerJoin(accounts, eq(accounts.id, vaults.account_id)).where(eq(vaults.id, 2)),
      await db.select({ blob: vaults.blob, raw: vaults.raw }).from(vaults).where(and(inArray(vaults.label, ["row 1", "row 3"]), isNotNull(vaults.secret))).orderBy(desc(vaults.id)), await prepared.execute({ id: 2 }), await prepared.execute({ id: 3 }),
      await db.with(c).select().from(c).where(gt(c.id, 2)).orderBy(c.id).limit(2), await db.select({ account: vaults.account_id, n: count(), last: max(vaults.rank) }).from(vaults).groupBy(vaults.account_id).orderBy(vaults.account_id), await db.$count(vaults),
    ];
  });
  await step("update", async () => [
    changed(await db.update(vaults).set({ secret: "it's \\ new", pin: "1234" }).where(eq(vaults.id, 1))), changed(await db.update(vaults).set({ settings: { b: [1, "ü"] } }).where(and(eq(vaults.account_id, 1), eq(vaults.id, 2)))),
    await db.update(vaults).set({ blob: Buffer.from([0, 1, 254]), rank: sql`${vaults.rank} + 1` }).where(eq(vaults.id, 3)).returning(), changed(await db.update(vaults).set({ secret: null }).where(eq(vaults.id, 4))),
    changed(await db.update(vaults).set({ secret: "x" }).where(eq(vaults.id, 999))),
  ]);
  await step("upsert", async () => [
    await db.insert(vaults).values(row(2, "upserted")).onConflictDoUpdate({ target: vaults.id, set: { secret: sql`excluded.secret`, raw: sql`excluded.raw` } }).returning({ id: vaults.id, secret: vaults.secret, raw: vaults.raw }),
    await db.insert(vaults).values(row(2, "again")).onConflictDoUpdate({ target: vaults.id, set: { secret: "set" } }).returning(), changed(await db.insert(vaults).values(row(2, "ignored")).onConflictDoNothing()),
  ]);
  await step("transaction", async () => {
    const seen = [];
    await db.transaction(async (inner) => {
      await inner.update(vaults).set({ secret: "lost" }).where(eq(vaults.id, 2));
      seen.push(await inner.select().from(vaults).where(eq(vaults.id, 2)).for("update"));
      inner.rollback();
    }).catch(() => {});
    await db.transaction(async (outer) => {
      await outer.update(vaults).set({ secret: "kept" }).where(eq(vaults.id, 3));
      seen.push(await fails(() => outer.transaction((inner) => inner.insert(vaults).values(row(1, "again")))));
    });
    return [seen, await db.select().from(vaults).where(inArray(vaults.id, [2, 3])).orderBy(vaults.id)];
  });
  await step("errors", async () => {
    const found = [];
    for (const query of [
      () => db.insert(vaults).values(row(1, "again")), () => db.execute(sql`SELECT secret, nothing FROM vaults`), () => db.execute(sql`SELEC 1`), () => db.update(vaults).set({ pin: "x".repeat(2001) }).where(eq(vaults.id, 1)),
      () => db.execute(sql`UPDATE vaults SET settings = ${"{bad"} WHERE id = 1`), () => db.insert(vaults).values({ ...row(77, "s"), account_id: 9 }), () => db.execute(sql`SELECT 1/0`), () => db.execute(sql`SELECT * FROM missing`),
    ]) found.push(await fails(query));
    return found;
  });
  await step("batch", async () => [await db.insert(vaults).values(rows(101)).returning(), await db.select().from(vaults).where(gt(vaults.id, 100)).orderBy(vaults.id)]);
  await step("delete", async () => [await db.delete(vaults).where(eq(vaults.id, 5)).returning({ secret: vaults.secret }), changed(await db.delete(vaults).where(eq(vaults.id, 5)))]);
  // These gather related rows as JSON in the server.
  await step("relational queries", async () => [
    await db.query.vaults.findMany({ orderBy: asc(vaults.id) }), await db.query.vaults.findFirst({ columns: { secret: true, settings: true }, with: { account: true }, where: eq(vaults.id, 3) }),
    await db.query.accounts.findMany({ with: { vaults: { columns: { id: true, secret: true, settings: true, raw: true }, orderBy: asc(vaults.id) } }, orderBy: asc(accounts.id) }),
  ]);
  await pool.end();
})();
