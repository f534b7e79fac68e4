// Shared by the Node scripts: entities, values, and a runner that goes on after an error.
const entities = require("./entities.json");
let serial = 1000;
const uuid = (n) => `00000000-0000-0000-0000-${String(n).padStart(12, "0")}`;
const sample = (kind, n) => ({ uuid: uuid(n), text: `text ${n} it's`, varchar: `v${n}`, jsonb: { a: n, b: ["x", null] }, json: { n }, bytea: Buffer.from([n % 256, 0]), integer: n, bigint: String(n) })[kind];
function values(columns, org, prompt) {
  serial += 1;
  const row = Object.fromEntries(Object.entries(columns).map(([name, kind]) => [name, sample(kind, serial)]));
  if ("organisation_id" in columns) row.organisation_id = org;
  if ("prompt_id" in columns) row.prompt_id = prompt;
  return row;
}
async function attempt(act) {
  try { return await act(); } catch (error) { if (process.env.SHOW) console.error(error.message); }
}
const shape = (columns) => {
  const changeable = Object.keys(columns).filter((name) => !["id", "organisation_id", "prompt_id"].includes(name));
  return { changeable, last: changeable.at(-1), text: Object.keys(columns).find((name) => columns[name] === "text") };
};
module.exports = { entities, uuid, sample, values, attempt, shape, org: uuid(1), prompt: uuid(2) };
