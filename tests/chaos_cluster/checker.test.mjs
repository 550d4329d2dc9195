// The checker can fail: each kind of lie is told to it once, and it names it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "./checker.mjs";

const [ann, ben] = [1, 2];
const done = (what) => ({ via: "haproxy", outcome: "done", ...what });
const unknown = (what) => ({ via: "haproxy", outcome: "unknown", ...what });
const post = (id, author, more = {}) => ({
  id,
  text: `post ${id}`,
  author: { id: author },
  media: [],
  like_count: 0,
  comment_count: 0,
  ...more,
});

// Ann wrote post 10, Ben likes it, comments on it and follows her; everything is as it should be.
function story() {
  const requests = [
    done({ who: ann, what: "post", text: "post 10", id: 10 }),
    done({ who: ben, what: "like", post: 10, on: true }),
    done({ who: ben, what: "comment", post: 10, text: "comment 20", id: 20 }),
    done({ who: ben, what: "follow", other: ann, on: true }),
    done({ who: ann, what: "see_feed", ids: [10], complete: true }),
    done({ who: ben, what: "see_post", post: 10, liked: true, like_count: 1 }),
  ];
  const heard = new Map([[ann, [30, 31, 32].map((id) => ({ id, type: "notification" }))]]);
  const final = {
    posts: new Map([
      [ann, [post(10, ann, { like_count: 1, comment_count: 1 })]],
      [ben, []],
    ]),
    comments: new Map([[10, [{ id: 20, text: "comment 20", author: { id: ben } }]]]),
    likes: new Map([
      [ann, []],
      [ben, [10]],
    ]),
    following: new Map([
      [ann, []],
      [ben, [ann]],
    ]),
    users: new Map([
      [ann, { post_count: 1, following_count: 0, follower_count: 1 }],
      [ben, { post_count: 0, following_count: 1, follower_count: 0 }],
    ]),
    feeds: new Map([
      [ann, [10]],
      [ben, [10]],
    ]),
    notifications: new Map([
      [
        ann,
        [
          { id: 32, type: "follow", actor_count: 1 },
          { id: 31, type: "comment", post: { id: 10 }, actor_count: 1 },
          { id: 30, type: "like", post: { id: 10 }, actor_count: 1 },
        ],
      ],
      [ben, []],
    ]),
  };
  return { requests, heard, final };
}

// The rules that are broken once `change` was made to the story.
function rules(change) {
  const told = story();
  change(told);
  return [...new Set(check(told, told.final).map(({ rule }) => rule))].sort();
}

test("an honest server has nothing to fear", () => {
  assert.deepEqual(
    rules(() => {}),
    [],
  );
});

test("what had no answer may be there or not", () => {
  const written = ({ requests }) =>
    requests.push(unknown({ who: ben, what: "post", text: "post 11" }));
  assert.deepEqual(rules(written), []);
  const there = (told) => {
    written(told);
    told.final.posts.get(ben).push(post(11, ben));
    told.final.comments.set(11, []);
    told.final.users.get(ben).post_count = 1;
    told.final.feeds.set(ben, [11, 10]);
  };
  assert.deepEqual(rules(there), []);
  const unliked = (told) => {
    told.requests.push(unknown({ who: ben, what: "like", post: 10, on: false }));
    told.final.likes.set(ben, []);
    told.final.posts.get(ann)[0].like_count = 0;
    told.final.notifications.get(ann).pop();
  };
  assert.deepEqual(rules(unliked), []);
});

const lies = {
  "a post is lost": [
    "lost",
    ({ final }) => {
      final.posts.set(ann, []);
      final.comments.clear();
      final.likes.set(ben, []);
      final.users.get(ann).post_count = 0;
      final.feeds.set(ann, []).set(ben, []);
      final.notifications.set(ann, [{ id: 32, type: "follow", actor_count: 1 }]);
    },
  ],
  "a comment is lost": [
    "lost",
    ({ final }) => {
      final.comments.set(10, []);
      final.posts.get(ann)[0].comment_count = 0;
      final.notifications.get(ann).splice(1, 1);
    },
  ],
  "a like is lost": [
    "counter",
    "lost",
    ({ final }) => {
      final.likes.set(ben, []);
      final.posts.get(ann)[0].like_count = 0;
      final.notifications.get(ann).pop();
    },
  ],
  "a follow is lost": [
    "lost",
    ({ final }) => {
      final.following.set(ben, []);
      final.users.get(ben).following_count = 0;
      final.users.get(ann).follower_count = 0;
      final.feeds.set(ben, []);
      final.notifications.get(ann).shift();
    },
  ],
  "a picture is lost": [
    "lost",
    ({ requests }) => {
      requests[0].media = [7];
    },
  ],
  "a post is there twice": [
    "doubled",
    ({ final }) => {
      final.posts.set(ann, [post(12, ann, { text: "post 10" }), final.posts.get(ann)[0]]);
      final.comments.set(12, []);
      final.users.get(ann).post_count = 2;
      final.feeds.set(ann, [12, 10]).set(ben, [12, 10]);
    },
  ],
  "one key was answered with two posts": [
    "doubled",
    ({ requests }) => {
      requests.push(done({ who: ann, what: "post", text: "post 10", id: 11 }));
    },
  ],
  "a post nobody wrote": [
    "phantom",
    ({ final }) => {
      final.posts.set(ben, [post(11, ben)]);
      final.comments.set(11, []);
      final.users.get(ben).post_count = 1;
      final.feeds.set(ben, [11, 10]);
    },
  ],
  "a like nobody gave": [
    "counter",
    "phantom",
    ({ final }) => {
      final.likes.set(ann, [10]);
      final.posts.get(ann)[0].like_count = 2;
    },
  ],
  "a deleted post is back": [
    "undeleted",
    ({ requests }) => {
      requests.push(done({ who: ann, what: "delete", post: 10 }));
    },
  ],
  "a count is too high for its rows": [
    "counter",
    ({ final }) => {
      final.posts.get(ann)[0].like_count = 2;
    },
  ],
  "a count of followers is off": [
    "counter",
    ({ final }) => {
      final.users.get(ann).follower_count = 0;
    },
  ],
  "a count of comments is off": [
    "counter",
    ({ final }) => {
      final.posts.get(ann)[0].comment_count = 0;
    },
  ],
  "a feed lacks a post": [
    "missing",
    ({ final }) => {
      final.feeds.set(ben, []);
    },
  ],
  "a feed has a post twice": [
    "doubled",
    "order",
    ({ final }) => {
      final.feeds.set(ben, [10, 10]);
    },
  ],
  "a feed has a stranger's post": [
    "phantom",
    ({ final }) => {
      final.feeds.set(ann, [11, 10]);
    },
  ],
  "a notification is told twice": [
    "doubled",
    "notification",
    ({ final }) => {
      final.notifications.get(ann).push({ id: 30, type: "like", post: { id: 10 }, actor_count: 1 });
    },
  ],
  "a notification counts one person twice": [
    "notification",
    ({ final }) => {
      final.notifications.get(ann)[2].actor_count = 2;
    },
  ],
  "a notification is missing": [
    "notification",
    ({ final }) => {
      final.notifications.get(ann).pop();
    },
  ],
  "a stream says a thing twice": [
    "stream",
    ({ heard }) => {
      heard.get(ann).push({ id: 32, type: "notification" });
    },
  ],
  "a stream leaves a thing out": [
    "stream",
    ({ heard }) => {
      heard.get(ann).splice(1, 1);
    },
  ],
  "one's own post is not in one's feed": [
    "own write",
    ({ requests }) => {
      requests.push(done({ who: ann, what: "see_feed", ids: [], complete: true }));
    },
  ],
  "one's own post is not found": [
    "own write",
    ({ requests }) => {
      requests.push({
        who: ann,
        what: "see_post",
        via: "x",
        post: 10,
        outcome: "refused",
        status: 404,
      });
    },
  ],
  "one's own like is not seen": [
    "own write",
    ({ requests }) => {
      requests.push(done({ who: ben, what: "see_post", post: 10, liked: false, like_count: 0 }));
    },
  ],
  "one's own like is seen and not counted": [
    "own write",
    ({ requests }) => {
      requests.push(done({ who: ben, what: "see_post", post: 10, liked: true, like_count: 0 }));
    },
  ],
  "one's own follow is not seen": [
    "own write",
    ({ requests }) => {
      requests.push(done({ who: ben, what: "see_user", other: ann, following: false }));
    },
  ],
  "one's own comment is not seen": [
    "own write",
    ({ requests }) => {
      requests.push(done({ who: ben, what: "see_comments", post: 10, ids: [], complete: true }));
    },
  ],
  "a page shows a post twice": [
    "doubled",
    ({ requests }) => {
      requests.push(done({ who: ann, what: "see_feed", ids: [10, 10], complete: true }));
    },
  ],
  "a page is out of order": [
    "order",
    ({ requests }) => {
      requests.push(done({ who: ben, what: "see_feed", ids: [10, 11], complete: true }));
    },
  ],
  "what anybody may is refused": [
    "refused",
    ({ requests }) => {
      requests.push({
        who: ann,
        what: "post",
        via: "x",
        text: "post 13",
        outcome: "refused",
        status: 401,
        code: "unauthenticated",
      });
    },
  ],
  "an acknowledged post cannot be liked": [
    "refused",
    ({ requests }) => {
      requests.push({
        who: ann,
        what: "like",
        via: "x",
        post: 10,
        on: true,
        outcome: "refused",
        status: 404,
        code: "not_found",
      });
    },
  ],
};

for (const [what, told] of Object.entries(lies))
  test(what, () => assert.deepEqual(rules(told.at(-1)), told.slice(0, -1)));
