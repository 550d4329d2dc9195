// A store that takes no writes: requests are refused by name, readiness says why, and all of it passes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { onMariaDb, storeOf } from "./support/mariadb.mjs";
import { assertProblem, eventually, sleep, Yard } from "./support/yard.mjs";

let yard;
before(async () => {
  // No log of statements (tests/plans.test.mjs): it is a file that could not grow either.
  yard = await Yard.open({ env: { MADANG_STATEMENT_LOG: "" } });
});
after(() => yard.close());

const ready = () => yard.client.request("GET", "/health/ready");
// As on a full disk: no file grows beyond this any more.
const limitFiles = (bytes) =>
  execFileSync("prlimit", ["--pid", String(yard.server.pid), `--fsize=${bytes}:`]);

const own = onMariaDb && "the store is another program's there";

test("a disk that takes nothing more: 503 with the reason, and ready again by itself", { skip: own }, async () => {
  const me = await yard.join("me");
  const post = (await me.create("/posts", { text: "앞" })).json.id;
  assert.deepEqual((await ready()).json, { status: "ready" });

  limitFiles(4096);
  try {
    const refused = await me.create("/posts", { text: "쓸 수 없다" });
    assertProblem(refused, 503, "storage_unavailable");
    assert.ok(Number(refused.headers["retry-after"]) >= 1);
    assert.equal((await ready()).status, 200, "one failure is nothing");
    await eventually("not ready", async () => (await ready()).status === 503);
    for (let i = 0; i < 40; ++i) {
      const answer = await ready();
      assert.equal(answer.status, 503, "it does not come and go");
      assert.match(answer.json.reason, /^database_(full|io_error)$/);
      assert.ok(Number(answer.headers["retry-after"]) >= 1);
      await sleep(150);
    }
    assert.equal((await me.get(`/posts/${post}`)).status, 200, "reading goes on");
    assert.equal((await yard.client.request("GET", "/health/live")).status, 200);
  } finally {
    limitFiles("unlimited");
  }
  await eventually("ready", async () => (await ready()).status === 200);
  for (let i = 0; i < 10; ++i) {
    assert.equal((await ready()).status, 200, "it does not come and go");
    await sleep(150);
  }
  const later = await me.create("/posts", { text: "뒤" });
  assert.equal(later.status, 201, later.text);
  const texts = (await me.all(`/users/${me.id}/posts`)).map((one) => one.text);
  assert.deepEqual(texts, ["뒤", "앞"], "what was refused is not there");
});

const another = !onMariaDb && "nobody else has a say in an embedded store";

test("a database that takes no writes, or is gone: 503 with the reason, and ready again by itself", { skip: another }, async () => {
  const me = await yard.join("me");
  const { server } = await storeOf(yard.data);
  const notReadyFor = async (reason) => {
    await eventually(reason, async () => (await ready()).json.reason === reason);
    const answer = await ready();
    assert.equal(answer.status, 503);
    assert.ok(Number(answer.headers["retry-after"]) >= 1);
    assertProblem(await me.create("/posts", { text: "쓸 수 없다" }), 503, "database_unreachable");
  };
  const readyAgain = () => eventually("ready", async () => (await ready()).status === 200);

  await server.query("set global read_only = 1");
  assert.equal((await ready()).status, 200, "a failover may take so long");
  await notReadyFor("database_read_only");
  await server.query("set global read_only = 0");
  await readyAgain();
  assert.equal((await me.create("/posts", { text: "뒤" })).status, 201);

  server.child.kill("SIGSTOP");
  await notReadyFor("database_unreachable");
  server.child.kill("SIGCONT");
  await readyAgain();
  const texts = (await me.all(`/users/${me.id}/posts`)).map((one) => one.text);
  assert.deepEqual(texts, ["뒤"], "what was refused is not there");
});

test("what is bounded shows how full it is", async () => {
  await yard.join("guest");
  const text = (await yard.client.request("GET", "/metrics")).text;
  const value = (name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1]);
  for (const name of ["madang_uploads_running", "madang_media_waiting", "madang_media_held_bytes"])
    assert.equal(value(name), 0, name);
  assert.equal(value("madang_idempotency_keys_in_flight"), 0);
  assert.ok(value("madang_rate_keys") >= 1);
});
