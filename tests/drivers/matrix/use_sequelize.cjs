// Sequelize: literals stand in SELECTs, parameters in INSERTs and UPDATEs.
const { Sequelize, DataTypes, Op } = require("sequelize");
const { url, row, rows, step, fails, version } = require("./steps.cjs");

(async () => {
  version("sequelize");
  const db = new Sequelize(url.split("?")[0], { logging: false, define: { timestamps: false } });
  const Account = db.define("Account", { id: { type: DataTypes.INTEGER, primaryKey: true }, name: DataTypes.TEXT }, { tableName: "accounts" });
  const Vault = db.define("Vault", {
    id: { type: DataTypes.INTEGER, primaryKey: true }, account_id: DataTypes.INTEGER, label: DataTypes.TEXT, secret: DataTypes.TEXT, pin: DataTypes.STRING(2000), settings: DataTypes.JSONB, raw: DataTypes.JSON, blob: DataTypes.BLOB,
    rank: { type: DataTypes.INTEGER, defaultValue: 0 },
  }, { tableName: "vaults" });
  Account.hasMany(Vault, { foreignKey: "account_id", as: "vaults" });
  Vault.belongsTo(Account, { foreignKey: "account_id", as: "account" });
  const plain = (found) => (Array.isArray(found) ? found.map(plain) : found?.get ? found.get({ plain: true }) : found);

  await step("insert", async () => {
    const done = [];
    for (const values of rows()) done.push(plain(await Vault.create(values)));
    return done;
  });
  await step("read", async () => [
    plain(await Vault.findAll({ order: ["id"] })), plain(await Vault.findByPk(3)), plain(await Vault.findOne({ attributes: ["secret", ["settings", "s"]], where: { label: { [Op.in]: ["row 2", "row 4"] }, secret: { [Op.ne]: null } }, order: [["id", "DESC"]] })),
    await Vault.count(), plain(await Vault.findAndCountAll({ where: { id: { [Op.gt]: 2 } }, limit: 2, offset: 1, order: ["id"] })), await Vault.max("rank"),
  ].map((got) => (got?.rows ? { ...got, rows: plain(got.rows) } : got)));
  await step("relations", async () => [
    plain(await Vault.findAll({ include: "account", order: ["id"] })), plain(await Account.findAll({ include: "vaults", order: ["id", ["vaults", "id", "ASC"]] })),
    plain(await Account.findAll({ include: [{ association: "vaults", separate: true, order: ["id"] }], order: ["id"] })), plain(await Account.findAll({ include: "vaults", order: ["id", ["vaults", "id", "ASC"]], limit: 1 })),
  ]);
  await step("update", async () => {
    const vault = await Vault.findByPk(1);
    vault.secret = "it's \\ new";
    await vault.save();
    await (await Vault.findByPk(2)).update({ settings: { b: [1, "ü"] } });
    return [
      await Vault.update({ blob: Buffer.from([0, 1, 254]) }, { where: { id: 3 }, returning: true }).then(([count, changed]) => [count, plain(changed)]), await Vault.increment("rank", { where: { id: 3 } }).then(() => true),
      await Vault.update({ secret: null }, { where: { id: 4 } }), await Vault.update({ secret: "x" }, { where: { id: 999 } }), plain(await Vault.findAll({ order: ["id"] })),
    ];
  });
  await step("upsert", async () => {
    const [changed] = await Vault.upsert(row(2, "upserted"));
    return [plain(changed), (await Vault.findCreateFind({ where: { id: 61 }, defaults: row(61, "made") })).map(plain), (await Vault.findCreateFind({ where: { id: 61 }, defaults: row(61, "never") })).map(plain)];
  });
  await step("transaction", async () => {
    const seen = [];
    await db.transaction(async (transaction) => {
      await Vault.update({ secret: "lost" }, { where: { id: 2 }, transaction });
      seen.push(plain(await Vault.findByPk(2, { transaction, lock: true })));
      throw new Error("roll back");
    }).catch(() => {});
    await db.transaction(async (transaction) => {
      await Vault.update({ secret: "kept" }, { where: { id: 3 }, transaction });
      seen.push(await fails(() => db.transaction({ transaction }, (inner) => Vault.create(row(1, "again"), { transaction: inner }))));
    });
    return [seen, plain(await Vault.findAll({ where: { id: [2, 3] }, order: ["id"] }))];
  });
  await step("errors", async () => {
    const found = [];
    for (const query of [
      () => Vault.create(row(1, "again")), () => Vault.findAll({ attributes: ["secret", "nothing"] }), () => db.query("SELEC 1"), () => Vault.update({ pin: "x".repeat(2001) }, { where: { id: 1 } }),
      () => db.query("UPDATE vaults SET settings = '{bad' WHERE id = 1"), () => Vault.create({ ...row(77, "s"), account_id: 9 }), () => db.query("SELECT 1/0"), () => db.query("SELECT * FROM missing"),
    ]) found.push(await fails(query));
    return found;
  });
  await step("batch", async () => [plain(await Vault.bulkCreate(rows(101))), plain(await Vault.bulkCreate([row(101, "changed"), row(108, "new")], { updateOnDuplicate: ["secret", "settings"] }))]);
  await step("schema", async () => [await db.getQueryInterface().describeTable("vaults"), await db.getQueryInterface().showIndex("vaults")]);
  await step("delete", async () => [await Vault.destroy({ where: { id: 5 } }), await Vault.destroy({ where: { id: 5 } })]);
  await step("findOrCreate", async () => (await Vault.findOrCreate({ where: { id: 901 }, defaults: row(901, "made") })).map(plain));
  await db.close();
})();
