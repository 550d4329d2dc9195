// Idempotency-Key: one effect however often, however much at once, and across a restart.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { Client } from "./support/client.mjs";
import { assertProblem, Yard } from "./support/yard.mjs";

let yard;
let me;
before(async () => {
  yard = await Yard.open();
  me = await yard.join("me");
});
after(() => yard.close());

const keyed = (who, path, json, key) =>
  who.call("POST", path, { json, headers: { "idempotency-key": key } });
const postCount = async (who) => (await who.get(`/users/${who.id}`)).json.post_count;

test("the same key and body answer the same, once done", async () => {
  const key = randomUUID();
  const before = await postCount(me);
  const first = await keyed(me, "/posts", { text: "한 번만" }, key);
  const second = await keyed(me, "/posts", { text: "한 번만" }, key);
  const quoted = await keyed(me, "/posts", { text: "한 번만" }, `"${key}"`);
  for (const answer of [first, second, quoted]) assert.equal(answer.status, 201, answer.text);
  assert.deepEqual(second.json, first.json);
  assert.deepEqual(quoted.json, first.json);
  for (const answer of [first, second, quoted])
    assert.equal(answer.headers.location, `/api/v1/posts/${first.json.id}`);
  assert.equal(second.headers["idempotent-replayed"], "true");
  assert.equal(await postCount(me), before + 1);
});

test("another body under the key is refused", async () => {
  const key = randomUUID();
  assert.equal((await keyed(me, "/posts", { text: "하나" }, key)).status, 201);
  assertProblem(await keyed(me, "/posts", { text: "둘" }, key), 422, "idempotency_mismatch");
  assertProblem(await keyed(me, "/posts", { text: "하나 " }, key), 422, "idempotency_mismatch");
});

test("a key belongs to one account and one route", async () => {
  const key = randomUUID();
  const other = await yard.join("other");
  const mine = (await keyed(me, "/posts", { text: "글" }, key)).json;
  const theirs = (await keyed(other, "/posts", { text: "글" }, key)).json;
  assert.notEqual(mine.id, theirs.id);
  const comment = await keyed(me, `/posts/${mine.id}/comments`, { text: "글" }, key);
  assert.equal(comment.status, 201);
  assert.equal(comment.json.post_id, mine.id);
  const elsewhere = await keyed(me, `/posts/${theirs.id}/comments`, { text: "글" }, key);
  assert.equal(elsewhere.json.post_id, theirs.id);
});

test("what was refused may be sent again under its key, repaired or not", async () => {
  const key = randomUUID();
  const before = await postCount(me);
  for (let i = 0; i < 2; ++i)
    assertProblem(await keyed(me, "/posts", { text: "" }, key), 422, undefined, "text");
  assert.equal((await keyed(me, "/posts", { text: "고쳤다" }, key)).status, 201);
  assert.equal(await postCount(me), before + 1);
});

test("keys are 1 to 255 visible ASCII characters", async () => {
  for (const bad of ["a b", "k".repeat(256), '""', 'a"b'])
    assertProblem(
      await keyed(me, "/posts", { text: "x" }, bad),
      422,
      "validation_failed",
      "Idempotency-Key",
    );
  assert.equal((await keyed(me, "/posts", { text: "x" }, "k".repeat(255))).status, 201);
});

test("many at once: exactly one effect, the others wait their turn or get its answer", async () => {
  const own = new Client(yard.url, { sockets: 32, token: me.token });
  for (let round = 0; round < 5; ++round) {
    const key = randomUUID();
    const before = await postCount(me);
    const send = () => keyed(own, "/posts", { text: `동시에 ${round}` }, key);
    const answers = await Promise.all(Array.from({ length: 24 }, send));
    const made = answers.filter((answer) => answer.status === 201);
    assert.ok(made.length >= 1);
    assert.equal(new Set(made.map((answer) => answer.json.id)).size, 1);
    for (const answer of answers.filter((a) => a.status !== 201)) {
      assertProblem(answer, 409, "idempotency_in_flight");
      assert.ok(Number(answer.headers["retry-after"]) >= 1);
    }
    assert.equal(await postCount(me), before + 1);
    assert.equal((await send()).json.id, made[0].json.id);
  }
  own.close();
});

test("the answer is kept across a restart", async () => {
  const key = randomUUID();
  const first = await keyed(me, "/posts", { text: "오래 남는 글" }, key);
  await yard.server.stopOnly();
  await yard.server.resume();
  yard.connect();
  me = await yard.signIn(me);
  const second = await keyed(me, "/posts", { text: "오래 남는 글" }, key);
  assert.equal(second.status, 201);
  assert.deepEqual(second.json, first.json);
  assert.equal(second.headers.location, first.headers.location);
});

test("an answer without a Location has none when replayed", async () => {
  const key = randomUUID();
  const post = (await keyed(me, "/posts", { text: "글" }, randomUUID())).json.id;
  for (let i = 0; i < 2; ++i) {
    const answer = await keyed(me, `/posts/${post}/comments`, { text: "댓글" }, key);
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.location, undefined);
  }
});

test("sign-up and sign-in keep no answer: no token is stored", async () => {
  const person = { email: "key@example.com", password: "마당에서-놀자-7", handle: "keyless" };
  const key = randomUUID();
  assert.equal((await keyed(yard.client, "/accounts", person, key)).status, 201);
  assertProblem(await keyed(yard.client, "/accounts", person, key), 409, "email_taken");
  const [a, b] = [
    await keyed(yard.client, "/sessions", person, key),
    await keyed(yard.client, "/sessions", person, key),
  ];
  assert.notEqual(a.json.token, b.json.token);
  const tables = await yard.tables();
  assert.equal(
    await tables.value(`select count(*) from idempotency_keys where idem_key = '${key}';`),
    0,
  );
  await tables.close();
});
