// kill -9 of `madang seed` at random moments, again and again: the next one goes on, the town is whole,
// and script/server serves it.
//
//   CHAOS_SEED=n   the same moments again (printed at the beginning)
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { binary, runMadang } from "../e2e/support/server.mjs";
import { randomOf, seed } from "./random.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const random = randomOf(5);
const people = "60";
let folder;
let uninterruptedMs;

before(async () => {
  console.log(`# CHAOS_SEED=${seed}`);
  folder = await mkdtemp(path.join(tmpdir(), "madang-seed-"));
  const start = Date.now();
  await runMadang(["seed", "--people", people, "--data", path.join(folder, "whole")]);
  uninterruptedMs = Date.now() - start;
});
after(() => rm(folder, { recursive: true, force: true }));

const ended = (child) => new Promise((resolve) => child.once("exit", (code) => resolve(code)));

// True when it was killed, false when it had ended by itself.
async function killedAfter(ms, data) {
  const child = spawn(binary, ["seed", "--people", people, "--data", data], { stdio: "ignore" });
  const end = ended(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  const code = await end;
  clearTimeout(timer);
  return code === null;
}

const rows = async (data, sql) =>
  Number((await promisify(execFile)("sqlite3", ["-readonly", `${data}/madang.sqlite`, sql])).stdout);

// What the town says it has, and what is in the tables.
async function assertWhole(data, said) {
  const [people, follows, posts, pictures, comments, likes] = /of (\d+) people: (\d+) follows, (\d+) posts, (\d+) pictures, (\d+) comments, (\d+) likes/
    .exec(said)
    .slice(1)
    .map(Number);
  const tables = { accounts: people, follows, posts, media: pictures, comments, post_likes: likes };
  for (const [table, count] of Object.entries(tables))
    assert.equal(await rows(data, `select count(*) from ${table}`), count, table);
  assert.equal(await rows(data, "select count(*) from seed_progress"), 0);
  assert.equal(await rows(data, "select count(*) from media where state <> 2"), 0);
  assert.match(await runMadang(["admin", "recount", "--data", data]), /^0 counters differ/);
  await assert.rejects(runMadang(["seed", "--people", people, "--data", data]), /accounts already/);
}

test("killed again and again, it ends with a whole town", async () => {
  let killed = 0;
  for (let round = 0; round < 2; ++round) {
    const data = path.join(folder, `town${round}`);
    for (let attempt = 0; attempt < 3; ++attempt)
      if (await killedAfter(random.between(5, Math.ceil(uninterruptedMs * 1.1)), data)) ++killed;
    const said = await runMadang(["seed", "--people", people, "--unless-inhabited", "--data", data]);
    if (said.startsWith("a town")) await assertWhole(data, said);
    else assert.match(said, /in the sample town/); // an attempt had come to its end
  }
  assert.ok(killed > 0, "something was interrupted");
});

test("killed while it writes rows, it goes on behind them", async () => {
  const data = path.join(folder, "rows");
  let interrupted = 0;
  for (let attempt = 0; attempt < 4; ++attempt) {
    const child = spawn(binary, ["seed", "--people", people, "--data", data], { stdio: "ignore" });
    const end = ended(child);
    // Killed as soon as there are more rows than before.
    const count = () => rows(data, "select count(*) + (select count(*) from posts) from accounts").catch(() => 0);
    const start = await count();
    let over = false;
    void end.then(() => (over = true));
    while (!over && (await count()) <= start) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill("SIGKILL");
    if ((await end) === null) ++interrupted;
  }
  assert.ok(interrupted > 0);
  const said = await runMadang(["seed", "--people", people, "--unless-inhabited", "--data", data]);
  if (said.startsWith("a town")) await assertWhole(data, said);
});

test("script/server serves the town after a kill, and again", async () => {
  const data = path.join(folder, "served");
  assert.ok(await killedAfter(Math.ceil(uninterruptedMs / 2), data));
  for (let start = 0; start < 2; ++start) {
    const child = spawn(path.join(root, "script/server"), ["--data", data, "--listen", "127.0.0.1:0"], {
      env: { ...process.env, MADANG_BINARY: binary },
      stdio: ["ignore", "pipe", "ignore"],
    });
    const end = ended(child);
    let said = "";
    const url = await new Promise((resolve, reject) => {
      child.stdout.on("data", (chunk) => {
        said += chunk;
        const ready = /madang ready on (\S+)/.exec(said);
        if (ready) resolve(ready[1]);
      });
      void end.then((code) => reject(new Error(`ended with ${code}: ${said}`)));
    });
    assert.match(said, /demo@town.example/);
    const answer = await fetch(`${url}/api/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "demo@town.example", password: "madang-town" }),
    });
    assert.equal(answer.status, 201, await answer.text());
    child.kill("SIGTERM");
    assert.equal(await end, 0);
  }
});
