// Block, mute, report and the admin's queue, by example.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

let yard;
let admin;
before(async () => {
  yard = await Yard.open();
  admin = await yard.joinAdmin();
});
after(() => yard.close());

const write = async (who, text) => (await who.create("/posts", { text })).json;

describe("block", () => {
  test("neither sees the other, the follows end, and it can be taken back", async () => {
    const [a, b] = [await yard.join("a"), await yard.join("b")];
    await a.put(`/users/${b.id}/follow`);
    await b.put(`/users/${a.id}/follow`);
    const [ofA, ofB] = [await write(a, "에이"), await write(b, "비")];
    const comment = (await b.create(`/posts/${ofA.id}/comments`, { text: "비의 댓글" })).json;
    for (let i = 0; i < 2; ++i)
      assert.deepEqual((await a.put(`/users/${b.id}/block`)).json, { blocked: true });

    for (const [who, post, owner] of [
      [a, ofB, b],
      [b, ofA, a],
    ]) {
      assertProblem(await who.get(`/posts/${post.id}`), 404, "not_found");
      assertProblem(await who.put(`/posts/${post.id}/like`), 404, "not_found");
      assertProblem(
        await who.create(`/posts/${post.id}/comments`, { text: "x" }),
        404,
        "not_found",
      );
      assertProblem(await who.put(`/users/${owner.id}/follow`), 404, "not_found");
    }
    assertProblem(await b.get(`/users/${a.id}`), 404, "not_found");
    assertProblem(await b.get(`/users/${a.id}/posts`), 404, "not_found");
    assert.deepEqual((await a.get(`/users/${b.id}/posts`)).json.items, []);
    const seen = (await a.get(`/users/${b.id}`)).json; // enough to take it back
    assert.deepEqual([seen.is_blocked, seen.is_following], [true, false]);
    assert.deepEqual((await a.get(`/posts/${ofA.id}/comments`)).json.items, []);
    assert.equal((await yard.client.get(`/posts/${ofA.id}/comments`)).json.items[0].id, comment.id);
    assert.ok(!(await b.all(`/users?query=${a.handle}`)).some((person) => person.id === a.id));
    assert.equal((await yard.client.get(`/posts/${ofB.id}`)).status, 200, "others still see both");

    for (let i = 0; i < 2; ++i)
      assert.deepEqual((await a.delete(`/users/${b.id}/block`)).json, { blocked: false });
    assert.equal((await b.get(`/posts/${ofA.id}`)).status, 200);
    assert.equal((await b.get(`/users/${a.id}`)).json.is_following, false);
    assertProblem(await a.put(`/users/${a.id}/block`), 422, "cannot_block_self");
    assertProblem(await a.put("/users/1/block"), 404, "not_found");
  });

  test("one's own deeds can be taken back all the same", async () => {
    const [a, b] = [await yard.join("a"), await yard.join("b")];
    const post = await write(a, "글");
    await b.put(`/posts/${post.id}/like`);
    const comment = (await b.create(`/posts/${post.id}/comments`, { text: "댓글" })).json;
    await a.put(`/users/${b.id}/block`);
    assert.equal((await b.delete(`/posts/${post.id}/like`)).status, 200);
    assert.equal((await b.delete(`/comments/${comment.id}`)).status, 204);
    const left = (await yard.client.get(`/posts/${post.id}`)).json;
    assert.deepEqual([left.like_count, left.comment_count], [0, 0]);
  });
});

describe("mute", () => {
  test("hides them from my lists, and only from mine", async () => {
    const [a, b] = [await yard.join("a"), await yard.join("b")];
    await a.put(`/users/${b.id}/follow`);
    const post = await write(b, "조용히");
    assert.deepEqual((await a.put(`/users/${b.id}/mute`)).json, { muted: true });
    assert.deepEqual(await a.all("/feed"), []);
    assert.equal((await a.get(`/posts/${post.id}`)).status, 200, "asked for by name it is there");
    assert.equal((await a.get(`/users/${b.id}`)).json.is_muted, true);
    assert.equal((await a.get(`/users/${b.id}`)).json.is_following, true);
    assert.equal((await b.get(`/users/${a.id}`)).json.is_muted, false);
    await a.delete(`/users/${b.id}/mute`);
    assert.equal((await a.all("/feed")).length, 1);
    assertProblem(await a.put(`/users/${a.id}/mute`), 422, "cannot_mute_self");
  });
});

describe("reports", () => {
  test("name exactly one thing one can see and that is not one's own", async () => {
    const [a, b] = [await yard.join("a"), await yard.join("b")];
    const post = await write(a, "신고할 글");
    const report = (body, who = b) => who.create("/reports", { reason: "욕설", ...body });
    const made = await report({ post_id: post.id });
    assert.equal(made.status, 201);
    assert.equal((await report({ post_id: post.id })).json.id, made.json.id, "once a reporter");
    assertProblem(await report({}), 422, "validation_failed");
    assertProblem(await report({ post_id: post.id, user_id: a.id }), 422, "validation_failed");
    assertProblem(
      await report({ post_id: post.id, reason: "" }),
      422,
      "validation_failed",
      "reason",
    );
    assertProblem(
      await report({ post_id: post.id, reason: "이".repeat(501) }),
      422,
      "validation_failed",
      "reason",
    );
    assertProblem(await report({ post_id: 1 }), 404, "not_found");
    assertProblem(await report({ user_id: 1 }), 404, "not_found");
    assertProblem(await report({ comment_id: 1 }), 404, "not_found");
    assertProblem(await report({ post_id: post.id }, a), 422, "cannot_report_self");
    assertProblem(await report({ post_id: post.id }, yard.client), 401, "unauthenticated");
  });

  test("are read and resolved by an admin alone: hide, and show again", async () => {
    const [a, b, c] = [await yard.join("a"), await yard.join("b"), await yard.join("c")];
    await c.put(`/users/${a.id}/follow`);
    const post = await write(a, "숨길 글");
    await c.put(`/posts/${post.id}/like`);
    const comment = (await a.create(`/posts/${post.id}/comments`, { text: "숨길 댓글" })).json;
    const ids = [
      (await b.create("/reports", { post_id: post.id, reason: "첫째" })).json.id,
      (await c.create("/reports", { post_id: post.id, reason: "둘째" })).json.id,
      (await b.create("/reports", { comment_id: comment.id, reason: "셋째" })).json.id,
      (await b.create("/reports", { user_id: a.id, reason: "넷째" })).json.id,
    ];
    assertProblem(await b.get("/admin/reports"), 403, "forbidden");
    assertProblem(await yard.client.get("/admin/reports"), 401, "unauthenticated");
    assertProblem(
      await b.create(`/admin/reports/${ids[0]}/resolve`, { hide: true }),
      403,
      "forbidden",
    );
    const open = async () => (await admin.all("/admin/reports", { limit: 2 })).map((r) => r.id);
    assert.deepEqual(
      (await open()).filter((id) => ids.includes(id)),
      ids,
    );
    const [first] = (await admin.all("/admin/reports")).filter((r) => r.id === ids[0]);
    assert.equal(first.text, "숨길 글");
    assert.equal(first.author.id, a.id);
    assert.equal(first.reporter.id, b.id);
    assert.equal(first.reason, "첫째");

    const resolve = (id, hide) => admin.create(`/admin/reports/${id}/resolve`, { hide });
    const hidden = await resolve(ids[0], true);
    assert.equal(hidden.status, 200, hidden.text);
    assert.equal(hidden.json.state, "hidden");
    for (const who of [yard.client, b, c, a])
      assertProblem(await who.get(`/posts/${post.id}`), 404, "not_found");
    assert.deepEqual(await c.all("/feed"), []);
    assert.equal((await yard.client.get(`/users/${a.id}`)).json.post_count, 0);
    assert.ok(!(await open()).includes(ids[1]), "all reports of one thing are resolved together");
    assert.ok((await admin.all("/admin/reports?state=hidden")).some((r) => r.id === ids[1]));

    assert.equal((await resolve(ids[0], false)).json.state, "kept");
    assert.equal((await b.get(`/posts/${post.id}`)).json.like_count, 1);
    // It comes back as a new post comes: by an event.
    await eventually("the feed", async () => (await c.all("/feed")).length === 1);
    assert.equal((await yard.client.get(`/users/${a.id}`)).json.post_count, 1);

    await resolve(ids[2], true);
    assert.equal((await b.get(`/posts/${post.id}`)).json.comment_count, 0);
    assert.deepEqual(await b.all(`/posts/${post.id}/comments`), []);
    await resolve(ids[2], false);
    assert.equal((await b.all(`/posts/${post.id}/comments`)).length, 1);
    assertProblem(await resolve(ids[3], true), 422, "cannot_hide_user");
    assert.equal((await resolve(ids[3], false)).json.state, "kept");
    assertProblem(await resolve(1, true), 404, "not_found");
    assertProblem(
      await admin.create(`/admin/reports/${ids[0]}/resolve`, {}),
      422,
      "validation_failed",
      "hide",
    );
    assertProblem(await admin.get("/admin/reports?state=x"), 422, "validation_failed", "state");
  });
});

test("at the end all counters equal their rows", async () => {
  await yard.server.stopOnly();
  assert.match(await yard.recount(), /^0 counters differ/);
  await yard.server.resume();
  yard.connect();
});
