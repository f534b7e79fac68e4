const { entities, sample, values, attempt, shape, org, prompt } = require("./sample.cjs");
const knex = require("knex")({ client: "pg", connection: process.env.DATABASE_URL + "?application_name=knex" });
(async () => {
  await knex("organisations").insert({ id: org, name: "one" });
  await knex("prompts").insert({ id: prompt, organisation_id: org, name: "p", template: "t" });
  for (const [table, columns] of Object.entries(entities)) {
    const { last, text, changeable } = shape(columns), first = values(columns, org, prompt), of = () => knex(table), json = (v) => (v && v.constructor === Object ? JSON.stringify(v) : v);
    const fresh = () => Object.fromEntries(Object.entries(values(columns, org, prompt)).map(([k, v]) => [k, json(v)]));
    const value = json(sample(columns[last], 3));
    for (const act of [
      () => of().insert(Object.fromEntries(Object.entries(first).map(([k, v]) => [k, json(v)]))), () => of().insert([fresh(), fresh()]), () => of().insert(fresh()).returning("*"), () => of().insert(fresh(), ["id", last]),
      () => of().insert(fresh()).onConflict("id").ignore(), () => of().insert(fresh()).onConflict("id").merge(), () => of().insert(fresh()).onConflict("id").merge([last]), () => of().insert([fresh(), { id: fresh().id, ...("organisation_id" in columns ? { organisation_id: org } : {}) }]),
      () => of().select(), () => of().where({ id: first.id }).first(), () => of().select("id", last).where("id", first.id), () => of().select(`${table}.*`).orderBy("id", "desc").limit(3).offset(1),
      () => of().whereIn("id", [first.id, first.id]).pluck(last), () => of().whereNotNull(last).count("* as n"), () => of().count(last), () => of().max("id"), () => of().whereNull(last).orWhere(text, "x").select("id"),
      () => of().select({ other: last }), () => of().distinct("id"), () => of().distinctOn("id").orderBy("id"), () => of().groupBy(text).select(text).count(), () => of().where(text, "like", "%x%").andWhere("id", "<>", first.id), () => of().whereILike(text, "x%"),
      () => of().where({ id: first.id }).update({ [last]: value }), () => of().where({ id: first.id }).update({ [last]: value }, ["id", last]), () => of().where({ id: first.id }).update(Object.fromEntries(changeable.map((n) => [n, json(sample(columns[n], 5))]))),
      () => knex.with("picked", of().select("id", last)).select("*").from("picked"), () => of().unionAll(of().select()), () => knex.select("x.*").from(of().as("x")), () => of().whereExists(knex("organisations").whereRaw("true")),
      () => knex.transaction((trx) => trx(table).where({ id: first.id }).forUpdate()), () => knex.transaction((trx) => trx(table).forShare().skipLocked()), () => of().columnInfo(), () => knex.schema.hasTable(table), () => knex.schema.hasColumn(table, last),
      () => of().select(knex.raw("coalesce(??, ?) as c", [text, "none"])), () => of().select(knex.raw("row_number() over (order by id)"), last), () => of().where(last, "x"), () => of().orderBy(last),
      ...("organisation_id" in columns ? [
        () => of().join("organisations as o", "o.id", `${table}.organisation_id`).select(`${table}.*`, "o.name"), () => of().leftJoin("organisations", "organisations.id", "organisation_id").where("organisations.name", "one").select(`${table}.${last}`),
        () => of().where({ organisation_id: org, id: first.id }).update({ [last]: value }), () => of().where({ organisation_id: org, id: first.id }).delete(), () => of().join("organisations", function () { this.on("organisations.id", "=", `${table}.organisation_id`); }).where({ "organisations.id": org }).first(),
      ] : []),
      () => of().where({ id: first.id }).del(), () => of().where({ id: first.id }).del("id"), () => of().truncate(),
    ]) await attempt(act);
  }
  await knex.destroy();
})();
