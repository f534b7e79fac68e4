// TypeORM: repositories, relations, the query builder, query runners.
require("reflect-metadata");
const { DataSource, EntitySchema, In, IsNull, Not } = require("typeorm");
const { url, row, rows, step, fails, version } = require("./steps.cjs");

const nullable = (type) => ({ type, nullable: true });
const Account = new EntitySchema({
  name: "Account", tableName: "accounts", columns: { id: { type: "integer", primary: true }, name: { type: "text" } }, relations: { vaults: { type: "one-to-many", target: "Vault", inverseSide: "account" } },
});
const Vault = new EntitySchema({
  name: "Vault", tableName: "vaults",
  columns: {
    id: { type: "integer", primary: true }, account_id: { type: "integer" }, label: { type: "text" }, secret: nullable("text"), pin: nullable("varchar"), settings: nullable("jsonb"), raw: nullable("json"), blob: nullable("bytea"),
    rank: { type: "integer", default: 0 },
  },
  relations: { account: { type: "many-to-one", target: "Account", inverseSide: "vaults", joinColumn: { name: "account_id" } } },
});

(async () => {
  version("typeorm");
  const db = new DataSource({ type: "postgres", url: url.split("?")[0], entities: [Account, Vault], installExtensions: false });
  await db.initialize();
  const vaults = db.getRepository("Vault");
  const order = { id: "ASC" };

  await step("insert", async () => {
    const done = [];
    for (const values of rows()) done.push(await vaults.save(vaults.create(values)));
    return [done, await vaults.insert(row(61, "inserted")).then((got) => [got.identifiers, got.raw])];
  });
  await step("read", async () => [
    await vaults.find({ order }), await vaults.findOneBy({ id: 3 }), await vaults.find({ where: { label: In(["row 2", "row 4"]), secret: Not(IsNull()) }, order }), await vaults.count(), await vaults.findAndCount({ order, skip: 1, take: 2 }), await vaults.find({ order, take: 2, select: { id: true, secret: true } }),
    await vaults.createQueryBuilder("v").select(["v.secret AS s", "v.settings", "a.name"]).innerJoin("v.account", "a").where("v.id = :id", { id: 2 }).getRawMany(), await vaults.maximum("rank", {}),
  ]);
  await step("relations", async () => [
    await vaults.find({ relations: { account: true }, order }), await db.getRepository("Account").find({ relations: { vaults: true }, order: { id: "ASC", vaults: { id: "ASC" } } }),
    await db.getRepository("Account").find({ relations: { vaults: true }, order: { id: "ASC", vaults: { id: "ASC" } }, take: 1 }), await db.getRepository("Account").find({ relations: { vaults: true }, relationLoadStrategy: "query", order: { id: "ASC", vaults: { id: "ASC" } } }),
  ]);
  await step("update", async () => {
    const vault = await vaults.findOneBy({ id: 1 });
    Object.assign(vault, { secret: "it's \\ new", pin: "1234" });
    await vaults.save(vault);
    return [
      (await vaults.update({ account_id: 1, id: 2 }, { settings: { b: [1, "ü"] } })).affected, (await vaults.createQueryBuilder().update().set({ blob: Buffer.from([0, 1, 254]), rank: () => "rank + 1" }).where("id = 3").returning("*").execute()).raw,
      (await vaults.update(4, { secret: null })).affected, (await vaults.update(999, { secret: "x" })).affected, await vaults.find({ order }),
    ];
  });
  await step("upsert", async () => [(await vaults.upsert(row(2, "upserted"), ["id"])).raw, await vaults.findOneBy({ id: 2 }), await vaults.createQueryBuilder().insert().values(row(2, "ignored")).orIgnore().execute().then((got) => got.raw)]);
  await step("transaction", async () => {
    const seen = [];
    await db.transaction(async (inner) => {
      await inner.update("Vault", 2, { secret: "lost" });
      seen.push(await inner.findOne("Vault", { where: { id: 2 }, lock: { mode: "pessimistic_write" } }));
      throw new Error("roll back");
    }).catch(() => {});
    await db.transaction(async (outer) => {
      await outer.update("Vault", 3, { secret: "kept" });
      seen.push(await fails(() => outer.transaction((inner) => inner.insert("Vault", row(1, "again")))));
    });
    return [seen, await vaults.find({ where: { id: In([2, 3]) }, order })];
  });
  await step("errors", async () => {
    const found = [];
    for (const query of [
      () => vaults.insert(row(1, "again")), () => db.query("SELECT secret, nothing FROM vaults"), () => db.query("SELEC 1"), () => vaults.update(1, { pin: "x".repeat(2001) }),
      () => db.query("UPDATE vaults SET settings = $1 WHERE id = 1", ["{bad"]), () => vaults.insert({ ...row(77, "s"), account_id: 9 }), () => db.query("SELECT 1/0"), () => db.query("SELECT * FROM missing"),
    ]) found.push(await fails(query));
    return found;
  });
  await step("batch", async () => [(await vaults.insert(rows(101))).raw, await vaults.save(rows(201).map((values) => vaults.create(values)), { chunk: 3 }), await vaults.find({ where: { id: In([101, 203]) }, order })]);
  await step("cursor", async () => {
    const seen = [];
    for await (const record of await vaults.createQueryBuilder("v").orderBy("v.id").stream()) seen.push(record);
    return seen;
  });
  await step("schema", async () => (await db.driver.createSchemaBuilder().log()).upQueries.map((query) => query.query));
  await step("delete", async () => [(await vaults.delete(5)).affected, (await vaults.delete(5)).affected, await vaults.remove(await vaults.findOneBy({ id: 6 })).then((gone) => gone.secret)]);
  // This counts DISTINCT ("id", "secret").
  await step("findAndCount of a sealed column", () => vaults.findAndCount({ order, take: 1, select: { id: true, secret: true } }));
  await db.destroy();
})();
