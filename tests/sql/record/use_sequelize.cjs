const { entities, sample, values, attempt, shape, org, prompt } = require("./sample.cjs");
const { Sequelize, DataTypes, Op } = require("sequelize");
const db = new Sequelize(process.env.DATABASE_URL, { logging: false, dialectOptions: { application_name: "sequelize" } });
const KINDS = { uuid: DataTypes.UUID, text: DataTypes.TEXT, varchar: DataTypes.STRING, jsonb: DataTypes.JSONB, json: DataTypes.JSON, bytea: DataTypes.BLOB, integer: DataTypes.INTEGER, bigint: DataTypes.BIGINT };
(async () => {
  const made = {};
  for (const [table, columns] of Object.entries(entities))
    made[table] = db.define(table, Object.fromEntries(Object.entries(columns).map(([name, kind]) => [name, { type: KINDS[kind], primaryKey: name === "id" }])), { tableName: table, timestamps: false });
  for (const [table, columns] of Object.entries(entities))
    if ("organisation_id" in columns) { made[table].belongsTo(made.organisations, { foreignKey: "organisation_id", as: "org" }); made.organisations.hasMany(made[table], { foreignKey: "organisation_id", as: table }); }
  await attempt(() => made.organisations.create({ id: org, name: "one" }));
  await attempt(() => made.prompts.create({ id: prompt, organisation_id: org, name: "p", template: "t" }));
  for (const [table, columns] of Object.entries(entities)) {
    const { last, text, changeable } = shape(columns), model = made[table], fresh = () => values(columns, org, prompt), first = fresh(), value = sample(columns[last], 3);
    let row;
    for (const act of [
      async () => { row = await model.create(first); }, () => model.bulkCreate([fresh(), fresh()]), () => model.bulkCreate([fresh()], { ignoreDuplicates: true }), () => model.bulkCreate([fresh()], { updateOnDuplicate: changeable }), () => model.upsert(fresh()), () => model.bulkCreate([fresh()], { returning: true }),
      () => model.findAll(), () => model.findByPk(first.id), () => model.findOne({ where: { [text]: "it's" } }), () => model.findAll({ where: { id: [first.id, first.id] }, attributes: ["id", last] }), () => model.findAll({ order: [["id", "DESC"]], limit: 3, offset: 1 }),
      () => model.findAndCountAll({ where: { [last]: { [Op.ne]: null } }, limit: 2 }), () => model.count(), () => model.count({ col: last }), () => model.max("id"), () => model.findAll({ where: { [Op.or]: [{ id: first.id }, { [last]: null }] } }),
      () => model.findAll({ attributes: [[last, "other"]] }), () => model.findAll({ attributes: { exclude: [last] } }), () => model.findAll({ where: { [text]: { [Op.iLike]: "%x%" } } }), () => model.findAll({ attributes: [text, [db.fn("COUNT", db.col("id")), "n"]], group: [text] }),
      () => model.findOrCreate({ where: { id: fresh().id }, defaults: fresh() }), async () => { row[last] = value; await row.save(); }, () => row.update(Object.fromEntries(changeable.map((n) => [n, sample(columns[n], 7)]))), () => row.reload(),
      () => model.update({ [last]: value }, { where: { id: first.id } }), () => model.update({ [last]: value }, { where: { id: first.id }, returning: true }), () => db.transaction((t) => model.findAll({ lock: true, transaction: t })), () => db.transaction((t) => model.findAll({ lock: t.LOCK.SHARE, skipLocked: true, transaction: t })),
      () => model.findAll({ attributes: [[db.fn("COALESCE", db.col(text), "none"), "c"]] }), () => model.findAll({ where: { [last]: value } }), () => model.findAll({ order: [[last, "ASC"]] }), () => db.query(`SELECT * FROM ${table} WHERE id = :id`, { replacements: { id: first.id } }), () => db.query(`SELECT * FROM ${table} WHERE id = $1`, { bind: [first.id] }),
      ...("organisation_id" in columns ? [
        () => model.findAll({ include: "org" }), () => model.findAll({ include: { association: "org", where: { name: "one" } } }), () => made.organisations.findAll({ include: table }), () => made.organisations.findAll({ include: { association: table, separate: true } }), () => made.organisations.findAll({ include: table, limit: 2 }),
        () => model.update({ [last]: value }, { where: { organisation_id: org, id: first.id } }), () => model.destroy({ where: { organisation_id: org, id: first.id } }), () => model.findAll({ include: "org", where: { "$org.name$": "one" } }),
      ] : []),
      ...(columns[last] === "jsonb" ? [() => model.findAll({ where: { [last]: { a: 1 } } }), () => model.findAll({ where: { [`${last}.a`]: 1 } })] : []),
      () => row.destroy(), () => model.destroy({ where: { id: [first.id] } }), () => db.getQueryInterface().describeTable(table), () => model.truncate(),
    ]) await attempt(act);
  }
  await attempt(() => db.getQueryInterface().showAllTables());
  await db.close();
})();
