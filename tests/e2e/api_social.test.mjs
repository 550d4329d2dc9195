// Posts, comments, likes, follows, people, ranking: API.md's part "Social" by example. The home
// feed has api_feed.test.mjs, moderation api_moderation.test.mjs.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newPerson } from "./support/people.mjs";
import { changeTables } from "./support/tables.mjs";
import { assertProblem, eventually, sleep, Yard } from "./support/yard.mjs";

let yard;
let anna;
let boram;
before(async () => {
  yard = await Yard.open({ env: { MADANG_SOCIAL__RANKING_INTERVAL: "0s" } });
  anna = await yard.join("anna");
  boram = await yard.join("boram");
});
after(() => yard.close());

const write = async (who, text) => {
  const answer = await who.create("/posts", { text });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};
const countOf = async (post) => (await yard.client.get(`/posts/${post.id}`)).json;

describe("posts", () => {
  test("are written, read by anyone, edited, deleted", async () => {
    const made = await anna.create("/posts", { text: "첫 글", media: [], unknown: { deep: [] } });
    assert.equal(made.status, 201);
    const post = made.json;
    assert.equal(made.headers.location, `/api/v1/posts/${post.id}`);
    assert.equal(post.text, "첫 글");
    assert.equal(post.author.handle, anna.handle);
    assert.deepEqual([post.media, post.like_count, post.comment_count], [[], 0, 0]);
    assert.equal(post.liked, false);
    assert.equal(post.edited_at, undefined);
    assert.deepEqual((await yard.client.get(`/posts/${post.id}`)).json, post);

    const edited = await anna.patch(`/posts/${post.id}`, { text: "고친 글" });
    assert.equal(edited.status, 200);
    assert.equal(edited.json.text, "고친 글");
    assert.ok(Date.parse(edited.json.edited_at) >= Date.parse(post.created_at));
    assert.deepEqual((await yard.client.get(`/posts/${post.id}`)).json, edited.json);

    assert.equal((await anna.delete(`/posts/${post.id}`)).status, 204);
    assertProblem(await yard.client.get(`/posts/${post.id}`), 404, "not_found");
    assertProblem(await anna.patch(`/posts/${post.id}`, { text: "x" }), 404, "not_found");
    assertProblem(await anna.delete(`/posts/${post.id}`), 404, "not_found");
  });

  test("are their author's alone to change", async () => {
    const post = await write(anna, "내 글");
    assertProblem(await boram.patch(`/posts/${post.id}`, { text: "남의 글" }), 403, "forbidden");
    assertProblem(await boram.delete(`/posts/${post.id}`), 403, "forbidden");
    assertProblem(await yard.client.delete(`/posts/${post.id}`), 401, "unauthenticated");
    assertProblem(await yard.client.post("/posts", { text: "x" }), 401, "unauthenticated");
    assert.deepEqual(await countOf(post), post);
  });

  test("hold 1 to 1000 code points", async () => {
    for (const text of ["a", "글".repeat(1000), "👩‍🌾".repeat(333), "a\tb\nc"])
      assert.equal((await write(anna, text)).text, text);
    for (const text of ["", "글".repeat(1001), "   ", "\n\t", null, 5, ["a"], {}])
      assertProblem(await anna.create("/posts", { text }), 422, "validation_failed", "text");
    assertProblem(await anna.create("/posts", {}), 422, "validation_failed", "text");
  });

  test("are NFC, with LF at line ends and no control characters", async () => {
    const text = "e\u0301 가\r\n나\r다";
    const post = await write(anna, text.normalize("NFD").replace(/\n$/, ""));
    assert.equal(post.text, "é 가\n나\n다".normalize("NFC"));
    for (const bad of ["\u0000", "\u0007", "\u001b[31m", "\u007f", "\u0085"])
      assertProblem(
        await anna.create("/posts", { text: `a${bad}b` }),
        422,
        "validation_failed",
        "text",
      );
  });

  test("with pictures that are not there are refused", async () => {
    for (const media of [[1], [boram.id], [9007199254740991]])
      assert.equal((await anna.create("/posts", { text: "그림", media })).status, 422);
    for (const media of [
      [1, 1],
      Array.from({ length: 11 }, (_, i) => i + 1),
      ["1"],
      [1.5],
      "1",
      {},
    ])
      assertProblem(await anna.create("/posts", { text: "그림", media }), 422, "validation_failed");
  });

  test("of a person come newest first, page by page", async () => {
    const author = await yard.join("pages");
    const ids = [];
    for (let i = 0; i < 23; ++i) ids.push((await write(author, `글 ${i}`)).id);
    ids.reverse();
    const path = `/users/${author.id}/posts`;
    assert.equal((await yard.client.get(path)).json.items.length, 20);
    for (const limit of [1, 5, 23, 100]) {
      const pages = await yard.client.pages(path, { limit });
      assert.deepEqual(
        pages.flatMap((page) => page.items.map((post) => post.id)),
        ids,
      );
      assert.equal(pages.length, Math.ceil(23 / limit));
      for (const [i, page] of pages.entries()) {
        const last = i + 1 === pages.length;
        const link = page.answer.headers.link;
        assert.equal(link === undefined, last);
        if (last) continue;
        const { next_cursor } = page.answer.json;
        assert.match(next_cursor, /^[A-Za-z0-9_-]+$/);
        const next = /^<([^>]+)>; rel="next"$/.exec(link)[1];
        const followed = await yard.client.request("GET", next);
        assert.deepEqual(followed.json.items, pages[i + 1].items);
      }
    }
    assert.equal((await yard.client.get(`/users/${author.id}`)).json.post_count, 23);
  });
});

describe("comments", () => {
  test("are written, listed oldest first, edited, deleted; the post counts them", async () => {
    const post = await write(anna, "이야기해요");
    const path = `/posts/${post.id}/comments`;
    const ids = [];
    for (let i = 0; i < 7; ++i) {
      const made = await boram.create(path, { text: `댓글 ${i}` });
      assert.equal(made.status, 201, made.text);
      assert.equal(made.json.post_id, post.id);
      assert.equal(made.json.author.id, boram.id);
      ids.push(made.json.id);
    }
    assert.deepEqual(
      (await yard.client.all(path, { limit: 3 })).map((c) => c.id),
      ids,
    );
    assert.equal((await countOf(post)).comment_count, 7);

    const [own, onMine] = ids;
    assertProblem(await anna.patch(`/comments/${own}`, { text: "x" }), 403, "forbidden");
    const edited = await boram.patch(`/comments/${own}`, { text: "고침" });
    assert.equal(edited.json.text, "고침");
    assert.ok(edited.json.edited_at);
    assert.equal((await boram.delete(`/comments/${own}`)).status, 204);
    assert.equal((await anna.delete(`/comments/${onMine}`)).status, 204, "the post's author may");
    const stranger = await yard.join("stranger");
    assertProblem(await stranger.delete(`/comments/${ids[2]}`), 403, "forbidden");
    assertProblem(await boram.delete(`/comments/${own}`), 404, "not_found");
    assert.equal((await countOf(post)).comment_count, 5);
    assert.equal((await yard.client.all(path)).length, 5);
    assertProblem(await boram.create(path, { text: "" }), 422, "validation_failed", "text");
    assertProblem(
      await boram.create(path, { text: "글".repeat(1001) }),
      422,
      "validation_failed",
      "text",
    );
    assertProblem(await yard.client.post(path, { text: "x" }), 401);
  });

  test("go with their post", async () => {
    const post = await write(anna, "지울 글");
    const comment = (await boram.create(`/posts/${post.id}/comments`, { text: "댓글" })).json;
    await anna.delete(`/posts/${post.id}`);
    assertProblem(await yard.client.get(`/posts/${post.id}/comments`), 404, "not_found");
    assertProblem(await boram.patch(`/comments/${comment.id}`, { text: "x" }), 404, "not_found");
    assertProblem(
      await boram.create(`/posts/${post.id}/comments`, { text: "x" }),
      404,
      "not_found",
    );
  });
});

describe("likes", () => {
  test("are idempotent and counted exactly", async () => {
    const post = await write(anna, "좋아요?");
    const path = `/posts/${post.id}/like`;
    for (let i = 0; i < 3; ++i)
      assert.deepEqual((await boram.put(path)).json, { liked: true, like_count: 1 });
    assert.deepEqual((await anna.put(path)).json, { liked: true, like_count: 2 });
    assert.equal((await boram.get(`/posts/${post.id}`)).json.liked, true);
    assert.equal((await yard.client.get(`/posts/${post.id}`)).json.liked, false);
    for (let i = 0; i < 3; ++i)
      assert.deepEqual((await boram.delete(path)).json, { liked: false, like_count: 1 });
    assert.equal((await countOf(post)).like_count, 1);
    assertProblem(await yard.client.put(path), 401, "unauthenticated");
    assertProblem(await anna.put("/posts/1/like"), 404, "not_found");
  });

  test("stay exact under a race", async () => {
    const post = await write(anna, "모두 한꺼번에");
    const crowd = await Promise.all(Array.from({ length: 12 }, () => yard.join("crowd")));
    const path = `/posts/${post.id}/like`;
    await Promise.all(
      crowd.flatMap((who, i) => [
        who.put(path),
        who.put(path),
        ...(i % 2 ? [who.delete(path)] : []),
      ]),
    );
    await Promise.all(crowd.map((who, i) => (i % 3 ? who.put(path) : who.delete(path))));
    const liking = crowd.filter((_, i) => i % 3).length;
    assert.equal((await countOf(post)).like_count, liking);
    for (const [i, who] of crowd.entries())
      assert.equal((await who.get(`/posts/${post.id}`)).json.liked, i % 3 !== 0);
  });

  test("are listed for who gave them, newest like first", async () => {
    const fan = await yard.join("fan");
    const posts = [];
    for (let i = 0; i < 5; ++i) posts.push(await write(anna, `모음 ${i}`));
    for (const i of [2, 0, 4, 1]) {
      await fan.put(`/posts/${posts[i].id}/like`);
      await sleep(2);
    }
    const liked = await fan.all("/me/likes", { limit: 3 });
    assert.deepEqual(
      liked.map((post) => post.id),
      [1, 4, 0, 2].map((i) => posts[i].id),
    );
    assert.ok(liked.every((post) => post.liked));
  });
});

describe("follows", () => {
  test("are idempotent, seen from both sides, counted", async () => {
    const [a, b] = [await yard.join("follower"), await yard.join("followed")];
    for (let i = 0; i < 2; ++i)
      assert.deepEqual((await a.put(`/users/${b.id}/follow`)).json, { following: true });
    const ofB = (await a.get(`/users/${b.id}`)).json;
    assert.deepEqual([ofB.is_following, ofB.is_followed_by], [true, false]);
    const ofA = (await b.get(`/users/${a.id}`)).json;
    assert.deepEqual([ofA.is_following, ofA.is_followed_by], [false, true]);
    assert.deepEqual([ofB.follower_count, ofA.following_count], [1, 1]);
    const anonymous = (await yard.client.get(`/users/${b.id}`)).json;
    assert.deepEqual([anonymous.is_following, anonymous.is_followed_by], [false, false]);
    for (let i = 0; i < 2; ++i)
      assert.deepEqual((await a.delete(`/users/${b.id}/follow`)).json, { following: false });
    assert.equal((await a.get(`/users/${b.id}`)).json.follower_count, 0);
    assertProblem(await a.put(`/users/${a.id}/follow`), 422, "cannot_follow_self");
    assertProblem(await a.put("/users/1/follow"), 404, "not_found");
    assertProblem(await yard.client.put(`/users/${b.id}/follow`), 401);
  });

  test("are listed newest first, page by page", async () => {
    const star = await yard.join("star");
    const crowd = [];
    for (let i = 0; i < 7; ++i) {
      const who = await yard.join("one");
      await who.put(`/users/${star.id}/follow`);
      await star.put(`/users/${who.id}/follow`);
      crowd.unshift(who.id);
      await sleep(2);
    }
    for (const list of ["followers", "following"]) {
      const found = await yard.client.all(`/users/${star.id}/${list}`, { limit: 3 });
      assert.deepEqual(
        found.map((person) => person.id),
        crowd,
      );
    }
    assertProblem(await yard.client.get("/users/1/followers"), 404, "not_found");
  });

  test("stay exact under a race", async () => {
    const star = await yard.join("racing");
    const crowd = await Promise.all(Array.from({ length: 10 }, () => yard.join("racer")));
    const path = `/users/${star.id}/follow`;
    await Promise.all(crowd.flatMap((who) => [who.put(path), who.delete(path), who.put(path)]));
    await Promise.all(crowd.map((who, i) => (i % 2 ? who.put(path) : who.delete(path))));
    assert.equal((await yard.client.get(`/users/${star.id}`)).json.follower_count, 5);
    assert.equal((await yard.client.all(`/users/${star.id}/followers`)).length, 5);
  });
});

describe("people search", () => {
  test("by the beginning or the inside of handle or name, in any case", async () => {
    const mark = `q${Date.now() % 100000}`;
    const first = await yard.join("x", { handle: `${mark}_Aa`, name: "윤슬기" });
    const second = await yard.join("x", { handle: `z_${mark}`, name: "Other" });
    const third = await yard.join("x", { handle: `z${mark}2`, name: `${mark} 윤슬` });
    const search = async (query) =>
      (await yard.client.all(`/users?query=${encodeURIComponent(query)}`, { limit: 2 })).map(
        (p) => p.id,
      );
    assert.deepEqual((await search(mark)).sort(), [first.id, second.id, third.id].sort());
    assert.equal((await search(mark.toUpperCase())).length, 3);
    assert.ok((await search("윤슬")).includes(first.id));
    assert.ok((await search("슬기")).includes(first.id));
    assert.ok((await search("윤슬".normalize("NFD"))).includes(third.id));
    assert.deepEqual(await search("%"), []);
    assert.deepEqual(await search(`${mark}%`), []);
    assert.deepEqual(await search("\\"), []);
    assertProblem(await yard.client.get("/users"), 422, "validation_failed", "query");
    assertProblem(await yard.client.get("/users?query="), 422, "validation_failed", "query");
    assertProblem(
      await yard.client.get(`/users?query=${"x".repeat(51)}`),
      422,
      "validation_failed",
      "query",
    );
    await first.delete("/me", { password: first.password });
    assert.ok(!(await search(mark)).includes(first.id), "the withdrawn are not found");
  });

  test("a profile by handle, in any case, percent-encoded", async () => {
    const person = await yard.join("x", { ...newPerson("한글이름") });
    const found = await yard.client.get(`/users/by-handle/${encodeURIComponent(person.handle)}`);
    assert.equal(found.json.id, person.id);
    assertProblem(await yard.client.get("/users/by-handle/nobody_here"), 404, "not_found");
    assertProblem(await yard.client.get("/users/by-handle/%ff"), 404, "not_found");
  });
});

describe("ranking", () => {
  test("is by likes and stable across pages, whatever happens meanwhile", async () => {
    const crowd = await Promise.all(Array.from({ length: 5 }, () => yard.join("voter")));
    const posts = [];
    for (let i = 0; i < 5; ++i) {
      const post = await write(anna, `순위 ${i}`);
      for (const who of crowd.slice(0, i + 1)) await who.put(`/posts/${post.id}/like`);
      posts.unshift(post.id);
    }
    const ours = async (list) => list.map((p) => p.id).filter((id) => posts.includes(id));
    assert.deepEqual(await ours(await yard.client.all("/posts/ranking")), posts);
    const first = (await yard.client.get("/posts/ranking?limit=2")).json;
    const last = posts.at(-1);
    for (const who of crowd) await who.put(`/posts/${last}/like`); // now it would be among the first
    const rest = [];
    for (let cursor = first.next_cursor; cursor; ) {
      const page = (await yard.client.get(`/posts/ranking?limit=2&cursor=${cursor}`)).json;
      rest.push(...page.items);
      cursor = page.next_cursor;
    }
    const walked = [...first.items, ...rest];
    assert.deepEqual(await ours(walked), posts, "the list that was begun goes on");
    assert.equal(new Set(walked.map((post) => post.id)).size, walked.length);
    await eventually("a new list knows the new likes", async () => {
      const now = await ours(await yard.client.all("/posts/ranking"));
      return now.indexOf(last) <= 1;
    });
  });

  test("a list goes on when the server starts anew, until its snapshot is no more", async () => {
    const first = (await yard.client.get("/posts/ranking?limit=1")).json;
    const again = async (meanwhile) => {
      await yard.server.stopOnly();
      await meanwhile?.();
      await yard.server.resume();
      yard.connect();
      for (const person of [anna, boram])
        Object.assign(person, { agent: yard.client.agent, base: yard.client.base });
      return yard.client.get(`/posts/ranking?limit=1&cursor=${first.next_cursor}`);
    };
    const second = await again();
    assert.equal(second.status, 200, second.text);
    assert.notEqual(second.json.items[0].id, first.items[0].id);

    const answer = await again(() => changeTables(yard.data, "delete from ranking_snapshots;"));
    const problem = assertProblem(answer, 422, "validation_failed", "cursor");
    assert.equal(problem.errors[0].code, "cursor_expired");
  });
});

test("at the end all counters equal their rows", async () => {
  await yard.server.stopOnly();
  assert.match(await yard.recount(), /^0 counters differ/);
  await yard.server.resume();
  yard.connect();
});
