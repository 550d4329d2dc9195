// Events that were set aside: an admin sees why, retries or discards them, one or all.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { park } from "./support/parked.mjs";
import { changeTables } from "./support/tables.mjs";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

let yard;
let admin;
before(async () => {
  yard = await Yard.open();
  admin = await yard.joinAdmin();
});
after(() => yard.close());

const all = (query = "", options = { limit: 2 }) => admin.all(`/admin/events${query}`, options);
// For what is waited for: a busy machine may refuse a look by name.
const isListed = async (seq) => {
  const answer = await admin.get("/admin/events?limit=100");
  assert.ok([200, 503].includes(answer.status), answer.text);
  return answer.status === 200 ? answer.json.items.some((event) => event.seq === seq) : undefined;
};
const metric = async (name) => {
  const text = (await yard.client.request("GET", "/metrics")).text;
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1] ?? NaN);
};

test("nobody but an admin comes near them", async () => {
  const guest = await yard.join("guest");
  for (const [method, path] of [
    ["GET", "/admin/events"],
    ["DELETE", "/admin/events"],
    ["POST", "/admin/events/retry"],
    ["POST", "/admin/events/tests/1/retry"],
    ["DELETE", "/admin/events/tests/1"],
  ]) {
    assertProblem(await guest.call(method, path), 403, "forbidden");
    assertProblem(await yard.client.call(method, path), 401, "unauthenticated");
  }
});

test("they are listed page by page, with the reason and the times", async () => {
  assert.deepEqual(await all(), []);
  const seqs = [];
  for (let i = 0; i < 5; ++i) seqs.push(await park(yard.data, { dead: i % 2 }));
  assert.deepEqual((await all()).map((event) => event.seq), seqs);
  const [first, second] = await all();
  assert.deepEqual(
    [first.state, second.state, second.reason, second.attempts, second.subscriber, second.type],
    ["parked", "dead", "broken: on purpose", 12, "tests", "tests.event"],
  );
  for (const time of ["created_at", "parked_at", "last_attempt_at"])
    assert.ok(Math.abs(Date.parse(second[time]) - Date.now()) < 60_000, time);
  assert.ok(first.next_attempt_at);
  assert.equal(second.next_attempt_at, undefined);
  assert.equal(second.payload, undefined, "what it holds stays inside");
  assert.deepEqual((await all("?state=dead")).map((e) => e.seq), [seqs[1], seqs[3]]);
  assert.deepEqual((await all("?state=parked")).map((e) => e.seq), [seqs[0], seqs[2], seqs[4]]);
  assertProblem(await admin.get("/admin/events?state=x"), 422, "validation_failed", "state");
  assertProblem(await admin.get("/admin/events?cursor=BAEA"), 422, "validation_failed", "cursor");
});

test("one is retried or discarded, dead ones alone are discarded", async () => {
  const [parked, dead, , other] = (await all()).map((event) => event.seq);
  assertProblem(await admin.delete(`/admin/events/tests/${parked}`), 409, "not_dead");
  assertProblem(await admin.delete(`/admin/events/nobody/${dead}`), 404, "not_found");
  assert.equal((await admin.delete(`/admin/events/tests/${dead}`)).status, 204);
  assertProblem(await admin.delete(`/admin/events/tests/${dead}`), 404, "not_found");
  assertProblem(await admin.post(`/admin/events/tests/${dead}/retry`), 404, "not_found");
  assert.deepEqual((await admin.post(`/admin/events/tests/${other}/retry`)).json, { retried: 1 });
  const retried = (await all()).find((event) => event.seq === other);
  assert.deepEqual([retried.state, retried.attempts], ["parked", 1]);
  const before = (await all()).length;
  const more = [await park(yard.data), await park(yard.data)];
  assert.deepEqual((await admin.delete("/admin/events")).json, { discarded: more.length });
  assert.equal((await all()).length, before, "those still tried stay");
  assert.deepEqual((await admin.post("/admin/events/retry")).json, { retried: before });
  assert.equal(await metric("madang_events_discarded_total"), 3);
});

test("a retried event takes effect, and what cannot be handled says why", async () => {
  const [me, fan] = [await yard.join("me"), await yard.join("fan")];
  const post = (await me.create("/posts", { text: "글" })).json.id;
  const like = { version: 1, post, author: me.id, actor: fan.id };
  const seq = await park(yard.data, {
    subscriber: "notifications",
    aggregate: post,
    type: "post.liked",
    payload: JSON.stringify(like),
  });
  await park(yard.data, { subscriber: "notifications", type: "post.liked", payload: "{}", dead: 0 });
  await eventually("the gauges", async () => (await metric("madang_events_parked")) >= 1);
  assert.equal((await me.get("/notifications")).json.unread, 0, "a dead letter stays dead");
  assert.deepEqual((await admin.post(`/admin/events/notifications/${seq}/retry`)).json, { retried: 1 });
  await eventually("the notification", async () => (await me.get("/notifications")).json.unread === 1);
  const broken = (await all()).find((event) => event.subscriber === "notifications");
  assert.match(broken.reason, /validation_failed|missing|malformed/);
});

test("an erased account's are erased with it", async () => {
  const [me, other] = [await yard.join("me"), await yard.join("other")];
  const said = (who) => JSON.stringify({ version: 1, account: who.id, handle: who.handle, name: "" });
  const mine = await park(yard.data, { aggregate: me.id, type: "account.changed", payload: said(me) });
  const theirs = await park(yard.data, { aggregate: other.id, type: "account.changed", payload: said(other) });
  assert.equal((await me.delete("/me", { password: me.password })).status, 204);
  // The erasure begins a minute after the withdrawal; the clock of the row is set back instead.
  await changeTables(
    yard.data,
    `update accounts set withdrawn_at = withdrawn_at - 120000000 where id = ${me.id}`,
  );
  await eventually("the erasure", async () => (await isListed(mine)) === false, {
    withinMs: 60_000,
  });
  await eventually("the other's", async () => (await isListed(theirs)) === true);
});
