// The home feed over HTTP: who sees what, in which order and part, page by page without hole or
// repeat, and what a cursor may be.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

let yard;
before(async () => (yard = await Yard.open()));
after(() => yard.close());

const write = async (who, text) => (await who.create("/posts", { text })).json.id;
const idsOf = (items) => items.map((item) => item.post.id);
const feedOf = async (who, limit) => idsOf(await who.all("/feed?mark_seen=0", { limit }));
// Fan-out runs after the answer, and SQL answers until memory knows: at no moment is the feed wrong.
const assertFeed = async (who, expected) => {
  for (const limit of [100, 3]) assert.deepEqual(await feedOf(who, limit), expected);
};

describe("what is in it", () => {
  test("posts of those I follow and my own, newest first, live", async () => {
    const [me, a, b, other] = [
      await yard.join("me"),
      await yard.join("a"),
      await yard.join("b"),
      await yard.join("o"),
    ];
    assertProblem(await yard.client.get("/feed"), 401, "unauthenticated");
    assert.deepEqual(await feedOf(me), []);
    await me.put(`/users/${a.id}/follow`);
    await me.put(`/users/${b.id}/follow`);
    const ids = [];
    for (const who of [a, b, me, a, me, b]) ids.unshift(await write(who, "글"));
    await write(other, "남의 글");
    const answer = await me.get("/feed?mark_seen=0");
    assert.deepEqual(idsOf(answer.json.items), ids);
    assert.match(answer.headers["cache-control"], /private/);
    assert.match(answer.headers["cache-control"], /no-store/);
    for (const item of answer.json.items) {
      assert.equal(item.source, "live");
      assert.equal(item.seen, false);
    }
    await assertFeed(me, ids);
  });

  test("what was written before the follow, and nothing any more after it ended", async () => {
    const [me, a] = [await yard.join("me"), await yard.join("a")];
    const early = await write(a, "예전 글");
    assert.deepEqual(await feedOf(me), []);
    await me.put(`/users/${a.id}/follow`);
    const late = await write(a, "새 글");
    await eventually("both are there", async () => (await feedOf(me)).length === 2);
    await assertFeed(me, [late, early]);
    await me.delete(`/users/${a.id}/follow`);
    await assertFeed(me, []);
    await me.put(`/users/${a.id}/follow`);
    await assertFeed(me, [late, early]);
  });

  test("deleted posts leave it at once, edits show at once", async () => {
    const [me, a] = [await yard.join("me"), await yard.join("a")];
    await me.put(`/users/${a.id}/follow`);
    const [first, second] = [await write(a, "하나"), await write(a, "둘")];
    await assertFeed(me, [second, first]);
    await a.patch(`/posts/${first}`, { text: "하나!" });
    assert.equal((await me.all("/feed")).at(-1).post.text, "하나!");
    await a.delete(`/posts/${second}`);
    await assertFeed(me, [first]);
    await me.put(`/posts/${first}/like`);
    const [item] = await me.all("/feed");
    assert.deepEqual([item.post.liked, item.post.like_count], [true, 1]);
  });

  test("the blocked and the muted are not in it, and are again afterwards", async () => {
    const [me, a] = [await yard.join("me"), await yard.join("a")];
    await me.put(`/users/${a.id}/follow`);
    const post = await write(a, "글");
    await assertFeed(me, [post]);
    assert.deepEqual((await me.put(`/users/${a.id}/mute`)).json, { muted: true });
    await assertFeed(me, []);
    assert.deepEqual((await me.delete(`/users/${a.id}/mute`)).json, { muted: false });
    await assertFeed(me, [post]);
    await a.put(`/users/${me.id}/block`);
    await assertFeed(me, []);
    await a.delete(`/users/${me.id}/block`);
    await assertFeed(me, []); // a block ends the follow
    await me.put(`/users/${a.id}/follow`);
    await assertFeed(me, [post]);
  });
});

describe("seen", () => {
  test("is what was on a page returned before, but not by mark_seen=0 nor a prefetch", async () => {
    const [me, a] = [await yard.join("me"), await yard.join("a")];
    await me.put(`/users/${a.id}/follow`);
    for (let i = 0; i < 4; ++i) await write(a, `글 ${i}`);
    const seen = async (query, headers = {}) =>
      (await me.get(`/feed?limit=2${query}`, { headers })).json.items.map((item) => item.seen);
    const unseen = [false, false];
    await eventually("it is warm", async () => (await me.all("/feed?mark_seen=0")).length === 4);
    assert.deepEqual(await seen("&mark_seen=0"), unseen);
    assert.deepEqual(await seen("&mark_seen=false"), unseen);
    assert.deepEqual(await seen("", { "sec-purpose": "prefetch;prerender" }), unseen);
    assert.deepEqual(await seen("", { purpose: "prefetch" }), unseen);
    assert.deepEqual(await seen(""), unseen, "told before it is marked");
    assert.deepEqual(await seen(""), [true, true]);
    const all = await me.all("/feed?mark_seen=0");
    assert.deepEqual(
      all.map((item) => item.seen),
      [true, true, false, false],
    );
  });

  test("outlives a restart", async () => {
    const me = await yard.join("me");
    const ids = [await write(me, "하나"), await write(me, "둘")];
    await me.get("/feed?limit=1");
    await yard.server.stopOnly();
    await yard.server.resume();
    yard.connect();
    const again = await yard.signIn(me);
    const items = await again.all("/feed?mark_seen=0");
    assert.deepEqual(idsOf(items), ids.reverse());
    assert.deepEqual(
      items.map((item) => item.seen),
      [true, false],
    );
  });
});

describe("paging", () => {
  const busy = async (posts) => {
    const me = await yard.join("me");
    const authors = await Promise.all(Array.from({ length: 4 }, () => yard.join("author")));
    for (const author of authors) await me.put(`/users/${author.id}/follow`);
    const ids = [];
    for (let i = 0; i < posts; ++i) ids.unshift(await write(authors[i % 4], `글 ${i}`));
    return { me, authors, ids };
  };

  test("any page size gives the same list, with Link and a last page", async () => {
    const { me, ids } = await busy(45);
    for (const limit of [1, 7, 20, 45, 100]) {
      const pages = await me.pages("/feed?mark_seen=0", { limit });
      assert.deepEqual(
        pages.flatMap((page) => idsOf(page.items)),
        ids,
      );
      const last = pages.at(-1).answer;
      assert.equal(last.json.next_cursor, undefined);
      assert.equal(last.headers.link, undefined);
      for (const { answer } of pages.slice(0, -1)) {
        assert.ok(answer.headers.link.includes(answer.json.next_cursor));
        assert.ok(answer.headers.link.includes("mark_seen=0"), "the link keeps the query");
      }
    }
    assert.equal((await me.get("/feed")).json.items.length, 20);
  });

  test("no hole and no repeat while posts arrive, vanish and are seen", async () => {
    const { me, authors, ids } = await busy(40);
    const walked = [];
    let cursor;
    let round = 0;
    const gone = [];
    do {
      const page = (await me.get(`/feed?limit=6${cursor ? `&cursor=${cursor}` : ""}`)).json;
      walked.push(...idsOf(page.items));
      cursor = page.next_cursor;
      await write(authors[round % 4], "지금 막"); // newer than the list's beginning
      const victim = ids[ids.length - 1 - round * 2];
      await authors.at((ids.length - 1 - ids.indexOf(victim)) % 4).delete(`/posts/${victim}`);
      if (!walked.includes(victim)) gone.push(victim);
      ++round;
    } while (cursor);
    assert.ok(round >= 6 && gone.length > 0);
    assert.deepEqual(
      walked,
      ids.filter((id) => walked.includes(id) || !gone.includes(id)),
    );
    assert.deepEqual(
      walked.filter((id, i) => walked.indexOf(id) !== i),
      [],
    );
    for (const id of ids) assert.ok(walked.includes(id) || gone.includes(id));
  });
});

describe("cursors", () => {
  const refused = async (path, code = "bad_cursor", who = yard.client) => {
    const problem = assertProblem(await who.get(path), 422, "validation_failed", "cursor");
    assert.equal(problem.errors[0].code, code, path);
  };

  test("that are malformed or of another list are refused", async () => {
    const me = await yard.join("me");
    const star = await yard.join("star");
    for (let i = 0; i < 3; ++i) {
      const post = await write(star, `글 ${i}`);
      await me.put(`/posts/${post}/like`);
      await me.create(`/posts/${post}/comments`, { text: "하나" });
      await me.create(`/posts/${post}/comments`, { text: "둘" });
      const fan = await yard.join("fan");
      await fan.put(`/users/${star.id}/follow`);
    }
    await me.put(`/users/${star.id}/follow`);
    const [post] = (await me.get(`/users/${star.id}/posts`)).json.items;
    const lists = [
      "/feed",
      "/me/likes",
      "/posts/ranking",
      `/users/${star.id}/posts`,
      `/users/${star.id}/followers`,
      `/posts/${post.id}/comments`,
      "/users?query=a",
    ];
    const cursors = [];
    for (const list of lists) {
      const join = list.includes("?") ? "&" : "?";
      const { next_cursor } = (await me.get(`${list}${join}limit=1`)).json;
      assert.match(next_cursor, /^[A-Za-z0-9_-]+$/, list);
      cursors.push(next_cursor);
      const garbled = [
        "x",
        "",
        "AAAA",
        "a".repeat(500),
        `${next_cursor}A`,
        next_cursor.slice(1),
        "%00",
        "%ff",
        "%",
        encodeURIComponent("한글"),
      ];
      for (const bad of garbled)
        assertProblem(
          await me.get(`${list}${join}cursor=${bad}`),
          422,
          "validation_failed",
          "cursor",
        );
      for (const limit of ["0", "101", "-1", "1.5", "x", "", "1e1", "99999999999999999999"])
        assertProblem(
          await me.get(`${list}${join}limit=${limit}`),
          422,
          "validation_failed",
          "limit",
        );
    }
    for (const [i, list] of lists.entries())
      for (const [j, cursor] of cursors.entries())
        if (i !== j)
          await refused(
            `${list}${list.includes("?") ? "&" : "?"}cursor=${cursor}`,
            "bad_cursor",
            me,
          );
  });

  // [kind, version, part, last, begun in microseconds, floor], as base64url of LEB128 numbers.
  const unpack = (cursor) => {
    const numbers = [];
    let value = 0n;
    let shift = 0n;
    for (const byte of Buffer.from(cursor, "base64url").subarray(2)) {
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (byte < 128) {
        numbers.push(value);
        value = shift = 0n;
      }
    }
    return numbers;
  };
  const pack = (cursor, numbers) => {
    const bytes = [...Buffer.from(cursor, "base64url").subarray(0, 2)];
    for (let number of numbers) {
      for (; number >= 128n; number >>= 7n) bytes.push(Number(number & 127n) | 128);
      bytes.push(Number(number));
    }
    return Buffer.from(bytes).toString("base64url");
  };

  test("of the feed expire after a day, and none comes from the future", async () => {
    const me = await yard.join("me");
    for (let i = 0; i < 3; ++i) await write(me, "글");
    const { next_cursor } = (await me.get("/feed?limit=1")).json;
    const numbers = unpack(next_cursor);
    assert.equal(pack(next_cursor, numbers), next_cursor);
    const begun = numbers.findIndex((n) => Math.abs(Number(n / 1000n) - Date.now()) < 600_000);
    const later = (ms) => numbers.map((n, i) => (i === begun ? n + BigInt(ms) * 1000n : n));
    const moved = (ms) => pack(next_cursor, later(ms));
    assert.equal((await me.get(`/feed?cursor=${moved(-3600_000)}`)).status, 200);
    await refused(`/feed?cursor=${moved(-25 * 3600_000)}`, "cursor_expired", me);
    await refused(`/feed?cursor=${moved(3600_000)}`, "bad_cursor", me);
  });
});
