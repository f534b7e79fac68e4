// Generates a client for the entities, then uses it through the pg adapter.
const { execFileSync } = require("child_process");
const fs = require("fs"), path = require("path");
const { entities, sample, values, attempt, shape, org, prompt } = require("./sample.cjs");
const KINDS = { uuid: "String", text: "String", varchar: "String", jsonb: "Json", json: "Json", bytea: "Bytes", integer: "Int", bigint: "BigInt" };
const NATIVE = { uuid: "@db.Uuid", varchar: "@db.VarChar", json: "@db.Json", text: "", jsonb: "", bytea: "", integer: "", bigint: "" };
const owned = Object.keys(entities).filter((table) => "organisation_id" in entities[table]);
const model = (table, columns) => `model ${table} {\n${Object.entries(columns).map(([name, kind]) => `  ${name} ${KINDS[kind]}${name === "id" ? " @id" : "?"} ${NATIVE[kind]}`).join("\n")}\n${"organisation_id" in columns ? "  org organisations? @relation(fields: [organisation_id], references: [id])\n" : ""}${table === "organisations" ? owned.map((t) => `  ${t} ${t}[]\n`).join("") : ""}${table === "prompts" ? "  versions prompt_versions[]\n" : ""}${table === "prompt_versions" ? "  prompt prompts? @relation(fields: [prompt_id], references: [id])\n" : ""}}\n`;
const text = (join) => `generator client {\n  provider = "prisma-client-js"\n  output = "./prisma-client"\n${join ? '  previewFeatures = ["relationJoins"]\n' : ""}}\ndatasource db {\n  provider = "postgresql"\n}\n` + Object.entries(entities).map(([t, c]) => model(t, c)).join("");
async function use(join) {
  fs.writeFileSync(path.join(__dirname, "schema.prisma"), text(join));
  execFileSync(path.join(__dirname, "node_modules/.bin/prisma"), ["generate", "--schema", path.join(__dirname, "schema.prisma")], { stdio: ["ignore", "ignore", "inherit"], cwd: __dirname });
  for (const file of Object.keys(require.cache)) if (file.includes("prisma-client")) delete require.cache[file];
  const { PrismaClient } = require("./prisma-client"), { PrismaPg } = require("@prisma/adapter-pg");
  const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL, application_name: "prisma" }) });
  await attempt(() => db.organisations.create({ data: { id: org, name: "one" } }));
  await attempt(() => db.prompts.create({ data: { id: prompt, organisation_id: org, name: "p", template: "t" } }));
  for (const [table, columns] of Object.entries(entities)) {
    const { last, text, changeable } = shape(columns), m = db[table], fresh = () => { const row = values(columns, org, prompt); if ("id" in row && columns.id === "bigint") row.id = BigInt(row.id); return row; }, first = fresh(), value = sample(columns[last], 3), of = { id: first.id };
    for (const act of [
      () => m.create({ data: first }), () => m.createMany({ data: [fresh(), fresh()] }), () => m.createMany({ data: [fresh()], skipDuplicates: true }), () => m.createManyAndReturn({ data: [fresh()] }), () => m.upsert({ where: of, create: fresh(), update: { [last]: value } }), () => m.upsert({ where: { id: fresh().id }, create: fresh(), update: { [last]: value } }),
      () => m.findMany(), () => m.findUnique({ where: of }), () => m.findFirst({ where: { [text]: "it's" } }), () => m.findMany({ where: { id: { in: [first.id, first.id] } }, select: { id: true, [last]: true } }), () => m.findMany({ orderBy: { id: "desc" }, take: 3, skip: 1 }), () => m.count(), () => m.count({ where: { [text]: { contains: "x", mode: "insensitive" } } }),
      () => m.findMany({ where: { OR: [of, { [text]: { startsWith: "x" } }] } }), () => m.aggregate({ _count: { [last]: true } }), () => m.groupBy({ by: [text], _count: true }), () => m.findMany({ distinct: ["id"] }), () => m.findMany({ omit: { [last]: true } }), () => m.findMany({ cursor: of, take: 2 }), () => m.findMany({ where: { NOT: { [text]: null } } }),
      () => m.update({ where: of, data: { [last]: value } }), () => m.updateMany({ where: of, data: { [last]: value } }), () => m.updateManyAndReturn({ where: of, data: Object.fromEntries(changeable.map((n) => [n, sample(columns[n], 6)])) }), () => db.$transaction([m.findMany(), m.count()]), () => db.$queryRawUnsafe(`SELECT * FROM "${table}" WHERE "id" = $1`, first.id),
      ...("organisation_id" in columns ? [
        () => m.findMany({ include: { org: true } }), () => m.findMany({ where: { org: { name: "one" } } }), () => db.organisations.findMany({ include: { [table]: true } }), () => db.organisations.findMany({ include: { [table]: { select: { id: true, [last]: true }, take: 1, orderBy: { id: "desc" } } } }), () => db.organisations.findMany({ where: { [table]: { some: { id: first.id } } } }),
        () => db.organisations.findMany({ select: { id: true, _count: { select: { [table]: true } } } }), () => db.organisations.update({ where: { id: org }, data: { [table]: { create: { ...fresh(), organisation_id: undefined } } } }), () => m.updateMany({ where: { organisation_id: org, id: first.id }, data: { [last]: value } }), () => m.deleteMany({ where: { organisation_id: org, id: first.id } }),
        () => db.organisations.findMany({ relationLoadStrategy: join ? "join" : undefined, include: { [table]: { include: { org: true } } } }),
      ] : []),
      ...("prompt_id" in columns ? [() => m.findMany({ include: { prompt: { include: { org: true } } } }), () => db.prompts.findMany({ include: { versions: true } })] : []),
      () => m.delete({ where: of }), () => m.deleteMany({ where: of }), () => m.deleteMany(),
    ]) await attempt(act);
  }
  await db.$disconnect();
}
use(true).catch((error) => { console.error(error); process.exit(1); });
