const { entities, sample, values, attempt, shape, org, prompt } = require("./sample.cjs");
const { drizzle } = require("drizzle-orm/node-postgres");
const { relations, eq, and, or, inArray, isNull, isNotNull, desc, ilike, count, max, sql } = require("drizzle-orm");
const { pgTable, uuid, text, varchar, jsonb, json, integer, bigint, customType, alias, unionAll } = require("drizzle-orm/pg-core");
const { Pool } = require("pg");
const bytea = customType({ dataType: () => "bytea" });
const KINDS = { uuid, text, varchar, jsonb, json, bytea, integer, bigint: (name) => bigint(name, { mode: "string" }) };
const schema = {};
for (const [table, columns] of Object.entries(entities)) schema[table] = pgTable(table, Object.fromEntries(Object.entries(columns).map(([name, kind]) => [name, name === "id" ? KINDS[kind](name).primaryKey() : KINDS[kind](name)])));
const owned = Object.keys(entities).filter((table) => "organisation_id" in entities[table]);
for (const table of owned) schema[`${table}_relations`] = relations(schema[table], ({ one }) => ({ org: one(schema.organisations, { fields: [schema[table].organisation_id], references: [schema.organisations.id] }) }));
schema.organisations_relations = relations(schema.organisations, ({ many }) => Object.fromEntries(owned.map((table) => [table, many(schema[table])])));
schema.versions_relations = relations(schema.prompt_versions, ({ one }) => ({ prompt: one(schema.prompts, { fields: [schema.prompt_versions.prompt_id], references: [schema.prompts.id] }) }));
(async () => {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, application_name: "drizzle" }), db = drizzle(pool, { schema });
  await attempt(() => db.insert(schema.organisations).values({ id: org, name: "one" }));
  await attempt(() => db.insert(schema.prompts).values({ id: prompt, organisation_id: org, name: "p", template: "t" }));
  for (const [table, columns] of Object.entries(entities)) {
    const t = schema[table], s = shape(columns), { last, changeable } = s, fresh = () => values(columns, org, prompt), first = fresh(), value = sample(columns[last], 3), other = alias(t, "other"), picked = db.$with("picked").as(db.select({ id: t.id, v: t[last] }).from(t));
    for (const act of [
      () => db.insert(t).values(first), () => db.insert(t).values([fresh(), fresh()]), () => db.insert(t).values(fresh()).returning(), () => db.insert(t).values(fresh()).returning({ id: t.id, v: t[last] }), () => db.insert(t).values(fresh()).onConflictDoNothing(),
      () => db.insert(t).values(fresh()).onConflictDoUpdate({ target: t.id, set: { [last]: value } }), () => db.insert(t).values(fresh()).onConflictDoUpdate({ target: t.id, set: { [last]: sql.raw(`excluded."${last}"`) } }).returning(),
      () => db.select().from(t), () => db.select({ id: t.id, v: t[last] }).from(t).where(eq(t.id, first.id)), () => db.select().from(t).where(inArray(t.id, [first.id, first.id])).orderBy(desc(t.id)).limit(3).offset(1), () => db.select({ n: count() }).from(t), () => db.select({ n: count(t[last]), m: max(t.id) }).from(t), () => db.$count(t, isNotNull(t[last])),
      () => db.select().from(t).where(or(eq(t[s.text], "x"), isNull(t[last]))), () => db.select().from(t).where(ilike(t[s.text], "%x%")), () => db.select({ c: sql`coalesce(${t[s.text]}, 'none')` }).from(t), () => db.selectDistinctOn([t.id]).from(t).orderBy(t.id), () => db.select({ g: t[s.text], n: count() }).from(t).groupBy(t[s.text]),
      () => db.select().from(t).for("update", { skipLocked: true }), () => db.with(picked).select().from(picked), () => db.select().from(t).innerJoin(other, eq(t.id, other.id)), () => unionAll(db.select({ v: t[last] }).from(t), db.select({ v: t[last] }).from(t)), () => db.select().from(db.select({ id: t.id, v: t[last] }).from(t).as("x")),
      () => db.update(t).set({ [last]: value }).where(eq(t.id, first.id)), () => db.update(t).set(Object.fromEntries(changeable.map((n) => [n, sample(columns[n], 6)]))).where(eq(t.id, first.id)).returning(), () => db.query[table].findMany(), () => db.query[table].findFirst({ where: eq(t.id, first.id) }), () => db.query[table].findMany({ columns: { id: true, [last]: true }, limit: 2, orderBy: desc(t.id) }),
      () => db.transaction((tx) => tx.select().from(t).where(eq(t.id, first.id))), () => db.execute(sql`select * from ${t} where ${t.id} = ${first.id}`), () => db.select().from(t).where(eq(t[last], value)), () => db.select({ v: sql`${t[last]}::text` }).from(t), () => db.select().from(t).orderBy(t[last]),
      ...("organisation_id" in columns ? [
        () => db.select().from(t).leftJoin(schema.organisations, eq(t.organisation_id, schema.organisations.id)), () => db.query[table].findMany({ with: { org: true } }), () => db.query.organisations.findMany({ with: { [table]: true } }), () => db.query.organisations.findFirst({ with: { [table]: { columns: { id: true, [last]: true }, limit: 1, orderBy: desc(t.id) } } }),
        () => db.query.organisations.findMany({ columns: { id: true }, with: { [table]: { with: { org: true } } } }), () => db.update(t).set({ [last]: value }).where(and(eq(t.organisation_id, org), eq(t.id, first.id))), () => db.delete(t).where(and(eq(t.organisation_id, org), eq(t.id, first.id))), () => db.update(t).set({ [last]: value }).from(schema.organisations).where(eq(t.organisation_id, schema.organisations.id)),
      ] : []),
      ...("prompt_id" in columns ? [() => db.query.prompt_versions.findMany({ with: { prompt: { with: { org: true } } } })] : []),
      () => db.delete(t).where(eq(t.id, first.id)).returning({ id: t.id }), () => db.delete(t),
    ]) await attempt(act);
  }
  await pool.end();
})();
