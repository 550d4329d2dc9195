// The alerts that people would notice: each is made to happen on the real cluster, and comes by mail.
// (An instance, a primary, a replica or a Redis that is gone: watch.test.mjs.)
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { Cluster, eventually, run, sleep } from "./support.mjs";

let cluster;
let token;
before(async () => {
  // A short queue, so that it can be filled.
  process.env.MADANG_DATABASE__QUEUE = "4";
  cluster = await Cluster.up();
  console.log(`# up in ${cluster.seconds.toFixed(1)} s`);
  const account = {
    email: "alerts@yard.example",
    password: "a harbour of words",
    handle: "alerts",
  };
  const joined = await fetch(`${cluster.url("haproxy")}/api/v1/accounts`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(account),
  });
  assert.equal(joined.status, 201, await joined.clone().text());
  ({ token } = await joined.json());
});
after(() => cluster?.down());

const call = async (target, body) => {
  const answer = await fetch(`${cluster.url("haproxy")}/api/v1${target}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: answer.status, body: await answer.json() };
};
const post = () => call("/posts", { text: "hello" });

// Goes on with `work` until all of the mails are there; what happened last.
async function until(work, ...mails) {
  let done = false;
  let last;
  const working = (async () => {
    while (!done) last = await work();
  })();
  try {
    await Promise.all(mails.map((words) => cluster.mail(...words)));
  } finally {
    done = true;
    await working;
  }
  return last;
}

test("a disk that is nearly full", async (t) => {
  const image = path.join(cluster.place.parent, "disk");
  const mounted = path.join(cluster.place.parent, "mounted");
  await mkdir(mounted);
  const made = await run("sh", [
    "-c",
    `truncate -s 32M ${image} && mkfs.ext4 -q ${image} && mount -o loop ${image} ${mounted}`,
  ]);
  if (made.code !== 0) return t.skip(`no file system of its own here: ${made.err.trim()}`);
  try {
    await run("sh", ["-c", `head -c 64M /dev/zero >${mounted}/full`]);
    await cluster.mail("FIRING", "DiskFull", `${mounted} of node has`);
  } finally {
    await run("umount", [mounted]);
    await rm(image);
  }
});

test("S3 that is gone opens the breaker, and closes it when it is back", async () => {
  const opened = await call("/media", { content_type: "image/png", bytes: 100, purpose: "post" });
  assert.equal(opened.status, 201, JSON.stringify(opened.body));
  await cluster.do("kill", "s3");
  const refused = await until(async () => {
    const answer = await call(`/media/${opened.body.id}/complete`, {});
    await sleep(100);
    return answer;
  }, ["FIRING", "BreakerOpen", "has given up on s3"]);
  assert.equal(refused.status, 503, JSON.stringify(refused.body));
  await cluster.do("start", "s3");
  await eventually("it is asked again", async () => {
    const { status } = await call(`/media/${opened.body.id}/complete`, {});
    return status !== 503;
  });
});

test("events that are not handled for a while", async () => {
  const held = cluster.rootSql(
    cluster.primary,
    "use madang; begin; select * from event_positions for update; select * from event_sequencer for update; do sleep(20); rollback",
  );
  await sleep(500);
  const other = await fetch(`${cluster.url("haproxy")}/api/v1/accounts`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      email: "other@yard.example",
      password: "a harbour of words",
      handle: "other",
    }),
  });
  const { account } = await other.json();
  await fetch(`${cluster.url("haproxy")}/api/v1/users/${account.id}/follow`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${token}` },
  });
  for (let i = 0; i < 5; ++i) await post();
  await held;
  await cluster.mail("FIRING", "OutboxOld", "events wait");
});

const replicas = (signal) =>
  Promise.all(["mariadb-2", "mariadb-3"].map((name) => cluster.do("kill", name, signal)));

test("writes that wait for a replica exhaust the pool and are slow", async () => {
  // Again and again for a moment: a longer one is a fault, and writes are refused at once.
  const round = async () => {
    await replicas("-STOP");
    const answers = Promise.all(Array.from({ length: 40 }, post));
    await sleep(1_000);
    await replicas("-CONT");
    await answers;
  };
  await until(
    round,
    ["FIRING", "PoolExhausted", "db_writer"],
    ["FIRING", "SlowAnswers"],
    ["FIRING", "PoolWaits"],
  );
  await eventually("writes are taken again", async () => (await post()).status === 201);
});

test("without replicas writes are refused, and somebody is told", async () => {
  await cluster.do("kill", "mariadb-2");
  await cluster.do("kill", "mariadb-3");
  const refused = await until(
    async () => {
      const answer = await post();
      await sleep(50);
      return answer;
    },
    ["FIRING", "NoReplica", "no replica acknowledges"],
    ["FIRING", "ErrorRate"],
    ["FIRING", "ReplicaLag"],
  );
  assert.equal(refused.status, 503);
  const read = await fetch(`${cluster.url("haproxy")}/api/v1/posts/ranking`);
  assert.equal(read.status, 200, "what needs no write is served");
  await read.arrayBuffer();
  await eventually(
    "a refusal by name",
    async () => (await post()).body.code === "database_unreachable",
  );
  await cluster.do("start", "mariadb");
  await eventually("writes are taken again", async () => (await post()).status === 201);
});
