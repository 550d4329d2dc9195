// Holds what clients were told against what they saw and what is there in the end. Pure: a history and
// a final reading in, violations out ([{rule, text}]; none when all is well). Knows nothing of servers.
//
// final: {posts: author -> [post], comments: post -> [comment], likes: who -> [post id],
//         following: who -> [id], users: id -> profile, feeds: who -> [post id],
//         notifications: who -> [{id, type, post, actor_count}]}, each complete.

export const check = (history, final) => [...checkMeanwhile(history), ...checkEnd(history, final)];

// What was seen while it happened.
export function checkMeanwhile({ requests }) {
  const { found, say } = violations();
  checkRefusals(requests, knowledge(requests), say);
  checkOwnWrites(requests, say);
  checkPages(requests, say);
  return found;
}

// What is there in the end.
export function checkEnd(history, final) {
  const { found, say } = violations();
  const known = knowledge(history.requests);
  checkThings("post", known.posts, [...final.posts.values()].flat(), known, say);
  checkThings("comment", known.comments, [...final.comments.values()].flat(), known, say);
  checkSwitches(known, final, say);
  checkCounters(known, final, say);
  checkFeeds(final, say);
  checkNotifications(history, final, say);
  return found;
}

function violations() {
  const found = [];
  return { found, say: (rule, text) => found.push({ rule, text }) };
}

// ---- what the requests tell

// A deletion that was asked for: "maybe" until it was answered.
const deletionOf = (before, request) =>
  request.outcome === "done" || before === "done"
    ? "done"
    : request.outcome === "unknown"
      ? "maybe"
      : before;

// What a switch may be: a request without an answer may still take effect after a later one that was
// answered.
export class Switch {
  certain = false;
  late = new Set();
  turn({ on, outcome }) {
    if (outcome === "done") this.certain = on;
    if (outcome === "unknown") this.late.add(on);
  }
  may(on) {
    return this.certain === on || this.late.has(on);
  }
  get sure() {
    return !this.late.has(!this.certain);
  }
}

const at = (map, key, make) => {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
};

// {posts, comments: text -> {who, text, post?, ids, outcome}, deleted: post id -> "maybe" | "done",
//  likes, follows: "who thing" -> Switch}
function knowledge(requests) {
  const known = {
    posts: new Map(),
    comments: new Map(),
    deleted: new Map(),
    likes: new Map(),
    follows: new Map(),
  };
  for (const request of requests) take(known, request);
  return known;
}

function take(known, request) {
  const { who, what } = request;
  if (what === "post" || what === "comment") {
    const things = what === "post" ? known.posts : known.comments;
    const thing = at(things, request.text, () => ({
      who,
      text: request.text,
      post: request.post,
      media: request.media,
      ids: new Set(),
      acked: false,
      tried: false,
    }));
    thing.tried ||= request.outcome !== "refused";
    if (request.outcome !== "done") return;
    thing.acked = true;
    thing.ids.add(request.id);
  }
  if (what === "delete")
    known.deleted.set(request.post, deletionOf(known.deleted.get(request.post), request));
  if (what === "like") at(known.likes, `${who} ${request.post}`, () => new Switch()).turn(request);
  if (what === "follow")
    at(known.follows, `${who} ${request.other}`, () => new Switch()).turn(request);
}

// ---- in the end

function checkThings(kind, expected, there, known, say) {
  const byText = new Map();
  for (const thing of there) at(byText, thing.text, () => []).push(thing);
  for (const [text, things] of byText) {
    const one = expected.get(text);
    if (things.length > 1) say("doubled", `${kind} "${text}" is there ${things.length} times`);
    if (!one?.tried) {
      say("phantom", `${kind} "${text}" was never written`);
      continue;
    }
    for (const thing of things) {
      if (thing.author.id !== one.who)
        say("phantom", `${kind} "${text}" is by ${thing.author.id}, not ${one.who}`);
      if (one.acked && !one.ids.has(thing.id))
        say("doubled", `${kind} "${text}" is ${thing.id}, not ${[...one.ids]}`);
      if (kind === "post" && known.deleted.get(thing.id) === "done")
        say("undeleted", `post ${thing.id}`);
      if (kind === "post" && thing.media.length !== (one.media?.length ?? 0))
        say("lost", `pictures of post ${thing.id}`);
    }
  }
  for (const [text, { acked, ids, post }] of expected) {
    if (ids.size > 1)
      say("doubled", `${kind} "${text}" was acknowledged as ${[...ids].join(" and ")}`);
    const gone =
      kind === "post" ? [...ids].some((id) => known.deleted.has(id)) : known.deleted.has(post);
    if (acked && !gone && !byText.has(text)) say("lost", `${kind} "${text}" (${[...ids]})`);
  }
}

function checkSwitches(known, final, say) {
  const compare = (kind, switches, there, mayBeGone) => {
    for (const [key, one] of switches) {
      const [who, thing] = key.split(" ").map(Number);
      if (mayBeGone(thing)) continue;
      const on = there.get(who).includes(thing);
      if (!one.may(on)) say(on ? "phantom" : "lost", `${kind} of ${thing} by ${who}`);
    }
    for (const [who, things] of there) {
      if (new Set(things).size < things.length) say("doubled", `${kind}s of ${who}`);
      for (const thing of things)
        if (!switches.has(`${who} ${thing}`)) say("phantom", `${kind} of ${thing} by ${who}`);
    }
  };
  compare("like", known.likes, final.likes, (post) => known.deleted.has(post));
  compare("follow", known.follows, final.following, () => false);
}

// Every count is within what the history allows, and what the rows say.
function checkCounters(known, final, say) {
  const likes = (post, holds) =>
    [...known.likes].filter(([key, one]) => key.endsWith(` ${post}`) && holds(one)).length;
  const rows = [...final.likes.values()].flat();
  for (const post of [...final.posts.values()].flat()) {
    const least = likes(post.id, (one) => one.certain && one.sure);
    const most = likes(post.id, (one) => one.may(true));
    if (post.like_count < least || post.like_count > most)
      say("counter", `${post.like_count} likes of post ${post.id}, not ${least} to ${most}`);
    const liking = rows.filter((id) => id === post.id).length;
    if (post.like_count !== liking)
      say("counter", `${post.like_count} likes of post ${post.id} with ${liking} rows`);
    const comments = final.comments.get(post.id).length;
    if (post.comment_count !== comments)
      say("counter", `${post.comment_count} comments on post ${post.id} with ${comments} rows`);
  }
  const followers = [...final.following.values()].flat();
  for (const [id, profile] of final.users) {
    const expected = {
      post_count: final.posts.get(id).length,
      following_count: final.following.get(id).length,
      follower_count: followers.filter((other) => other === id).length,
    };
    for (const [name, count] of Object.entries(expected))
      if (profile[name] !== count)
        say("counter", `${name} of ${id} is ${profile[name]}, not ${count}`);
  }
}

// Everybody's feed: each post of those they follow and of their own exactly once, the newest first.
function checkFeeds(final, say) {
  for (const [who, feed] of final.feeds) {
    const authors = [who, ...final.following.get(who)];
    const expected = new Set(
      authors.flatMap((author) => final.posts.get(author).map(({ id }) => id)),
    );
    const there = new Set(feed);
    if (there.size < feed.length)
      say("doubled", `${feed.length - there.size} posts in the feed of ${who}`);
    for (const id of expected)
      if (!there.has(id)) say("missing", `post ${id} in the feed of ${who}`);
    for (const id of there)
      if (!expected.has(id)) say("phantom", `post ${id} in the feed of ${who}`);
    if (feed.some((id, i) => i > 0 && id >= feed[i - 1])) say("order", `the feed of ${who}`);
  }
}

// Nobody has read theirs: one line for the likes of a post, one for its comments, and the followers of
// each day, each counting everybody concerned once. What the stream told is told once and in order, and
// every line that is there was told.
function checkNotifications({ heard }, final, say) {
  for (const [who, list] of final.notifications) {
    const expected = new Map();
    for (const post of final.posts.get(who)) {
      const others = [...final.likes].filter(
        ([id, posts]) => id !== who && posts.includes(post.id),
      );
      const speaking = new Set(final.comments.get(post.id).map(({ author }) => author.id));
      speaking.delete(who);
      if (others.length > 0) expected.set(`like ${post.id}`, others.length);
      if (speaking.size > 0) expected.set(`comment ${post.id}`, speaking.size);
    }
    const followers = [...final.following.values()].flat().filter((id) => id === who).length;
    if (followers > 0) expected.set("follow", followers);
    const told = new Map();
    for (const { type, post, actor_count } of list) {
      const line = post ? `${type} ${post.id}` : type;
      if (told.has(line) && type !== "follow") say("doubled", `notification "${line}" of ${who}`);
      told.set(line, (told.get(line) ?? 0) + actor_count);
    }
    for (const line of new Set([...expected.keys(), ...told.keys()])) {
      const [is, should] = [told.get(line) ?? 0, expected.get(line) ?? 0];
      if (is !== should) say("notification", `"${line}" of ${who} counts ${is}, not ${should}`);
    }
    if (heard.has(who)) checkStream(who, heard.get(who), list, say);
  }
}

function checkStream(who, events, list, say) {
  const stored = events.filter(({ type }) => type === "notification");
  for (let i = 1; i < stored.length; ++i)
    if (stored[i].id <= stored[i - 1].id)
      say("stream", `${who} heard ${stored[i].id} after ${stored[i - 1].id}`);
  if (events.some(({ type }) => type === "reset")) return; // told to load the list anew
  const ids = new Set(stored.map(({ id }) => id));
  for (const { id } of list)
    if (!ids.has(id)) say("stream", `${who} never heard of notification ${id}`);
}

// ---- all the time

// Everybody asks for what they may, and writes on what was acknowledged: only what somebody deletes can
// be refused. (Of another's post a replica may not have heard yet.)
function checkRefusals(requests, known, say) {
  for (const { who, what, post, via, status, code, outcome } of requests)
    if (
      outcome === "refused" &&
      !(status === 404 && (known.deleted.has(post) || what === "see_post"))
    )
      say(
        "refused",
        `${what}${post ? ` of post ${post}` : ""} of ${who} by ${via}: ${status} ${code}`,
      );
}

// Whoever was told that a thing is done sees it done, in every answer to a question that came later.
function checkOwnWrites(requests, say) {
  const people = new Map();
  for (const request of requests) {
    const mine = at(people, request.who, () => ({
      posts: new Set(),
      comments: new Map(),
      deleted: new Map(),
      likes: new Map(),
      follows: new Map(),
    }));
    if (request.what.startsWith("see_")) {
      if (request.outcome !== "unknown") checkSeen(mine, request, say);
    } else {
      remember(mine, request);
    }
  }
}

function remember(mine, request) {
  const done = request.outcome === "done";
  if (request.what === "post" && done) mine.posts.add(request.id);
  if (request.what === "comment" && done)
    at(mine.comments, request.post, () => new Set()).add(request.id);
  if (request.what === "delete")
    mine.deleted.set(request.post, deletionOf(mine.deleted.get(request.post), request));
  if (request.what === "like") at(mine.likes, request.post, () => new Switch()).turn(request);
  if (request.what === "follow") at(mine.follows, request.other, () => new Switch()).turn(request);
}

function checkSeen(mine, seen, say) {
  const tell = (what) =>
    say(
      "own write",
      `${seen.who} does not see ${what} (${seen.what} by ${seen.via} at ${Math.round(seen.begin)})`,
    );
  const there = (post) => mine.posts.has(post) && !mine.deleted.has(post);
  if (seen.what === "see_post") {
    if (there(seen.post) && seen.outcome === "refused") tell(`post ${seen.post}`);
    if (seen.outcome !== "done") return;
    if (mine.deleted.get(seen.post) === "done") tell(`the deletion of ${seen.post}`);
    const like = mine.likes.get(seen.post);
    if (like?.sure && seen.liked !== like.certain)
      tell(`${like.certain ? "" : "the end of "}a like of ${seen.post}`);
    if (seen.liked && seen.like_count < 1) tell(`its own like counted at ${seen.post}`);
  }
  if (seen.outcome !== "done") return;
  if (seen.what === "see_user") {
    const follow = mine.follows.get(seen.other);
    if (follow?.sure && seen.following !== follow.certain)
      tell(`${follow.certain ? "" : "the end of "}a follow of ${seen.other}`);
  }
  if (seen.what === "see_comments" && seen.complete)
    for (const id of mine.comments.get(seen.post) ?? [])
      if (!seen.ids.includes(id)) tell(`comment ${id}`);
  if (seen.what === "see_mine" || seen.what === "see_feed") {
    const oldest = seen.complete ? 0 : seen.ids.at(-1);
    for (const post of mine.posts)
      if (there(post) && post > oldest && !seen.ids.includes(post)) tell(`post ${post}`);
    for (const post of seen.ids)
      if (mine.deleted.get(post) === "done") tell(`the deletion of ${post}`);
  }
}

// No page shows a thing twice or out of order.
function checkPages(requests, say) {
  for (const { what, who, ids, outcome } of requests) {
    if (outcome !== "done" || (what !== "see_feed" && what !== "see_mine")) continue;
    if (new Set(ids).size < ids.length) say("doubled", `a post on a page (${what}) of ${who}`);
    else if (ids.some((id, i) => i > 0 && id > ids[i - 1]))
      say("order", `a page (${what}) of ${who}`);
  }
}
