// A new release, one instance after the other, behind HAProxy and under load: nobody notices. No request
// fails or is told to come back, every event takes effect once, and who follows the stream of events
// across the restarts (with Last-Event-ID) misses nothing and hears nothing twice.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, sleep } from "../cluster/support.mjs";
import { Stage } from "./stage.mjs";
import { Town } from "./town.mjs";

const rounds = 1;
let stage;
before(async () => {
  stage = await Stage.up();
});
after(() => stage?.down());

async function restart(name) {
  await stage.cluster.do("kill", name, "-TERM");
  await eventually(
    `${name} has ended`,
    async () => (await stage.cluster.status()).get(name).state === "dead",
  );
  await stage.cluster.do("start", name);
  await stage.whole();
}

test("every instance is restarted, and nobody notices", async () => {
  const town = await Town.open(stage, { direct: false });
  town.start();
  await sleep(1000);
  const begin = performance.now();
  for (let round = 0; round < rounds; ++round)
    for (const name of stage.instances) await restart(name);
  const took = (performance.now() - begin) / 1000;
  await sleep(1000);
  const violations = await town.end();
  town.leave();
  const { requests, heard } = town.history;
  const times = requests.map(({ begin, end }) => end - begin).sort((a, b) => a - b);
  const events = [...heard.values()].flat().filter(({ type }) => type === "notification").length;
  const streams = [...heard.values()].flat().filter(({ type }) => type === "ready").length;
  console.log(
    `# ${rounds * stage.instances.length} restarts in ${took.toFixed(1)} s, ${requests.length} requests: p50 ` +
      `${times[Math.floor(times.length / 2)].toFixed(0)}, p99 ${times[Math.floor(times.length * 0.99)].toFixed(0)}, ` +
      `longest ${times.at(-1).toFixed(0)} ms; ${events} notifications heard on streams that were opened ${streams} times without a past`,
  );
  const failed = requests.filter((request) => request.failed);
  assert.deepEqual(
    failed.map(({ what, status, code, lost }) => `${what} ${status} ${code ?? lost}`),
    [],
  );
  assert.deepEqual(violations.map(({ rule, text }) => `${rule}: ${text}`).slice(0, 20), []);
  assert.ok(requests.length > 500, "there was load");
  assert.ok(events > 50, "there was something to hear");
});
