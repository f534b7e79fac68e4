// What the Node programs of the matrix share: the values, and how a step's answer is printed.
const { readFileSync } = require("node:fs");

const url = process.env.DATABASE_URL;
const texts = readFileSync(0, "utf8").split("\n").map((line) => Buffer.from(line, "base64").toString());
const columns = ["id", "account_id", "label", "secret", "pin", "settings", "raw", "blob"];

// The row of a text: one value of it in a column of each type.
function row(id, text) {
  const document = text === null ? null : { value: text, list: [1, true, null] };
  return {
    id, account_id: 1 + (id % 2), label: `row ${id}`, secret: text, pin: text === null ? null : text.slice(0, 40), settings: document, raw: document,
    blob: text === null ? null : Buffer.concat([Buffer.from(text), Buffer.from([255, 0, 39])]),
  };
}
const rows = (first = 1) => [...texts, null].map((text, index) => row(first + index, text));

// Kinds are part of the answer: bytes and dates are told from text.
function shown(value) {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("hex") };
  if (typeof value === "bigint") return { bigint: String(value) };
  if (Array.isArray(value)) return value.map(shown);
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shown(inner)]));
  return value === undefined ? "undefined" : value;
}
const say = (name, got) => console.log(JSON.stringify({ step: name, got: shown(got) }));
const version = (driver) => console.log(JSON.stringify({ driver, version: JSON.parse(readFileSync(`${process.env.NODE_PATH}/${driver}/package.json`)).version }));

// SQLSTATE, message and position of a driver's error, wherever it keeps them.
function error(caught) {
  let inner = caught;
  while (inner.driverError ?? inner.original ?? inner.cause) inner = inner.driverError ?? inner.original ?? inner.cause;
  const state = inner.code ?? inner.originalCode ?? caught.code;
  if (!/^[0-9A-Z]{5}$/.test(state ?? "")) console.error(caught);
  return { class: caught.constructor.name, state, message: String(inner.message ?? inner.originalMessage).split("\n")[0], position: inner.position ?? null };
}

async function step(name, run) {
  let got;
  try {
    got = await run();
  } catch (caught) {
    got = { error: error(caught) };
  }
  say(name, got);
}

// The error that a call must end in.
async function fails(run) {
  try {
    await run();
  } catch (caught) {
    return error(caught);
  }
  return "no error";
}

module.exports = { url, columns, row, rows, step, fails, version };
