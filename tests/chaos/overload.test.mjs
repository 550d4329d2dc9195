// Three times what it can do: what is accepted is finished, the rest is told at once to come back
// later, memory stays bounded, what does not need the busy part notices nothing, and afterwards all
// is as before. Behaviour is asserted; times are printed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { eventually, Yard } from "../e2e/support/yard.mjs";
import { Load } from "./load.mjs";

const asShipped = { MADANG_SERVER__MAX_WAIT: "3" };
const seconds = Number(process.env.CHAOS_SECONDS ?? 4);
const deadlineMs = 10_000; // http.request_timeout
const memoryRoom = 192 * 2 ** 20; // what queues, bodies and connections may take at most

const request = (method, path, { token, json, host = "x" } = {}) => {
  const body = json === undefined ? "" : JSON.stringify(json);
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n` +
      (token ? `Authorization: Bearer ${token}\r\n` : "") +
      (body ? `Content-Type: application/json\r\n` : "") +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};

async function metric(yard, name) {
  const { text } = await yard.client.request("GET", "/metrics");
  return Number(new RegExp(`^${name.replace(/[{}"]/g, "\\$&")} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
}

// Overloads with requests of one kind; `meanwhile` runs beside it, again and again.
async function overload(yard, make, { connections = 4, meanwhile }) {
  const calm = await Load.closed(yard.url, make, { connections, seconds: 1.5 });
  assert.equal(calm.others.length, 0, JSON.stringify(calm.others[0]));
  const before = await metric(yard, "process_resident_memory_bytes");
  let most = before;
  let over = false;
  const watch = async () => {
    while (!over) {
      most = Math.max(most, await metric(yard, "process_resident_memory_bytes"));
      await meanwhile();
    }
  };
  const storming = Load.open(yard.url, make, { rate: calm.rate * 3, seconds }).finally(
    () => (over = true),
  );
  const [storm] = await Promise.all([storming, watch()]);
  console.log(
    `# sustained ${calm.rate.toFixed(0)}/s (p99 ${calm.accepted.p99?.toFixed(1)} ms); offered ${storm.offered.toFixed(0)}/s: ` +
      `${storm.accepted.count} accepted (p50 ${storm.accepted.p50?.toFixed(1)}, p99 ${storm.accepted.p99?.toFixed(1)} ms), ` +
      `${storm.refused.count} refused (p50 ${storm.refused.p50?.toFixed(1)}, p99 ${storm.refused.p99?.toFixed(1)} ms); ` +
      `memory ${(before / 2 ** 20).toFixed(0)} -> ${(most / 2 ** 20).toFixed(0)} MB`,
  );

  assert.equal(storm.answers.length, storm.sent, "every request is answered");
  assert.equal(
    storm.others.length,
    0,
    `neither success nor 503 nor 429: ${JSON.stringify(storm.others[0])}`,
  );
  assert.ok(storm.refused.count > 0, "it was too much");
  for (const { status, retryAfter } of storm.answers)
    if (status >= 400) assert.ok(retryAfter >= 1, "who is refused is told when to come back");
  // The generator takes its share of the machine too, so not a bound on throughput: it goes on working.
  assert.ok(storm.accepted.count > calm.rate * seconds * 0.1, `${storm.accepted.count} accepted`);
  assert.ok(storm.accepted.p99 < deadlineMs, "nobody waits to the deadline");
  assert.ok(storm.refused.p50 <= storm.accepted.p99, "a refusal comes sooner than an answer");
  assert.ok(most - before < memoryRoom, `${most - before} bytes more`);
  await eventually(
    "it is calm again",
    async () => {
      const after = await Load.closed(yard.url, make, { connections: 1, seconds: 0.3 });
      return after.refused.count === 0 && after.others.length === 0 && after.accepted.count > 0;
    },
    { withinMs: 10_000 },
  );
  assert.equal((await yard.client.request("GET", "/health/ready")).status, 200);
  return storm;
}

test("too many sign-ins: the hashing pool refuses, everything else goes on", async () => {
  const yard = await Yard.open({
    env: { ...asShipped, MADANG_IDENTITY__PASSWORD_MEMORY: "8m", MADANG_IDENTITY__PASSWORD_PASSES: "2" },
  });
  try {
    const [me, busy] = [await yard.join("calm"), await yard.join("busy")];
    const signIn = request("POST", "/api/v1/sessions", {
      json: { email: busy.email, password: busy.password },
    });
    let served = 0;
    await overload(yard, () => signIn, {
      meanwhile: async () => {
        assert.equal((await me.get("/feed")).status, 200);
        assert.equal((await me.create("/posts", { text: "아무 일 없다는 듯" })).status, 201);
        ++served;
      },
    });
    assert.ok(served > 0);
  } finally {
    await yard.close();
  }
});

test("too many writes: each is there or was refused, and each counter is right", async () => {
  const yard = await Yard.open({
    env: { ...asShipped, MADANG_DATABASE__QUEUE: "32", MADANG_DATABASE__MAX_GROUP: "1" },
  });
  try {
    const me = await yard.join("writer");
    const post = request("POST", "/api/v1/posts", {
      token: me.token,
      json: { text: "물밀듯이 ".repeat(20) },
    });
    const storm = await overload(yard, () => post, {
      meanwhile: async () =>
        assert.equal((await yard.client.request("GET", "/health/live")).status, 200),
    });
    const written = (await me.get(`/users/${me.id}`)).json.post_count;
    assert.ok(written >= storm.accepted.count);
    const tables = await yard.tables();
    assert.equal(
      await tables.value(`select count(*) from posts where author_id = ${me.id};`),
      written,
    );
    await tables.close();
    await yard.server.stopOnly();
    assert.match(await yard.recount(), /^0 counters differ/);
    await yard.server.resume();
    yard.connect();
  } finally {
    await yard.close();
  }
});

// Many accounts at once, so that looking for a name costs something.
async function crowd(yard, like, count) {
  await yard.server.stopOnly();
  const sql = `
    with recursive n(n) as (select 1 union all select n + 1 from n where n < ${count})
    insert into accounts (id, handle, handle_key, name, name_key, bio, password_hash, is_admin, state, created_at, updated_at)
    select a.id - n.n, 'crowd' || n.n, 'crowd' || n.n, a.name, a.name_key, a.bio, a.password_hash, 0, a.state, a.created_at, a.updated_at
    from accounts a, n where a.id = ${like};`;
  const child = spawn("sqlite3", [`${yard.data}/madang.sqlite`, sql], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  assert.equal(await new Promise((resolve) => child.once("close", resolve)), 0);
  await yard.server.resume();
  yard.connect();
}

test("too many reads that need the store: refused at once, writes go on", async () => {
  const yard = await Yard.open({
    env: { ...asShipped, MADANG_DATABASE__QUEUE: "32", MADANG_DATABASE__READERS: "1" },
  });
  try {
    let me = await yard.join("reader");
    await crowd(yard, me.id, 8_000);
    me = yard.signedIn(me, me);
    const search = request("GET", "/api/v1/users?query=zzzz", { token: me.token });
    await overload(yard, () => search, {
      connections: 8,
      meanwhile: async () => {
        const answer = await me.create("/posts", { text: "그래도 쓴다" });
        assert.ok([201, 503].includes(answer.status), answer.text);
      },
    });
  } finally {
    await yard.close();
  }
});

test("too many connections: those beyond the bound are told so, those inside are served", async () => {
  const yard = await Yard.open({ env: { ...asShipped, MADANG_HTTP__MAX_CONNECTIONS: "50" } });
  try {
    const live = request("GET", "/health/live");
    const storm = await Load.open(yard.url, () => live, { rate: 30_000, seconds: 0.1 });
    assert.equal(storm.answers.length, storm.sent);
    assert.ok(storm.sent > 200, `${storm.sent} sent`);
    assert.ok(storm.accepted.count >= 40, `${storm.accepted.count} accepted`);
    assert.ok(storm.refused.count > 0, "beyond the bound: 503");
    for (const { status, retryAfter } of storm.answers)
      if (status === 503) assert.ok(retryAfter >= 1);
    await eventually("it is calm again", async () => {
      const after = await Load.closed(yard.url, () => live, { connections: 4, seconds: 0.2 });
      return after.refused.count === 0 && after.others.length === 0;
    });
  } finally {
    await yard.close();
  }
});
