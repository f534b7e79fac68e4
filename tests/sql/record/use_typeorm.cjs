require("reflect-metadata");
const { entities, sample, values, attempt, shape, org, prompt } = require("./sample.cjs");
const { DataSource, EntitySchema, In, IsNull, Not, ILike, LessThan } = require("typeorm");
(async () => {
  const schemas = Object.entries(entities).map(([table, columns]) => new EntitySchema({
    name: table, tableName: table, columns: Object.fromEntries(Object.entries(columns).map(([name, kind]) => [name, { type: kind, primary: name === "id", nullable: name !== "id" }])),
    relations: "organisation_id" in columns ? { org: { type: "many-to-one", target: "organisations", joinColumn: { name: "organisation_id" } } } : {},
  }));
  const db = await new DataSource({ type: "postgres", url: process.env.DATABASE_URL, applicationName: "typeorm", entities: schemas, logging: false }).initialize();
  await attempt(() => db.getRepository("organisations").insert({ id: org, name: "one" }));
  await attempt(() => db.getRepository("prompts").insert({ id: prompt, organisation_id: org, name: "p", template: "t" }));
  for (const [table, columns] of Object.entries(entities)) {
    const { last, text, changeable } = shape(columns), repo = db.getRepository(table), fresh = () => values(columns, org, prompt), first = fresh(), value = sample(columns[last], 3), qb = () => repo.createQueryBuilder("t");
    for (const act of [
      () => repo.save(first), () => repo.save([fresh(), fresh()]), () => repo.insert(fresh()), () => repo.insert([fresh(), fresh()]), () => repo.upsert(fresh(), ["id"]), () => repo.upsert([fresh(), fresh()], { conflictPaths: ["id"], skipUpdateIfNoValuesChanged: true }),
      () => qb().insert().values(fresh()).orIgnore().execute(), () => qb().insert().values(fresh()).orUpdate([last], ["id"]).execute(), () => qb().insert().values(fresh()).returning("*").execute(),
      () => repo.find(), () => repo.findOneBy({ id: first.id }), () => repo.findOne({ where: { id: first.id }, select: { id: true, [last]: true } }), () => repo.findBy({ id: In([first.id, first.id]) }), () => repo.find({ order: { id: "DESC" }, take: 3, skip: 1 }), () => repo.findAndCount({ where: { [last]: Not(IsNull()) } }),
      () => repo.count(), () => repo.countBy({ [text]: "it's" }), () => repo.existsBy({ id: first.id }), () => repo.findBy({ [text]: ILike("%x%") }), () => repo.find({ where: [{ id: first.id }, { [last]: IsNull() }] }), () => repo.maximum("version"), () => repo.findBy({ id: LessThan(first.id) }),
      () => repo.update(first.id, { [last]: value }), () => repo.update({ id: first.id }, Object.fromEntries(changeable.map((n) => [n, sample(columns[n], 6)]))), () => repo.save({ id: first.id, [last]: value }), () => qb().update().set({ [last]: value }).where("id = :id", { id: first.id }).returning(last).execute(), () => qb().update().set({ [text]: () => text }).where("id = :id", { id: first.id }).execute(),
      () => qb().select(["t.id", `t.${last}`]).getMany(), () => qb().select(`t.${last}`, "other").getRawMany(), () => qb().select(`COALESCE(t.${text}, 'none')`, "c").getRawMany(), () => qb().select("COUNT(*)", "n").addSelect(`t.${text}`).groupBy(`t.${text}`).getRawMany(), () => qb().where(`t.${last} IS NOT NULL`).getCount(),
      () => qb().where("t.id IN (:...ids)", { ids: [first.id] }).orderBy("t.id").limit(2).getMany(), () => db.transaction((m) => m.getRepository(table).createQueryBuilder("t").setLock("pessimistic_write").getMany()), () => qb().subQuery().select("t.id").from(table, "t").getQuery(), () => qb().where((q) => `t.id IN ${q.subQuery().select("u.id").from(table, "u").getQuery()}`).getMany(),
      () => qb().addCommonTableExpression(repo.createQueryBuilder("c").select(["c.id", `c.${last}`]), "picked").getMany(), () => qb().distinctOn(["t.id"]).orderBy("t.id").getMany(), () => repo.query(`SELECT * FROM "${table}" WHERE "id" = $1`, [first.id]), () => repo.findBy({ [last]: value }),
      ...("organisation_id" in columns ? [
        () => repo.find({ relations: { org: true } }), () => repo.find({ where: { org: { name: "one" } } }), () => qb().leftJoinAndSelect("t.org", "o").where("o.name = :n", { n: "one" }).getMany(), () => qb().innerJoin("t.org", "o").select(["t.id", `t.${last}`, "o.name"]).getMany(), () => repo.find({ relations: { org: true }, take: 2 }),
        () => repo.update({ organisation_id: org, id: first.id }, { [last]: value }), () => repo.delete({ organisation_id: org, id: first.id }), () => repo.find({ loadRelationIds: true }), () => repo.find({ relations: { org: true }, relationLoadStrategy: "query" }),
      ] : []),
      () => repo.remove({ ...first }), () => repo.delete(first.id), () => repo.delete({ id: In([first.id]) }), () => repo.clear(),
    ]) await attempt(act);
  }
  await attempt(() => db.driver.createSchemaBuilder().log());
  await db.destroy();
})();
