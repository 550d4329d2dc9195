// The chaos matrix: under steady load every fault, and pairs of them, is let loose on a whole cluster.
// Whatever happens: what was acknowledged stays, counts and feeds are exact, everybody sees their own
// writes at all times. How many requests failed and for how long goes into a table
// (build/chaos_cluster.json; tests/chaos_cluster/report.mjs puts it into docs/operations.md).
//
//   CHAOS_SEED=n        the same choices again
//   CHAOS_PAIRS=n|all   how many pairs of faults, chosen by the seed (6)
//   CHAOS_ONLY=text     only trials whose name holds it
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { randomOf, seed } from "../chaos/random.mjs";
import { root } from "../cluster/support.mjs";
import { allPairs, faults } from "./faults.mjs";
import { columns, lineOf } from "./report.mjs";
import { Stage } from "./stage.mjs";
import { trial } from "./trial.mjs";

const wanted = process.env.CHAOS_PAIRS ?? "6";
const only = process.env.CHAOS_ONLY ?? "";
const rows = [];
let stage;

function pairs() {
  const all = allPairs();
  if (wanted === "all") return all;
  const random = randomOf(11);
  const chosen = [];
  while (chosen.length < Math.min(Number(wanted), all.length))
    chosen.push(...all.splice(random.below(all.length), 1));
  return chosen;
}

const trials = [...faults.map((fault) => [fault]), ...pairs()]
  .map((chosen, part) => ({ part, chosen, name: chosen.map((fault) => fault.name).join(" + ") }))
  .filter(({ name }) => name.includes(only));
if (trials.length === 0) throw new Error(`no trial is called "${only}": a pair may need CHAOS_PAIRS=all`);

before(async () => {
  console.log(`# CHAOS_SEED=${seed} CHAOS_PAIRS=${wanted}`);
  stage = await Stage.up();
  console.log(`# up in ${stage.cluster.seconds.toFixed(1)} s\n# ${columns.join(" | ")}`);
});
after(async () => {
  const file = path.join(root, "build/chaos_cluster.json");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ seed, rows }, null, 1)}\n`);
  await stage?.down();
});

for (const { part, chosen, name } of trials) {
  test(name, async () => {
    const { violations, ...figures } = await trial(stage, chosen, { part }).catch(async (error) => {
      await stage.down(); // it is in no state to try others on
      stage = await Stage.up();
      throw error;
    });
    rows.push({ name, single: chosen.length === 1, ...figures });
    console.log(`# ${lineOf(rows.at(-1)).join(" | ")}`);
    const told = violations.slice(0, 20).map(({ rule, text }) => `${rule}: ${text}`);
    assert.deepEqual(told, [], `${violations.length} violations`);
  });
}
