// The people and things a generated request is about: for each operation a caller and ids that make
// a valid request succeed, and others who must not.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { park } from "./parked.mjs";
import { eventually } from "./yard.mjs";

const picture = fileURLToPath(new URL("../fixtures/coat.jpg", import.meta.url));

// Routes whose things belong to somebody: another's token must be refused. Every other route that
// changes something and names an id is listed in `everybodys`; a new route must say which it is.
export const ownersOnly = new Set([
  "PATCH /posts/{id}",
  "DELETE /posts/{id}",
  "PATCH /comments/{id}",
  "DELETE /comments/{id}",
  "DELETE /sessions/{id}",
  "GET /media/{id}",
  "POST /media/{id}/complete",
  "POST /admin/reports/{id}/resolve",
  "PUT /admin/accounts/{id}/suspension",
  "DELETE /admin/accounts/{id}/suspension",
  "POST /admin/events/{subscriber}/{id}/retry",
  "DELETE /admin/events/{subscriber}/{id}",
]);
export const everybodys = new Set([
  "POST /posts/{id}/comments",
  ...["like"].flatMap((what) => [`PUT /posts/{id}/${what}`, `DELETE /posts/{id}/${what}`]),
  ...["follow", "block", "mute"].flatMap((what) => [
    `PUT /users/{id}/${what}`,
    `DELETE /users/{id}/${what}`,
  ]),
]);
// Answers that never end.
export const endless = new Set(["GET /events"]);

export class Town {
  static async build(yard) {
    const town = new Town();
    town.yard = yard;
    town.admin = await yard.joinAdmin();
    // The victim may be suspended by a generated request that is in order by chance; who is
    // shunned stays.
    [town.owner, town.other, town.stranger, town.victim, town.shunned] = await Promise.all(
      ["owner", "other", "stranger", "victim", "shunned"].map((name) => yard.join(name)),
    );
    town.post = await town.write();
    town.comment = (
      await town.owner.create(`/posts/${town.post}/comments`, { text: "댓글" })
    ).json.id;
    await town.stranger.put(`/posts/${town.post}/like`);
    await town.stranger.put(`/users/${town.owner.id}/follow`);
    await town.owner.put(`/users/${town.stranger.id}/follow`);
    town.report = await town.reportOf(await town.write()); // resolving it may hide the post
    await yard.signIn(town.owner);
    town.session = (await town.owner.get("/sessions")).json.items.find((s) => !s.current).id;
    town.media = await town.upload(town.owner);
    town.parked = await park(yard.data);
    return town;
  }

  async write(who = this.owner) {
    return (await who.create("/posts", { text: "글" })).json.id;
  }

  async reportOf(post) {
    const report = await this.stranger.create("/reports", { post_id: post, reason: "신고" });
    assert.equal(report.status, 201, report.text);
    return report.json.id;
  }

  // A picture sent and ready.
  async upload(who) {
    const bytes = await readFile(picture);
    const opened = await who.create("/media", {
      content_type: "image/jpeg",
      bytes: bytes.length,
      purpose: "post",
    });
    assert.equal(opened.status, 201, opened.text);
    const { id, upload } = opened.json;
    const sent = await fetch(upload.url, {
      method: upload.method,
      headers: upload.headers,
      body: bytes,
    });
    assert.equal(sent.status, 200, await sent.text());
    await eventually("the picture is ready", async () => {
      const state = await who.post(`/media/${id}/complete`, {});
      return state.status === 200 && state.json.state === "ready";
    });
    return id;
  }

  // Ids that are there and belong to `owner`, by the path's first word.
  idFor(operation) {
    const word = operation.path.replace("/admin/", "/").split("/")[3];
    const id = {
      posts: this.post,
      comments: this.comment,
      users: this.other.id,
      sessions: this.session,
      media: this.media,
      reports: this.report,
      events: this.parked,
      accounts: this.victim.id,
    }[word];
    assert.ok(id, `${operation.name}: this test does not know where its {id} comes from`);
    return id;
  }

  caller(operation) {
    return operation.admin ? this.admin : this.owner;
  }

  // What makes a generated valid request succeed: {who, id, handle, body}.
  async ready(operation, body) {
    const plain = {
      who: this.caller(operation),
      id: operation.parameters.some((p) => p.name === "id") ? this.idFor(operation) : undefined,
      handle: this.other.handle,
      body,
    };
    const prepare = preparations[operation.name];
    return prepare ? { ...plain, ...(await prepare(this, body)) } : plain;
  }
}

const preparations = {
  "POST /accounts": (_, body) => ({
    body: { ...body, handle: body.handle.slice(0, 12) + unique() },
  }),
  // Not those who call elsewhere: one account keeps only so many sessions, and the oldest end.
  "POST /sessions": async (town) => {
    const { email, password } = await town.yard.join("returning");
    return { body: { email, password } };
  },
  "PATCH /me": async (town, body) => {
    town.editor ??= await town.yard.join("editor");
    const handle = body.handle == null ? body.handle : body.handle.slice(0, 12) + unique();
    return { who: town.editor, body: { ...body, handle, avatar: null } };
  },
  "DELETE /me": async (town) => {
    const who = await town.yard.join("leaver");
    return { who, body: { password: who.password } };
  },
  "POST /me/password": async (town, body) => {
    const who = await town.yard.join("careful");
    return { who, body: { old: who.password, new: body.new } };
  },
  "DELETE /sessions/current": async (town) => ({ who: await town.yard.join("leaving") }),
  "DELETE /sessions/{id}": async (town) => {
    const who = await town.yard.join("devices");
    await town.yard.signIn(who);
    const { items } = (await who.get("/sessions")).json;
    return { who, id: items.find((session) => !session.current).id };
  },
  "POST /posts": (_, body) => ({ body: { ...body, media: body.media === null ? null : [] } }),
  "DELETE /posts/{id}": async (town) => ({ id: await town.write() }),
  "DELETE /comments/{id}": async (town) => ({
    id: (await town.owner.create(`/posts/${town.post}/comments`, { text: "댓글" })).json.id,
  }),
  // Something new each time: the same thing is reported once by one person.
  "POST /reports": async (town, { reason }) => {
    const post = await town.write(town.stranger);
    if (reason.length % 2) return { body: { reason, post_id: post } };
    const comment = await town.stranger.create(`/posts/${post}/comments`, { text: "댓글" });
    return { body: { reason, comment_id: comment.json.id } };
  },
  "POST /admin/reports/{id}/resolve": async (town) => ({
    id: await town.reportOf(await town.write()),
  }),
  "PUT /admin/accounts/{id}/suspension": async (town, body) => ({
    id: (await town.yard.join("shut")).id,
    body: { ...body, until: [undefined, null, "2999-01-01T00:00:00.000Z"][body.reason.length % 3] },
  }),
  "DELETE /admin/accounts/{id}/suspension": async (town) => {
    const { id } = await town.yard.join("shut");
    const answer = await town.admin.put(`/admin/accounts/${id}/suspension`, { json: { reason: "x" } });
    assert.equal(answer.status, 200, answer.text);
    return { id };
  },
  "POST /admin/events/{subscriber}/{id}/retry": async (town) => ({ id: await park(town.yard.data) }),
  "DELETE /admin/events/{subscriber}/{id}": async (town) => ({ id: await park(town.yard.data) }),
  "POST /media": async (town, body) => ({
    who: await town.yard.join("sender"),
    body: {
      ...body,
      content_type: ["image/jpeg", "image/png", "image/webp"][body.bytes % 3],
      bytes: 1 + (body.bytes % 10_000_000),
    },
  }),
  ...Object.fromEntries(
    ["PUT", "DELETE"].flatMap((method) =>
      ["block", "mute"].map((what) => [
        `${method} /users/{id}/${what}`,
        (town) => ({ id: town.shunned.id }),
      ]),
    ),
  ),
};

let counter = 0;
const unique = () => `_${(counter++).toString(36)}`;
