// A client that does one thing after the other as fast as it is answered, and writes down what it
// was told.
import assert from "node:assert/strict";
import { png } from "../e2e/support/png.mjs";
import { sleep } from "../e2e/support/yard.mjs";
import { randomOf } from "./random.mjs";

const doings = [
  [22, "writePost"],
  [24, "like"],
  [6, "unlike"],
  [16, "writeComment"],
  [8, "follow"],
  [3, "unfollow"],
  [3, "deletePost"],
  [3, "deleteComment"],
  [3, "postPicture"],
  [10, "readFeed"],
];

export class Walker {
  constructor(number, person, yard, history, everyone) {
    Object.assign(this, { number, person, yard, history, everyone });
    this.random = randomOf(1000, number);
    this.unanswered = []; // posts and comments to try again under their keys
    this.serial = 0;
    this.round = 0;
  }

  get client() {
    return this.yard.client.as(this.person.token);
  }

  // Until the server is gone.
  async walk(round) {
    this.round = round;
    this.over = false;
    while (!this.over) {
      const retry = this.unanswered.length > 0 && this.random.chance(0.5);
      await (retry ? this.tryAgain() : this[this.random.weighted(doings)]());
    }
  }

  // The answer; nothing when it never came or said that the server could not. `allowed`: other
  // statuses that are no surprise.
  async ask(send, allowed = []) {
    let answer;
    try {
      answer = await send();
    } catch {
      this.over = true;
    }
    if (answer && answer.status < 300) {
      ++this.history.acknowledged;
      return answer;
    }
    if (answer && allowed.includes(answer.status)) return answer;
    assert.ok(!answer || answer.status >= 500, `${answer?.status} ${answer?.text}`);
    assert.notEqual(answer?.status, 500, answer?.text);
    ++this.history.unknown;
    return undefined;
  }

  note(id, first = true) {
    this.history.note({ id, round: this.round, walker: this.number, first });
  }

  // ---- posts and comments: created under a key, tried again under the same

  newText(what) {
    return `${what} ${this.number}.${++this.serial} ${"마당".repeat(this.random.below(30))}`;
  }

  async writePost(media = []) {
    const text = this.newText("글");
    const post = {
      author: this.person.id,
      text,
      media,
      state: "unknown",
      key: `post-${this.number}-${this.serial}`,
    };
    this.history.posts.set(text, post);
    await this.sendPost(post);
  }

  async sendPost(post, first = true) {
    const body = { text: post.text, media: post.media };
    const answer = await this.ask(() => this.client.create("/posts", body, post.key));
    if (!answer) return this.unanswered.push(() => this.sendPost(post, false));
    assert.equal(answer.json.text, post.text);
    post.id = answer.json.id;
    post.state = "acked";
    this.note(post.id, first);
  }

  async writeComment() {
    const post = this.somePost();
    if (!post) return;
    const text = this.newText("댓글");
    const comment = {
      author: this.person.id,
      text,
      post: post.id,
      state: "unknown",
      key: `comment-${this.number}-${this.serial}`,
    };
    this.history.comments.set(text, comment);
    await this.sendComment(comment);
  }

  async sendComment(comment, first = true) {
    const path = `/posts/${comment.post}/comments`;
    const answer = await this.ask(
      () => this.client.create(path, { text: comment.text }, comment.key),
      [404],
    );
    if (!answer) return this.unanswered.push(() => this.sendComment(comment, false));
    if (answer.status === 404) return assert.ok(this.history.mayBeGone(comment.post));
    comment.id = answer.json.id;
    comment.state = "acked";
    this.note(comment.id, first);
  }

  tryAgain() {
    return this.unanswered.shift()();
  }

  // A post somebody was told about, rather a new one.
  somePost(whose = () => true) {
    const known = [...this.history.posts.values()].filter(
      (post) => post.state === "acked" && whose(post),
    );
    if (known.length === 0) return undefined;
    return this.random.chance(0.7) ? this.random.one(known.slice(-30)) : this.random.one(known);
  }

  async deletePost() {
    const post = this.somePost((some) => some.author === this.person.id);
    if (!post) return;
    post.state = "deleting";
    const answer = await this.ask(() => this.client.delete(`/posts/${post.id}`));
    if (answer) post.state = "deleted";
  }

  async deleteComment() {
    const mine = [...this.history.comments.values()].filter(
      (c) => c.state === "acked" && c.author === this.person.id,
    );
    if (mine.length === 0) return;
    const comment = this.random.one(mine);
    comment.state = "deleting";
    const answer = await this.ask(() => this.client.delete(`/comments/${comment.id}`), [404]);
    if (!answer) return;
    if (answer.status === 404) assert.ok(this.history.mayBeGone(comment.post));
    comment.state = "deleted";
  }

  // ---- switches

  async turn(map, thing, on, path, gone) {
    this.history.turn(map, this.person.id, thing, on, false);
    const answer = await this.ask(
      () => (on ? this.client.put(path) : this.client.delete(path)),
      [404],
    );
    if (!answer) return;
    if (answer.status === 404) return assert.ok(gone(), `${path}: ${answer.text}`);
    this.history.turn(map, this.person.id, thing, on, true);
  }

  like(on = true) {
    const post = this.somePost();
    if (!post) return;
    return this.turn(this.history.likes, post.id, on, `/posts/${post.id}/like`, () =>
      this.history.mayBeGone(post.id),
    );
  }

  unlike() {
    return this.like(false);
  }

  follow(on = true) {
    const other = this.random.one(this.everyone.filter((person) => person.id !== this.person.id));
    return this.turn(this.history.follows, other.id, on, `/users/${other.id}/follow`, () => false);
  }

  unfollow() {
    return this.follow(false);
  }

  // ---- pictures

  async postPicture() {
    const picture = png(64, 48, ++this.serial * 100 + this.number);
    const wanted = { content_type: "image/png", bytes: picture.length, purpose: "post" };
    const opened = await this.ask(() => this.client.create("/media", wanted));
    if (!opened) return;
    const { id, upload } = opened.json;
    this.note(id);
    const target = new URL(upload.url);
    const sent = await this.ask(() =>
      this.yard.client.request("PUT", target.pathname + target.search, {
        body: picture,
        headers: upload.headers,
      }),
    );
    if (!sent) return;
    const medium = { owner: this.person.id, state: "sent" };
    this.history.media.set(id, medium);
    for (let tries = 0; tries < 20 && medium.state !== "ready"; ++tries) {
      if (tries > 0) await sleep(50);
      const done = await this.ask(() => this.client.post(`/media/${id}/complete`, {}));
      if (!done) return;
      medium.state = done.json.state === "ready" ? "ready" : "sent";
    }
    if (medium.state === "ready") await this.writePost([id]);
  }

  // ---- reading: never twice the same, never out of order, and what I was told of is there

  async readFeed() {
    const mine = [...this.history.posts.values()]
      .filter((p) => p.author === this.person.id && p.state === "acked")
      .at(-1);
    const limit = this.random.between(1, 40);
    const answer = await this.ask(() =>
      this.client.get(`/feed?limit=${limit}${this.random.chance(0.5) ? "&mark_seen=0" : ""}`),
    );
    if (!answer) return;
    const ids = answer.json.items.map((item) => item.post.id);
    assert.deepEqual(
      ids,
      [...new Set(ids)].sort((a, b) => b - a),
      "newest first, each once",
    );
    if (mine && (ids.length < limit || mine.id > ids.at(-1)))
      assert.ok(ids.includes(mine.id), `my own post ${mine.id} is missing from ${ids}`);
  }
}
