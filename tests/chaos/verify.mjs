// Holds the server against what the clients were told.
import assert from "node:assert/strict";
import { eventually } from "../e2e/support/yard.mjs";
import { randomOf } from "./random.mjs";

// Everything that can be read, once: {posts: author -> [post], comments: post -> [comment], ...}.
export async function readAll({ client }, people) {
  const ids = (things) => things.map(({ id }) => id);
  const each = async (list, read) =>
    new Map(await Promise.all(list.map(async (one) => [one.id, await read(one)])));
  const ofEach = (path) => each(people, (person) => client.as(person.token).all(path(person)));
  const posts = await ofEach(({ id }) => `/users/${id}/posts`);
  const likes = await ofEach(() => "/me/likes");
  const following = await ofEach(({ id }) => `/users/${id}/following`);
  const all = [...posts.values()].flat();
  const comments = await each(all, ({ id }) => client.all(`/posts/${id}/comments`));
  for (const map of [likes, following]) for (const [id, things] of map) map.set(id, ids(things));
  return { posts, comments, likes, following };
}

// Every acknowledged thing is there as it was acknowledged; what is there, somebody asked for; what
// went without an answer is there whole or not at all, and never twice.
function assertTexts(kind, expected, there) {
  const byText = Map.groupBy ? Map.groupBy(there, (thing) => thing.text) : group(there);
  for (const [text, things] of byText) {
    assert.equal(things.length, 1, `${kind} "${text}" is there ${things.length} times`);
    const known = expected.get(text);
    assert.ok(known, `${kind} "${text}" was never written`);
    assert.equal(things[0].author.id, known.author);
    assert.notEqual(known.state, "deleted", `${kind} "${text}" was deleted`);
    if (known.id !== undefined) assert.equal(things[0].id, known.id);
    if (known.post !== undefined) assert.equal(things[0].post_id, known.post);
    if (known.media !== undefined)
      assert.deepEqual(
        things[0].media.map((m) => m.id),
        known.media,
      );
  }
  return byText;
}

function group(things) {
  const groups = new Map();
  for (const thing of things) groups.set(thing.text, [...(groups.get(thing.text) ?? []), thing]);
  return groups;
}

export function verifyThings(history, found) {
  const posts = assertTexts("post", history.posts, [...found.posts.values()].flat());
  for (const [text, { state }] of history.posts)
    if (state === "acked") assert.ok(posts.has(text), `post "${text}" is lost`);
  const comments = assertTexts("comment", history.comments, [...found.comments.values()].flat());
  for (const [text, { state, post }] of history.comments)
    if (state === "acked" && !history.mayBeGone(post))
      assert.ok(comments.has(text), `comment "${text}" is lost`);
}

export function verifySwitches(history, found) {
  for (const { account, thing, on, certain } of history.likes.values())
    if (certain && !history.mayBeGone(thing))
      assert.equal(found.likes.get(account).includes(thing), on, `like of ${thing} by ${account}`);
  for (const { account, thing, on, certain } of history.follows.values())
    if (certain)
      assert.equal(found.following.get(account).includes(thing), on, `${account} follows ${thing}`);
  const wished = (map, account, thing) => map.get(`${account} ${thing}`);
  for (const [account, posts] of found.likes)
    for (const post of posts) assert.ok(wished(history.likes, account, post), "a like nobody gave");
  for (const [account, others] of found.following)
    for (const other of others)
      assert.ok(wished(history.follows, account, other), "a follow nobody asked for");
}

// What posts say of themselves is what the rows behind say.
export function verifyCounts(found) {
  const likes = [...found.likes.values()].flat();
  for (const post of [...found.posts.values()].flat()) {
    assert.equal(
      post.like_count,
      likes.filter((id) => id === post.id).length,
      `likes of ${post.id}`,
    );
    assert.equal(post.comment_count, found.comments.get(post.id).length, `comments of ${post.id}`);
  }
}

// Everybody's feed through all its pages: each post of those they follow and of themselves exactly
// once, the newest first.
export async function verifyFeeds(yard, people, found, what) {
  const random = randomOf(7, what.length);
  for (const person of people) {
    const authors = [person.id, ...found.following.get(person.id)];
    const expected = authors
      .flatMap((author) => found.posts.get(author).map((post) => post.id))
      .sort((a, b) => b - a);
    const limit = random.between(5, 100);
    const items = await yard.client.as(person.token).all("/feed?mark_seen=0", { limit });
    assert.deepEqual(
      items.map((item) => item.post.id),
      expected,
      `feed of ${person.handle}, ${what}, ${limit} a page`,
    );
  }
}

export async function verifyMedia(yard, people, history) {
  const owners = new Map(people.map((person) => [person.id, yard.client.as(person.token)]));
  const gone = new Set(
    [...history.posts.values()]
      .filter((post) => post.state.startsWith("delet"))
      .flatMap((post) => post.media),
  );
  for (const [id, { owner, state }] of history.media) {
    if (gone.has(id)) continue; // with the post it was in
    const client = owners.get(owner);
    if (state === "sent")
      await eventually(`picture ${id} is made from what was acknowledged`, async () => {
        const answer = await client.post(`/media/${id}/complete`, {});
        assert.ok([200, 202].includes(answer.status), `${id}: ${answer.text}`);
        return answer.json.state === "ready";
      });
    const medium = (await client.get(`/media/${id}`)).json;
    assert.equal(medium.state, "ready", `picture ${id}`);
    const { pathname, search } = new URL(medium.url, yard.url);
    const served = await yard.client.request("GET", pathname + search);
    assert.equal(served.status, 200, `${id}: ${medium.url}`);
    assert.match(served.headers["content-type"], /^image\//);
    assert.ok(served.bytes.length > 50);
  }
}

// Nobody has read theirs, so there is one line for the likes of a post, one for its comments and one
// for the followers of a day, each counting everybody concerned once.
export async function verifyNotifications(yard, people, found) {
  for (const person of people) {
    const others = people.filter((other) => other.id !== person.id);
    const expected = {};
    for (const post of found.posts.get(person.id)) {
      const liking = others.filter((other) => found.likes.get(other.id).includes(post.id)).length;
      const commenting = new Set(
        found.comments
          .get(post.id)
          .map((c) => c.author.id)
          .filter((id) => id !== person.id),
      ).size;
      if (liking > 0) expected[`like ${post.id}`] = liking;
      if (commenting > 0) expected[`comment ${post.id}`] = commenting;
    }
    const followers = others.filter((other) =>
      found.following.get(other.id).includes(person.id),
    ).length;
    if (followers > 0) expected.follow = followers;
    let told;
    const read = async () => {
      told = {};
      for (const item of await yard.client.as(person.token).all("/notifications")) {
        const line = item.post ? `${item.type} ${item.post.id}` : item.type;
        if (line in told && item.type !== "follow") return false;
        told[line] = (told[line] ?? 0) + item.actor_count;
      }
      return (
        JSON.stringify(Object.entries(told).sort()) ===
        JSON.stringify(Object.entries(expected).sort())
      );
    };
    await eventually(`notifications of ${person.handle}`, read).catch(() =>
      assert.deepEqual(told, expected, `notifications of ${person.handle}`),
    );
  }
}

// No number twice; those given at a first attempt rise for each client, and from one life of the
// server to the next. (A later attempt may be told the number of an earlier one.)
export function verifyIds(history) {
  assert.equal(
    new Set(history.ids.map(({ id }) => id)).size,
    history.ids.length,
    "an id was given twice",
  );
  const newest = new Map();
  let before = 0;
  let highest = 0;
  let life = 0;
  for (const { id, round, walker, first } of history.ids) {
    if (round !== life) [life, before] = [round, highest];
    highest = Math.max(highest, id);
    if (!first) continue;
    assert.ok(
      id > (newest.get(walker) ?? 0),
      `${id} came to client ${walker} after ${newest.get(walker)}`,
    );
    assert.ok(id > before, `${id} of life ${round} is below ${before} of the one before`);
    newest.set(walker, id);
  }
}

// What the rows say among each other, the server stopped.
export async function verifyRows(tables) {
  assert.deepEqual(await tables.damage(), []);
  const none = {
    "a like of nothing":
      "select count(*) from post_likes where post_id not in (select id from posts);",
    "a like of nobody":
      "select count(*) from post_likes where account_id not in (select id from accounts);",
    "a comment on nothing":
      "select count(*) from comments where post_id not in (select id from posts);",
    "a picture of nothing":
      "select count(*) from post_media where post_id not in (select id from posts);",
    "a post's picture that is not its": `select count(*) from post_media p join posts o on o.id = p.post_id where o.state = 0
       and not exists (select 1 from media m where m.id = p.media_id and m.user_id = p.post_id and m.owner_id = o.author_id);`,
    "a profile without an account":
      "select count(*) from social_profiles where account_id not in (select id from accounts);",
    "an account without a profile":
      "select count(*) from accounts where id not in (select account_id from social_profiles);",
    "a follow of oneself": "select count(*) from follows where follower_id = followee_id;",
    "an answer without its effect": `select count(*) from idempotency_keys where route = '/api/v1/posts' and not exists
       (select 1 from outbox where type = 'post.created' and aggregate = json_extract(answer, '$.id'));`,
  };
  for (const [what, sql] of Object.entries(none)) assert.equal(await tables.value(sql), 0, what);
  const parked = await tables.query(
    "select subscriber, seq, type, reason from event_parked order by seq;",
  );
  assert.deepEqual(parked, [], "an event set aside");
}
