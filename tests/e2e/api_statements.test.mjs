// No query per row: however long the page, a request costs the same number of SQL statements. They are
// counted by the server itself (madang_db_statement_cache_total: every statement that is run asks the
// cache once). The caches in front of SQL are kept too small to help.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Yard } from "./support/yard.mjs";

let yard, me, people, posts, other;

const env = {
  MADANG_SOCIAL__CACHED_POSTS: "32", // one a shard: nothing is found again
  MADANG_SOCIAL__CACHED_VIEWERS: "32",
  MADANG_SOCIAL__RANKING_INTERVAL: "0s",
};

before(async () => {
  yard = await Yard.open({ env });
  me = await yard.join("me");
  people = [];
  posts = [];
  for (let i = 0; i < 6; i++) people.push(await yard.join(`p${i}`));
  for (const person of people) {
    await me.put(`/users/${person.id}/follow`);
    await person.put(`/users/${me.id}/follow`);
  }
  for (let i = 0; i < 120; i++) {
    const author = people[i % people.length];
    posts.push((await author.create("/posts", { text: `글 ${i}` })).json.id);
  }
  // What is read between two measurements, so that nothing is found in a cache.
  const crowd = await yard.join("crowd");
  other = crowd.id;
  for (let i = 0; i < 150; i++) await crowd.create("/posts", { text: `군중 ${i}` });
  for (const post of posts) await me.put(`/posts/${post}/like`);
  for (let i = 0; i < 48; i++) await people[i % 6].create(`/posts/${posts[0]}/comments`, { text: `말 ${i}` });
});
after(() => yard.close());

async function statements() {
  const answer = await yard.client.request("GET", "/metrics");
  let sum = 0;
  for (const [, value] of answer.text.matchAll(/^madang_db_statement_cache_total\{[^}]*\} (\S+)$/gm))
    sum += Number(value);
  assert.ok(sum > 0, "the metric is there");
  return sum;
}

// Background work runs statements too: the least of several tries is the request's own.
async function cost(path) {
  let least = Infinity;
  for (let i = 0; i < 6; i++) {
    await yard.client.get(`/users/${other}/posts?limit=100`);
    const start = await statements();
    const answer = await me.get(path);
    assert.equal(answer.status, 200, answer.text);
    least = Math.min(least, (await statements()) - start);
  }
  return least;
}

const lists = {
  "the feed": () => "/feed?mark_seen=0&",
  "a person's posts": () => `/users/${people[0].id}/posts?`,
  "posts I like": () => "/me/likes?",
  comments: () => `/posts/${posts[0]}/comments?`,
  followers: () => `/users/${me.id}/followers?`,
  following: () => `/users/${me.id}/following?`,
  people: () => "/users?query=p&",
  notifications: () => "/notifications?",
  ranking: () => "/posts/ranking?",
};

for (const [name, path] of Object.entries(lists)) {
  test(`${name}: a long page costs as many statements as a short one`, async () => {
    const short = await cost(`${path()}limit=3`);
    const long = await cost(`${path()}limit=50`);
    assert.ok(long <= short + 1, `${short} for 3 items, ${long} for 50`);
    assert.ok(long <= 25, `${long} statements`);
  });
}
