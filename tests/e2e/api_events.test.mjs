// Notifications and the stream of events: what happened to me, once, in order, resumable.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openEvents } from "./support/events.mjs";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

let yard;
before(async () => (yard = await Yard.open({ env: { MADANG_REALTIME__HEARTBEAT: "1s" } })));
after(() => yard.close());

const write = async (who, text) => (await who.create("/posts", { text })).json.id;
const listed = async (who) => (await who.get("/notifications")).json;
const lines = async (who) =>
  (await listed(who)).items.map((n) => `${n.type} ${n.actor.handle} ${n.actor_count}`);

// Notifications come after the answer that caused them.
async function becomes(who, expected) {
  let now;
  await eventually(
    "",
    async () => JSON.stringify((now = await lines(who))) === JSON.stringify(expected),
  ).catch(() => assert.deepEqual(now, expected));
}

describe("notifications", () => {
  test("of a follow, likes and comments, grouped, newest first, with what they are about", async () => {
    const [me, a, b] = [await yard.join("me"), await yard.join("a"), await yard.join("b")];
    assert.deepEqual(await listed(me), { items: [], unread: 0 });
    assertProblem(await yard.client.get("/notifications"), 401, "unauthenticated");
    const post = await write(me, "글".repeat(200));
    await a.put(`/users/${me.id}/follow`);
    await becomes(me, [`follow ${a.handle} 1`]);
    await a.put(`/posts/${post}/like`);
    await becomes(me, [`like ${a.handle} 1`, `follow ${a.handle} 1`]);
    const comment = (await a.create(`/posts/${post}/comments`, { text: "댓글" })).json;
    await becomes(me, [`comment ${a.handle} 1`, `like ${a.handle} 1`, `follow ${a.handle} 1`]);
    await b.put(`/posts/${post}/like`);
    await becomes(me, [`like ${b.handle} 2`, `comment ${a.handle} 1`, `follow ${a.handle} 1`]);
    await b.put(`/users/${me.id}/follow`);
    await becomes(me, [`follow ${b.handle} 2`, `like ${b.handle} 2`, `comment ${a.handle} 1`]);
    const { items, unread } = await listed(me);
    assert.equal(unread, 3);
    const [, like, commented] = items;
    assert.equal(like.post.id, post);
    assert.equal([...like.post.text].length, 80);
    assert.equal(commented.comment_id, comment.id);
    for (const item of items) {
      assert.equal(item.read, false);
      assert.ok(Date.parse(item.created_at) > 0);
    }
    assert.deepEqual(
      (await me.all("/notifications", { limit: 1 })).map((n) => n.id),
      items.map((n) => n.id),
    );
  });

  test("not of one's own doing, not twice, and gone when it was taken back", async () => {
    const [me, a, b] = [await yard.join("me"), await yard.join("a"), await yard.join("b")];
    const post = await write(me, "글");
    await me.put(`/posts/${post}/like`);
    await me.create(`/posts/${post}/comments`, { text: "나" });
    for (let i = 0; i < 3; ++i) {
      await a.put(`/posts/${post}/like`);
      await a.delete(`/posts/${post}/like`);
    }
    await a.put(`/posts/${post}/like`);
    await b.put(`/users/${me.id}/follow`);
    await becomes(me, [`follow ${b.handle} 1`, `like ${a.handle} 1`]);
    await a.delete(`/posts/${post}/like`);
    await b.delete(`/users/${me.id}/follow`);
    await becomes(me, []);
    assert.equal((await listed(me)).unread, 0);
  });

  test("are not from the blocked and the muted, and go with their post", async () => {
    const [me, muted, blocked, fine] = await Promise.all(
      ["me", "muted", "blocked", "fine"].map((n) => yard.join(n)),
    );
    const post = await write(me, "글");
    await me.put(`/users/${muted.id}/mute`);
    await muted.put(`/posts/${post}/like`);
    await blocked.create(`/posts/${post}/comments`, { text: "앗" });
    await fine.put(`/users/${me.id}/follow`);
    await becomes(me, [`follow ${fine.handle} 1`, `comment ${blocked.handle} 1`]);
    await me.put(`/users/${blocked.id}/block`);
    await becomes(me, [`follow ${fine.handle} 1`]);
    const second = await write(me, "또");
    await fine.put(`/posts/${second}/like`);
    await becomes(me, [`like ${fine.handle} 1`, `follow ${fine.handle} 1`]);
    await me.delete(`/posts/${second}`);
    await becomes(me, [`follow ${fine.handle} 1`]);
  });

  test("are read up to one, and what comes after is unread", async () => {
    const [me, a, b] = [await yard.join("me"), await yard.join("a"), await yard.join("b")];
    const post = await write(me, "글");
    await a.put(`/posts/${post}/like`);
    await becomes(me, [`like ${a.handle} 1`]);
    const [first] = (await listed(me)).items;
    await a.put(`/users/${me.id}/follow`);
    await becomes(me, [`follow ${a.handle} 1`, `like ${a.handle} 1`]);
    assert.deepEqual((await me.post("/notifications/read", { up_to: first.id })).json, {
      unread: 1,
    });
    assert.deepEqual((await me.post("/notifications/read", { up_to: first.id })).json, {
      unread: 1,
    });
    assert.deepEqual(
      (await listed(me)).items.map((n) => n.read),
      [false, true],
    );
    await b.put(`/posts/${post}/like`);
    await becomes(me, [`like ${b.handle} 1`, `follow ${a.handle} 1`, `like ${a.handle} 1`]);
    const { items } = await listed(me);
    assert.deepEqual((await me.post("/notifications/read", { up_to: items[0].id })).json, {
      unread: 0,
    });
    assert.equal((await listed(me)).unread, 0);
    for (const body of [{}, { up_to: -1 }, { up_to: "1" }, { up_to: 2 ** 53 }])
      assertProblem(await me.post("/notifications/read", body), 422, "validation_failed", "up_to");
    assert.equal((await listed(b)).items.length, 0);
  });
});

describe("events", () => {
  test("need a session, and say that they are a stream", async () => {
    const refused = await openEvents(yard.url);
    assert.equal(refused.status, 401);
    const me = await yard.join("me");
    const events = await openEvents(yard.url, { token: me.token });
    assert.equal(events.status, 200);
    assert.match(events.headers["content-type"], /^text\/event-stream/);
    assert.match(events.headers["cache-control"], /no-store/);
    await eventually("a sign of life", () => events.comments > 0);
    events.close();
  });

  test("carry notifications and feed.new as they happen", async () => {
    const [me, a] = [await yard.join("me"), await yard.join("a")];
    await me.put(`/users/${a.id}/follow`);
    const events = await openEvents(yard.url, { token: me.token });
    await a.put(`/users/${me.id}/follow`);
    const told = await events.find((event) => event.type === "notification");
    assert.equal(told.data.type, "follow");
    assert.equal(told.data.actor.id, a.id);
    assert.equal(told.data.unread, 1);
    assert.equal(told.data.id, told.id);
    assert.deepEqual(told.field, { id: String(told.id), event: "notification" });
    assert.match(told.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal((await listed(me)).items[0].id, told.id);
    await write(a, "새 글");
    await events.find((event) => event.type === "feed.new");
    events.close();
  });

  test("resume after the last one that came, across a restart, each once and in order", async () => {
    const me = await yard.join("me");
    const crowd = await Promise.all(Array.from({ length: 6 }, () => yard.join("crowd")));
    const posts = [];
    for (let i = 0; i < 6; ++i) posts.push(await write(me, `글 ${i}`));
    const first = await openEvents(yard.url, { token: me.token });
    await crowd[0].put(`/posts/${posts[0]}/like`);
    const seen = await first.find((event) => event.type === "notification");
    first.close();
    for (let i = 1; i < 4; ++i) await crowd[i].put(`/posts/${posts[i]}/like`);
    await eventually("all are listed", async () => (await listed(me)).items.length === 4);
    await yard.server.stopOnly();
    await yard.server.resume();
    yard.connect();

    const second = await openEvents(yard.url, { token: me.token, lastEventId: seen.id });
    await second.find((event) => event.data.post?.id === posts[3]);
    await yard.client.as(crowd[4].token).put(`/posts/${posts[4]}/like`);
    await second.find((event) => event.data.post?.id === posts[4]);
    const told = second.all.filter((event) => event.type === "notification");
    assert.deepEqual(
      told.map((event) => event.data.post.id),
      posts.slice(1, 5),
    );
    const ids = told.map((event) => event.id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => a - b),
    );
    assert.ok(ids[0] > seen.id);
    second.close();

    const byQuery = await openEvents(yard.url, {
      token: me.token,
      query: `?last_event_id=${ids.at(-2)}`,
    });
    assert.equal((await byQuery.find((event) => event.type === "notification")).id, ids.at(-1));
    byQuery.close();
  });

  test("end with the session, within a second or two", async () => {
    const me = await yard.join("me");
    const there = await yard.signIn(me);
    const events = await openEvents(yard.url, { token: there.token });
    assert.equal(events.status, 200);
    await there.delete("/sessions/current");
    await eventually("the stream is closed", () => events.ended, { withinMs: 20_000 });
  });

  test("end when the server stops, without holding it up", async () => {
    const other = await Yard.open();
    const me = await other.join("me");
    const events = await openEvents(other.url, { token: me.token });
    const start = Date.now();
    await other.close();
    assert.ok(Date.now() - start < 8_000);
    await eventually("the stream is closed", () => events.ended);
  });

  test("are bounded: more streams than allowed are refused with 503", async () => {
    const small = await Yard.open({ env: { MADANG_REALTIME__STREAMS: "3" } });
    try {
      const me = await small.join("me");
      const streams = [];
      for (let i = 0; i < 5; ++i) streams.push(await openEvents(small.url, { token: me.token }));
      assert.deepEqual(streams.map((stream) => stream.status).sort(), [200, 200, 200, 503, 503]);
      const refused = streams.find((stream) => stream.status === 503);
      assert.ok(Number(refused.headers["retry-after"]) >= 1);
      for (const stream of streams) stream.close();
      await eventually("there is room again", async () => {
        const again = await openEvents(small.url, { token: me.token });
        again.close();
        return again.status === 200;
      });
    } finally {
      await small.close();
    }
  });
});
