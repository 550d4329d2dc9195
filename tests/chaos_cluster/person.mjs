// Somebody who does one thing after the other, through HAProxy or straight at an instance, and looks at
// what they did through another: everything goes into the history.
import { randomUUID } from "node:crypto";
import { openEvents } from "../e2e/support/events.mjs";
import { png } from "../e2e/support/png.mjs";
import { sleep } from "../cluster/support.mjs";

const doings = [
  [20, "writePost"],
  [22, "like"],
  [6, "unlike"],
  [16, "writeComment"],
  [6, "follow"],
  [3, "unfollow"],
  [3, "deletePost"],
  [3, "postPicture"],
  [10, "seeFeed"],
  [6, "seeMine"],
];

export class Person {
  // town: {history, people, posts: [{id, who, deleted}], ways: name -> Client}
  constructor(town, { id, token, random }) {
    Object.assign(this, { town, id, token, random });
    this.unanswered = []; // to be sent again, under the same keys
    this.fixed = new Set(); // switches that were once without an answer: never turned the other way
    this.serial = 0;
  }

  // ---- ways

  // HAProxy, or one of the instances.
  anyWay() {
    if (this.town.instances.length === 0 || this.random.chance(0.5)) return "haproxy";
    return this.random.one(this.town.instances);
  }
  otherWay(via) {
    return this.random.one(this.town.instances.filter((name) => name !== via).concat("haproxy"));
  }
  client(via) {
    return this.town.ways.get(via).as(this.token);
  }
  ask(what, about, send, { via = this.anyWay(), learn } = {}) {
    const asked = { who: this.id, what, via, ...about };
    return this.town.history.ask(
      asked,
      () => send(via === "s3" ? undefined : this.client(via)),
      learn,
    );
  }

  // ---- a life

  async walk(until) {
    while (!until()) {
      const again = this.unanswered.length > 0 && this.random.chance(0.3);
      await (again ? this.tryAgain() : this[this.random.weighted(doings)]());
      await sleep(this.random.between(...this.town.pauseMs));
    }
  }
  // Sends again what was never answered, until it is.
  async settle(until) {
    while (this.unanswered.length > 0 && !until()) {
      await this.tryAgain();
      await sleep(50);
    }
  }
  tryAgain() {
    return this.unanswered.shift()();
  }
  // Until it is answered, now or later; what then.
  async insist(once, then = () => {}) {
    const request = await once();
    if (request.outcome === "unknown") this.unanswered.push(() => this.insist(once, then));
    else if (request.outcome === "done") await then(request);
    return request;
  }

  // ---- doing

  async writePost(media = []) {
    const text = `글 ${this.id}.${++this.serial} ${"마당".repeat(this.random.below(20))}`;
    const key = randomUUID();
    const learn = (answer, request) => (request.id = answer.json.id);
    const once = () =>
      this.ask("post", { text, media }, (to) => to.create("/posts", { text, media }, key), {
        learn,
      });
    await this.insist(once, async ({ id, via }) => {
      this.town.posts.push({ id, who: this.id });
      if (this.random.chance(0.4)) await this.seePost(id, this.otherWay(via));
    });
  }

  // A post that somebody was told about, rather a new one.
  somePost(fits = () => true) {
    const known = this.town.posts.filter((post) => !post.deleted && fits(post));
    if (known.length === 0) return undefined;
    return this.random.one(this.random.chance(0.7) ? known.slice(-20) : known);
  }

  async writeComment() {
    const post = this.somePost()?.id;
    if (!post) return;
    const text = `댓글 ${this.id}.${++this.serial}`;
    const key = randomUUID();
    const learn = (answer, request) => (request.id = answer.json.id);
    const once = () =>
      this.ask(
        "comment",
        { post, text },
        (to) => to.create(`/posts/${post}/comments`, { text }, key),
        { learn },
      );
    await this.insist(once, async ({ via }) => {
      if (this.random.chance(0.3)) await this.seeComments(post, this.otherWay(via));
    });
  }

  async turn(what, about, path, on, see) {
    const key = `${what} ${path}`;
    if (this.fixed.has(key)) return;
    const once = async () => {
      const request = await this.ask(what, { ...about, on }, (to) =>
        on ? to.put(path) : to.delete(path),
      );
      if (request.outcome === "unknown") this.fixed.add(key);
      return request;
    };
    await this.insist(once, async ({ via }) => {
      if (this.random.chance(0.5)) await see(this.otherWay(via));
    });
  }
  async like(on = true) {
    const post = this.somePost()?.id;
    if (post)
      await this.turn("like", { post }, `/posts/${post}/like`, on, (via) =>
        this.seePost(post, via),
      );
  }
  unlike() {
    return this.like(false);
  }
  async follow(on = true) {
    const other = this.random.one(this.town.people.filter((person) => person !== this)).id;
    await this.turn("follow", { other }, `/users/${other}/follow`, on, (via) =>
      this.seeUser(other, via),
    );
  }
  unfollow() {
    return this.follow(false);
  }

  async deletePost() {
    const post = this.somePost((some) => some.who === this.id);
    if (!post) return;
    post.deleted = true;
    const once = () =>
      this.ask("delete", { post: post.id }, (to) => to.delete(`/posts/${post.id}`));
    await this.insist(once, ({ via }) => this.seePost(post.id, this.otherWay(via)));
  }

  // Given up at the first step without an answer: what was begun is swept one day.
  async postPicture() {
    const bytes = png(48, 32, ++this.serial * 100 + this.random.below(100));
    const wanted = { content_type: "image/png", bytes: bytes.length, purpose: "post" };
    const learn = (answer, request) => Object.assign(request, answer.json);
    const opened = await this.ask("open_upload", {}, (to) => to.create("/media", wanted), {
      learn,
    });
    if (opened.outcome !== "done") return;
    const { host, pathname, search } = new URL(opened.upload.url);
    const sent = await this.ask(
      "upload",
      {},
      () =>
        this.town
          .storage(host)
          .request("PUT", pathname + search, { body: bytes, headers: opened.upload.headers }),
      { via: "s3" },
    );
    for (let tries = 0; sent.outcome === "done" && tries < 40; ++tries) {
      const request = await this.ask(
        "complete_upload",
        {},
        (to) => to.post(`/media/${opened.id}/complete`, {}),
        { learn },
      );
      if (request.outcome !== "done") return;
      if (request.state === "ready") return this.writePost([opened.id]);
      await sleep(50);
    }
  }

  // ---- seeing

  seePost(post, via) {
    const learn = ({ json }, request) =>
      Object.assign(request, { liked: json.liked, like_count: json.like_count });
    return this.ask("see_post", { post }, (to) => to.get(`/posts/${post}`), { via, learn });
  }
  seeUser(other, via) {
    const learn = ({ json }, request) => (request.following = json.is_following);
    return this.ask("see_user", { other }, (to) => to.get(`/users/${other}`), { via, learn });
  }
  seePage(what, about, path, id, via = this.anyWay()) {
    const learn = ({ json }, request) =>
      Object.assign(request, { ids: json.items.map(id), complete: json.next_cursor === undefined });
    return this.ask(what, about, (to) => to.get(path), { via, learn });
  }
  seeComments(post, via) {
    // The newest are at the end: only a list that is complete says something.
    return this.seePage(
      "see_comments",
      { post },
      `/posts/${post}/comments?limit=100`,
      ({ id }) => id,
      via,
    );
  }
  seeMine() {
    return this.seePage(
      "see_mine",
      {},
      `/users/${this.id}/posts?limit=${this.random.between(1, 30)}`,
      ({ id }) => id,
    );
  }
  seeFeed() {
    const seen = this.random.chance(0.5) ? "&mark_seen=0" : "";
    return this.seePage(
      "see_feed",
      {},
      `/feed?limit=${this.random.between(1, 40)}${seen}`,
      ({ post }) => post.id,
    );
  }

  // Follows the stream of events across its ends, as browsers do.
  async listen(until) {
    let lastEventId;
    while (!until()) {
      const via = this.anyWay();
      try {
        const events = await openEvents(this.town.ways.get(via).base.origin, {
          token: this.token,
          lastEventId,
        });
        let taken = 0;
        while (events.status === 200 && !until()) {
          for (; taken < events.all.length; ++taken) {
            const { type, id, data, field } = events.all[taken];
            lastEventId = field.id ?? lastEventId;
            this.town.history.hear(this.id, { type, id, data });
          }
          if (events.ended) break;
          await new Promise((resolve) => {
            events.waiters.push(resolve);
            setTimeout(resolve, 100);
          });
        }
        events.close();
      } catch {
        // nobody there: again
      }
      await sleep(100);
    }
  }
}
