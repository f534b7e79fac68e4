// Prisma 7 with its pg adapter.
const { PrismaClient, Prisma } = require("@prisma/client");
const { PrismaPg } = require("@prisma/adapter-pg");
const { url, row, rows, step, fails, version } = require("./steps.cjs");

// Prisma writes null of a document in its own way.
function sent({ account_id: accountId, ...values }) {
  return { ...values, accountId, settings: values.settings ?? Prisma.DbNull, raw: values.raw ?? Prisma.DbNull, blob: values.blob && new Uint8Array(values.blob) };
}

(async () => {
  version("prisma");
  const db = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 2 }), log: [], transactionOptions: { maxWait: 60_000, timeout: 60_000 } });
  const orderBy = { id: "asc" };

  await step("insert", async () => {
    const done = [];
    for (const values of rows()) done.push(await db.vault.create({ data: sent(values) }));
    return done;
  });
  await step("read", async () => [
    await db.vault.findMany({ orderBy }), await db.vault.findUnique({ where: { id: 3 } }), await db.vault.findFirst({ where: { label: { in: ["row 2", "row 4"] }, secret: { not: null } }, select: { secret: true, settings: true }, orderBy: { id: "desc" } }),
    await db.vault.count(), await db.vault.findMany({ where: { id: { gt: 1 } }, skip: 1, take: 2, orderBy, omit: { blob: true } }), await db.vault.groupBy({ by: ["accountId"], _count: { secret: true }, _max: { rank: true }, orderBy: { accountId: "asc" } }),
    await db.vault.findMany({ cursor: { id: 3 }, take: 2, orderBy }), await Promise.all([1, 2, 3].map((id) => db.vault.findUnique({ where: { id } }))),
  ]);
  await step("relations", async () => [
    await db.vault.findMany({ include: { account: true }, orderBy }), await db.account.findMany({ include: { vaults: { orderBy, select: { id: true, secret: true, raw: true } }, _count: { select: { vaults: true } } }, orderBy }),
    await db.account.findUnique({ where: { id: 1 } }).vaults({ orderBy }), await db.account.findMany({ where: { vaults: { some: { rank: 0, secret: { not: null } } } }, orderBy }),
  ]);
  await step("update", async () => [
    await db.vault.update({ where: { id: 1 }, data: { secret: "it's \\ new", pin: "1234" } }), await db.vault.updateMany({ where: { accountId: 1, id: 2 }, data: { settings: { b: [1, "ü"] } } }),
    await db.vault.update({ where: { id: 3 }, data: { blob: new Uint8Array([0, 1, 254]), rank: { increment: 1 } }, select: { blob: true, rank: true } }), await db.vault.updateMany({ where: { id: 4 }, data: { secret: null } }),
    await db.vault.updateMany({ where: { id: 999 }, data: { secret: "x" } }), await fails(() => db.vault.update({ where: { id: 999 }, data: { secret: "x" } })).then((told) => told.state), await db.vault.findMany({ orderBy }),
  ]);
  await step("nested writes", async () => [
    await db.account.update({ where: { id: 1 }, data: { vaults: { create: (({ accountId, ...values }) => values)(sent(row(61, "nested"))), update: { where: { id: 2 }, data: { secret: "from above" } } } }, include: { vaults: { orderBy } } }),
    await db.account.findMany({ orderBy }),
  ]);
  await step("upsert", async () => [
    await db.vault.upsert({ where: { id: 2 }, create: sent(row(2, "never")), update: { secret: "upserted" } }), await db.vault.upsert({ where: { id: 62 }, create: sent(row(62, "made")), update: { secret: "never" } }),
    await db.vault.upsert({ where: { id: 62, rank: { gte: 0 } }, create: sent(row(62, "never")), update: { secret: "changed" } }),
  ]);
  await step("transaction", async () => {
    const seen = [];
    await db.$transaction(async (inner) => {
      await inner.vault.update({ where: { id: 2 }, data: { secret: "lost" } });
      seen.push(await inner.vault.findUnique({ where: { id: 2 } }));
      throw new Error("roll back");
    }).catch(() => {});
    seen.push(await db.$transaction([db.vault.update({ where: { id: 3 }, data: { secret: "kept" } }), db.vault.findUnique({ where: { id: 3 } })]));
    seen.push(await fails(() => db.$transaction([db.vault.update({ where: { id: 3 }, data: { secret: "lost" } }), db.vault.create({ data: sent(row(1, "again")) })])).then((told) => told.state));
    return [seen, await db.vault.findMany({ where: { id: { in: [2, 3] } }, orderBy })];
  });
  await step("errors", async () => {
    const found = [];
    for (const query of [
      () => db.vault.create({ data: sent(row(1, "again")) }), () => db.$queryRawUnsafe("SELECT secret, nothing FROM vaults"), () => db.$queryRawUnsafe("SELEC 1"), () => db.vault.update({ where: { id: 1 }, data: { pin: "x".repeat(2001) } }),
      () => db.vault.create({ data: sent({ ...row(77, "s"), account_id: 9 }) }), () => db.$queryRaw`SELECT 1/${0}::int`, () => db.$queryRaw`SELECT * FROM missing`,
    ]) found.push(await fails(query));
    return found.map((told) => [told.class, told.state]);
  });
  await step("batch", async () => [
    await db.vault.createMany({ data: rows(101).map(sent) }), await db.vault.createManyAndReturn({ data: rows(201).map(sent) }), await db.vault.createMany({ data: [sent(row(201, "again"))], skipDuplicates: true }),
    await db.vault.updateManyAndReturn({ where: { id: { in: [101, 103] } }, data: { secret: "together" } }).then((changed) => changed.sort((a, b) => a.id - b.id)),
  ]);
  await step("raw queries", async () => [
    await db.$queryRaw`SELECT id, secret AS s, settings, blob FROM vaults WHERE id = ${102}`, await db.$executeRaw`UPDATE vaults SET secret = ${"raw"} WHERE id = ${102}`, await db.$queryRawUnsafe("SELECT secret FROM vaults WHERE id = $1", 102),
  ]);
  await step("delete", async () => [await db.vault.delete({ where: { id: 5 } }), await db.vault.deleteMany({ where: { id: 5 } })]);
  await db.$disconnect();
})();
