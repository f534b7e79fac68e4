// knex over node-postgres.
const knex = require("knex");
const { url, row, rows, step, fails, version } = require("./steps.cjs");

(async () => {
  version("knex");
  const db = knex({ client: "pg", connection: url, pool: { min: 1, max: 2 } });
  const vaults = () => db("vaults");

  await step("insert", async () => {
    const done = [];
    for (const values of rows()) done.push(await vaults().insert(values).returning("*"));
    return done;
  });
  await step("read", async () => [
    await vaults().orderBy("id"), await vaults().first("secret", "blob").where({ id: 3 }), await vaults().pluck("secret").whereNotNull("secret").orderBy("id", "desc").limit(2),
    await vaults().select("vaults.secret as s", "settings", "accounts.name").join("accounts", "accounts.id", "vaults.account_id").where("vaults.id", 2), await db.with("c", vaults().select("id", "secret")).from("c").whereIn("id", [1, 2]).orderBy("id"),
    await vaults().count("id as n").groupBy("account_id").select("account_id").orderBy("account_id"),
  ]);
  await step("update", async () => [
    await vaults().where({ id: 1 }).update({ secret: "it's \\ new", pin: "1234" }), await vaults().where({ account_id: 1, id: 2 }).update({ settings: { b: [1, "ü"] } }),
    await vaults().where({ id: 3 }).update({ blob: Buffer.from([0, 1, 254]) }, ["*"]), await vaults().where({ id: 3 }).increment("rank", 1), await vaults().where({ id: 4 }).update({ secret: null }), await vaults().where({ id: 999 }).update({ secret: "x" }),
  ]);
  await step("upsert", async () => [await vaults().insert(row(2, "upserted")).onConflict("id").merge(["secret", "raw"]).returning(["id", "secret", "raw"]), await vaults().insert(row(2, "ignored")).onConflict("id").ignore()]);
  await step("transaction", async () => {
    const seen = [];
    await db.transaction(async (inner) => {
      await inner("vaults").where({ id: 2 }).update({ secret: "lost" });
      seen.push(await inner("vaults").where({ id: 2 }).select("secret"));
      throw new Error("roll back");
    }).catch(() => {});
    await db.transaction(async (outer) => {
      await outer("vaults").where({ id: 3 }).forUpdate().first();
      await outer("vaults").where({ id: 3 }).update({ secret: "kept" });
      seen.push(await fails(() => outer.transaction((inner) => inner("vaults").insert(row(1, "again")))));
    });
    return [seen, await vaults().whereIn("id", [2, 3]).orderBy("id").select("id", "secret")];
  });
  await step("errors", async () => {
    const found = [];
    for (const query of [
      () => vaults().insert(row(1, "again")), () => vaults().select("secret", "nothing"), () => db.raw("SELEC 1"), () => vaults().where({ id: 1 }).update({ pin: "x".repeat(2001) }), () => vaults().where({ id: 1 }).update({ settings: "{bad" }),
      () => vaults().insert({ id: 77, account_id: 9, label: "l", secret: "s" }), () => db.raw("SELECT 1/?::int", [0]), () => db("missing"),
    ]) found.push(await fails(query));
    return found.map((error) => ({ ...error, message: error.message?.split(" - ").pop() }));
  });
  await step("batch", async () => [await vaults().insert(rows(101), ["id", "secret"]), await db.batchInsert("vaults", rows(201), 3).returning(["id", "raw"])]);
  await step("cursor", async () => {
    const seen = [];
    for await (const record of vaults().select("id", "secret", "settings").orderBy("id").stream({ batchSize: 4 })) seen.push(record);
    return seen;
  });
  await step("schema", async () => [
    await db.schema.createTable("tickets", (table) => table.increments("id").primary()), await db.schema.alterTable("tickets", (table) => table.string("title")), await db("tickets").insert({ title: "t" }, "*"),
    await db("vaults").columnInfo(), await db.schema.dropTable("tickets"),
  ].length);
  await step("delete", async () => [await vaults().where({ id: 5 }).del("secret"), await vaults().where({ id: 5 }).del()]);
  await db.destroy();
})();
