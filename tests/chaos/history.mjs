// What clients were told, and what they were not told: the only truth the server is held to.
//
// A thing is `acked` (the answer came), `unknown` (the connection or the server went first: it may
// be there or not, but whole), `deleting` (a deletion without an answer) or `deleted`.
export class History {
  posts = new Map(); // what the text says -> {author, text, state, id?, media, key}
  comments = new Map(); // what the text says -> {author, text, post, state, id?, key}
  likes = new Map(); // "account post" -> {account, post, on, certain}
  follows = new Map(); // "account other" -> {account, other, on, certain}
  media = new Map(); // id -> {owner, state: "sent" | "ready" | "unknown"}
  ids = []; // every id that was acknowledged: {id, round, walker, first: at the first attempt}
  acknowledged = 0;
  unknown = 0;

  note(what) {
    this.ids.push(what);
  }

  // A switch (like, follow) that was asked to be on or off; `certain` when the answer came.
  turn(map, account, thing, on, certain) {
    map.set(`${account} ${thing}`, { account, thing, on, certain });
  }

  // Whether a post of this id may be missing for a reason the clients know.
  mayBeGone(id) {
    for (const post of this.posts.values())
      if (post.id === id) return post.state === "deleting" || post.state === "deleted";
    return false;
  }

  summary() {
    const count = (map, state) => [...map.values()].filter((thing) => thing.state === state).length;
    return (
      `${this.acknowledged} acknowledged, ${this.unknown} without an answer: ` +
      `${count(this.posts, "acked")} posts, ${count(this.comments, "acked")} comments, ` +
      `${[...this.likes.values()].filter((like) => like.on).length} likes, ` +
      `${[...this.follows.values()].filter((follow) => follow.on).length} follows, ` +
      `${count(this.media, "ready")} pictures, ${count(this.posts, "deleted")} deleted posts`
    );
  }
}
