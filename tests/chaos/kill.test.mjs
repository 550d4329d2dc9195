// kill -9 under load, again and again: what was acknowledged is there, what was not is there whole or
// not at all, and nothing happened twice. The clients' own notes are the measure.
//
//   CHAOS_SEED=n     the same choices again (the interleaving is the machine's)
//   CHAOS_ROUNDS=n   how often it is killed (default 6)
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { binary, storeSettings } from "../e2e/support/server.mjs";
import { eventually, sleep, Yard } from "../e2e/support/yard.mjs";
import { History } from "./history.mjs";
import { randomOf, seed } from "./random.mjs";
import * as verify from "./verify.mjs";
import { Walker } from "./walker.mjs";

const rounds = Number(process.env.CHAOS_ROUNDS ?? 6);
const clients = 10;
const random = randomOf(1);

let yard;
const history = new History();
const people = [];
let walkers;
const restarts = [];

before(async () => {
  console.log(`# CHAOS_SEED=${seed} CHAOS_ROUNDS=${rounds}`);
  yard = await Yard.open();
  for (let i = 0; i < clients; ++i) people.push(await yard.join("walker"));
  walkers = people.map((person, i) => new Walker(i, person, yard, history, people));
  for (const person of people)
    for (const other of people.slice(0, 4))
      if (other !== person) {
        await person.put(`/users/${other.id}/follow`);
        history.turn(history.follows, person.id, other.id, true, true);
      }
});
after(async () => {
  await yard?.close();
});

const childrenOf = (pid) =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );

async function restart() {
  const start = performance.now();
  await yard.server.resume();
  restarts.push(Math.round(performance.now() - start));
  yard.connect();
}

// Dies before it is ready: recovery is interrupted too.
async function dieWhileStarting(delayMs) {
  const child = spawn(binary, ["serve", "--data", yard.data, "--listen", "127.0.0.1:0"], {
    env: { ...process.env, ...yard.env, ...(await storeSettings(yard.data)) },
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await sleep(delayMs);
  child.kill("SIGKILL");
  await ended;
}

test("clients write and read while it is killed at random moments", async () => {
  for (let round = 1; round <= rounds; ++round) {
    const workers = childrenOf(yard.server.pid);
    const walking = Promise.all(walkers.map((walker) => walker.walk(round)));
    const killed = (async () => {
      await sleep(random.between(200, 1800));
      await yard.server.kill();
    })();
    await Promise.all([walking, killed]);
    await eventually("its workers are gone with it", () =>
      workers.every((pid) => !existsSync(`/proc/${pid}`)),
    );
    if (random.chance(0.6)) await dieWhileStarting(random.between(1, 60));
    await restart();
    const found = await verify.readAll(yard, people);
    verify.verifyThings(history, found);
    verify.verifySwitches(history, found);
  }
  console.log(`# ${history.summary()}`);
  console.log(`# ready again after ${restarts.join(", ")} ms`);
  assert.ok(history.acknowledged > rounds * 50, "there was load");
  assert.ok(history.unknown > 0, "something was under way when it died");
});

test("every post, comment, like and follow that was acknowledged is there, and no other", async () => {
  const found = await verify.readAll(yard, people);
  verify.verifyThings(history, found);
  verify.verifySwitches(history, found);
  verify.verifyCounts(found);
});

test("everybody gets every post exactly once, from SQL and from memory", async () => {
  const found = await verify.readAll(yard, people);
  await verify.verifyFeeds(yard, people, found, "cold");
  await verify.verifyFeeds(yard, people, found, "warm");
  await yard.server.kill();
  await restart();
  await verify.verifyFeeds(yard, people, found, "after one more kill");
});

test("every picture that was acknowledged is there", () =>
  verify.verifyMedia(yard, people, history));

test("no notification is lost or told twice", async () => {
  await verify.verifyNotifications(yard, people, await verify.readAll(yard, people));
});

test("numbers are given once and rise", () => verify.verifyIds(history));

test("what went without an answer has one effect when it is sent again", async () => {
  for (const walker of walkers) while (walker.unanswered.length > 0) await walker.tryAgain();
  const found = await verify.readAll(yard, people);
  verify.verifyThings(history, found);
  verify.verifyCounts(found);
  verify.verifyIds(history);
  for (const { state, text } of history.posts.values()) assert.notEqual(state, "unknown", text);
});

test("the rows agree with each other and every counter with its rows", async () => {
  await yard.server.kill();
  await restart(); // recovers the log of the database
  await yard.server.stopOnly();
  assert.match(await yard.recount(), /^0 counters differ/);
  const tables = await yard.tables();
  await verify.verifyRows(tables).finally(() => tables.close());
  await restart();
});
