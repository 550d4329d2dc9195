// Shutting an account out: sign-in says why, nothing of it is seen, it can be taken back, and it is
// on record who did it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openEvents } from "./support/events.mjs";
import { Town } from "./support/town.mjs";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

let yard;
let admin;
before(async () => {
  yard = await Yard.open({ env: { MADANG_REALTIME__HEARTBEAT: "1s" } });
  admin = await yard.joinAdmin();
});
after(() => yard.close());

const suspension = (who) => `/admin/accounts/${who.id}/suspension`;
const suspend = (who, reason = "욕설", until) => admin.put(suspension(who), { json: { reason, until } });
const soon = (ms) => new Date(Date.now() + ms).toISOString();
const signIn = ({ email, password }) => yard.client.post("/sessions", { email, password });

test("an admin alone, with a reason and an end that is to come, and not another admin", async () => {
  const [a, b] = [await yard.join("a"), await yard.join("b")];
  const body = { json: { reason: "x" } };
  assertProblem(await b.put(suspension(a), body), 403, "forbidden");
  assertProblem(await yard.client.put(suspension(a), body), 401, "unauthenticated");
  for (const path of ["/admin/suspensions", "/admin/audit"])
    assertProblem(await b.get(path), 403, "forbidden");
  assertProblem(await suspend(a, ""), 422, "validation_failed", "reason");
  assertProblem(await suspend(a, "이".repeat(501)), 422, "validation_failed", "reason");
  assertProblem(await suspend(a, "x", "2020-01-01T00:00:00.000Z"), 422, "validation_failed", "until");
  assertProblem(await suspend({ id: 1 }), 404, "not_found");
  assertProblem(await suspend(admin), 422, "cannot_suspend_admin");
  assertProblem(await admin.delete(suspension(a)), 404, "not_found");
  assert.equal((await a.get("/me")).status, 200, "nothing of it had an effect");
});

test("sessions end at once, sign-in says why, and only to who knows the password", async () => {
  const who = await yard.join("who");
  const other = await yard.signIn(who);
  const stream = await openEvents(yard.url, { token: who.token });
  const until = soon(3_600_000);
  const done = await suspend(who, "광고 계정", until);
  assert.equal(done.status, 200, done.text);
  assert.deepEqual(
    [done.json.account.id, done.json.reason, done.json.until, done.json.suspended_by.id],
    [who.id, "광고 계정", until, admin.id],
  );
  for (const session of [who, other]) assertProblem(await session.get("/me"), 401, "unauthenticated");
  await eventually("the stream ends", () => stream.ended, { withinMs: 30_000 });
  const refused = assertProblem(await signIn(who), 403, "account_suspended");
  assert.deepEqual([refused.reason, refused.until], ["광고 계정", until]);
  assertProblem(await signIn({ ...who, password: "아닌 비밀번호 12" }), 401, "bad_credentials");
  assertProblem(
    await yard.client.post("/accounts", { ...who, handle: "another1" }), 409, "email_taken");

  assert.equal((await suspend(who, "영구", undefined)).json.until, undefined);
  const forGood = assertProblem(await signIn(who), 403, "account_suspended");
  assert.deepEqual([forGood.reason, forGood.until], ["영구", undefined]);
  assert.equal((await admin.delete(suspension(who))).status, 204);
  assertProblem(await admin.delete(suspension(who)), 404, "not_found");
  assert.equal((await signIn(who)).status, 201);
  assertProblem(await who.get("/me"), 401, "unauthenticated"); // old sessions stay ended
});

test("nothing of a suspended account is seen, and all of it again afterwards", async () => {
  const [who, fan] = [await yard.join("who"), await yard.join("fan")];
  await fan.put(`/users/${who.id}/follow`);
  const post = (await who.create("/posts", { text: "보이던 글" })).json.id;
  const ofFan = (await fan.create("/posts", { text: "남의 글" })).json.id;
  await who.create(`/posts/${ofFan}/comments`, { text: "댓글" });
  const seen = async () => {
    const status = async (path) => (await fan.get(path)).status === 200;
    const has = async (path, id) => (await fan.all(path)).some((one) => (one.post ?? one).id === id);
    return [
      await status(`/posts/${post}`),
      await status(`/users/${who.id}`),
      await status(`/users/by-handle/${who.handle}`),
      await has("/feed", post),
      await has(`/users?query=${who.handle}`, who.id),
      await has(`/users/${fan.id}/followers`, who.id) || (await has(`/users/${fan.id}/following`, who.id)),
      (await fan.all(`/posts/${ofFan}/comments`)).length === 1,
    ];
  };
  const everything = [true, true, true, true, true, true, true];
  await eventually("the feed", async () => (await seen())[3]);
  assert.deepEqual(await seen(), everything);
  await suspend(who);
  assert.deepEqual(await seen(), everything.map(() => false));
  assertProblem(await fan.put(`/posts/${post}/like`), 404, "not_found");
  await admin.delete(suspension(who));
  assert.deepEqual(await seen(), everything);
});

test("a suspension ends by itself when its time is over", async () => {
  const who = await yard.join("who");
  const other = await yard.join("other");
  await suspend(who, "잠깐", soon(1500));
  await suspend(other, "잠깐", soon(1500));
  assertProblem(await signIn(who), 403, "account_suspended");
  await eventually("sign-in", async () => (await signIn(who)).status === 201);
  // The other one does not come by: the sweeper lets them in.
  await eventually("the profile", async () => (await yard.client.get(`/users/${other.id}`)).status === 200, {
    withinMs: 30_000,
  });
  const ended = (await admin.all("/admin/audit")).find((r) => r.account?.id === other.id);
  assert.deepEqual([ended.action, ended.admin.id], ["account_restored", 0]);
  assert.deepEqual((await admin.all("/admin/suspensions")).filter((s) => [who.id, other.id].includes(s.account.id)), []);
});

test("open reports about the person are resolved with it, and it is on record", async () => {
  const [who, a, b] = [await yard.join("who"), await yard.join("a"), await yard.join("b")];
  const post = (await who.create("/posts", { text: "글" })).json.id;
  const report = async (reporter, body) =>
    (await reporter.create("/reports", { reason: "신고", ...body })).json.id;
  const kept = await report(a, { user_id: who.id });
  await admin.create(`/admin/reports/${kept}/resolve`, { hide: false });
  const ids = [await report(a, { user_id: who.id }), await report(b, { user_id: who.id })];
  const ofPost = await report(b, { post_id: post });
  await suspend(who, "여러 번 신고됨");

  const found = async (state) => (await admin.all(`/admin/reports?state=${state}`)).map((r) => r.id);
  for (const id of ids) assert.ok((await found("suspended")).includes(id));
  assert.ok((await found("kept")).includes(kept), "what was decided before stays");
  assert.ok((await found("open")).includes(ofPost), "what they wrote is judged by itself");
  const [shown] = (await admin.all("/admin/reports?state=open")).filter((r) => r.id === ofPost);
  assert.equal(shown.author.handle, who.handle, "an admin still sees whom it is about");
  assert.equal(shown.suspension.reason, "여러 번 신고됨");
  assert.equal(shown.text, "글");

  await admin.create(`/admin/reports/${ofPost}/resolve`, { hide: true });
  await admin.delete(suspension(who));
  const record = (await admin.all("/admin/audit", { limit: 3 })).filter((r) => r.account?.id === who.id);
  assert.deepEqual(
    record.map((r) => r.action),
    ["account_restored", "content_hidden", "account_suspended", "report_kept"],
  );
  for (const one of record) assert.equal(one.admin.id, admin.id);
  assert.equal(record[2].reason, "여러 번 신고됨");
  assert.equal(record[1].post_id, post);
  assert.equal((await admin.all("/admin/reports?state=suspended")).find((r) => r.id === ids[0]).suspension, undefined);
});

test("an admin sees the pictures of a reported post, hidden or not", async () => {
  const [who, other] = [await yard.join("who"), await yard.join("other")];
  const media = [];
  for (let i = 0; i < 2; ++i) media.push(await Town.prototype.upload(who));
  const post = (await who.create("/posts", { text: "사진", media })).json.id;
  const id = (await other.create("/reports", { post_id: post, reason: "x" })).json.id;
  const shown = async (state) => (await admin.all(`/admin/reports?state=${state}`)).find((r) => r.id === id);
  assert.deepEqual((await shown("open")).media.map((m) => m.id), media);
  const hidden = (await admin.create(`/admin/reports/${id}/resolve`, { hide: true })).json;
  assert.deepEqual(hidden.media.map((m) => m.id), media);
  assert.equal((await fetch(new URL(hidden.media[0].url, yard.url))).status, 200);
});

test("a race of sign-ins and suspensions never leaves a session behind", async () => {
  const who = await yard.join("racer");
  for (let round = 0; round < 4; ++round) {
    const tries = Array.from({ length: 8 }, () => signIn(who));
    const [answers] = await Promise.all([Promise.all(tries), suspend(who, `race ${round}`)]);
    for (const answer of answers.filter((one) => one.status === 201))
      assertProblem(await yard.client.as(answer.json.token).get("/me"), 401, "unauthenticated");
    for (const answer of answers.filter((one) => one.status !== 201))
      assertProblem(answer, 403, "account_suspended");
    await admin.delete(suspension(who));
  }
});
