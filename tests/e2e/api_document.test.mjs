// The API's own document tells the truth: what an operation answers is among what it lists, and the
// document itself is cheap to fetch again. The rest of its routes: property.test.mjs.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { operationsOf } from "./support/openapi.mjs";
import { Yard } from "./support/yard.mjs";

let yard;
let me;
let other;
let post;
let theirs;
let document;
let operations;

before(async () => {
  yard = await Yard.open();
  [me, other] = [await yard.join("me"), await yard.join("other")];
  post = (await me.create("/posts", { text: "글" })).json.id;
  theirs = (await other.create("/posts", { text: "글" })).json.id;
  document = (await yard.client.request("GET", "/api/openapi.json")).json;
  operations = new Map(operationsOf(document).map((operation) => [operation.name, operation]));
});
after(() => yard.close());

// The answer is the one expected, and listed by the operation.
function listed(name, answer, status, code) {
  assert.equal(answer.status, status, `${name}: ${answer.text}`);
  if (code) assert.equal(answer.json.code, code);
  const operation = operations.get(name);
  assert.ok(operation, name);
  assert.ok(operation.statuses.includes(status), `${name} lists ${operation.statuses}, answered ${status}`);
}

const parametersOf = (path, method) => document.paths[`/api/v1${path}`][method].parameters ?? [];
const header = (path, method, name) => parametersOf(path, method).find((p) => p.in === "header" && p.name === name);

describe("statuses that only a handler knows", () => {
  test("conflicts", async () => {
    const { email, handle, password } = me;
    const fresh = { email: "new@example.com", handle: "brandnew", password };
    listed("POST /accounts", await yard.client.post("/accounts", { ...fresh, email }), 409, "email_taken");
    listed("POST /accounts", await yard.client.post("/accounts", { ...fresh, handle }), 409, "handle_taken");
    listed("PATCH /me", await me.patch("/me", { handle: other.handle }), 409, "handle_taken");
  });

  test("wrong passwords", async () => {
    const wrong = { email: me.email, password: "not this one at all" };
    listed("POST /sessions", await yard.client.post("/sessions", wrong), 401, "bad_credentials");
    const change = { old: "not this one at all", new: "something else entirely" };
    listed("POST /me/password", await me.post("/me/password", change), 403, "bad_credentials");
    listed("DELETE /me", await me.call("DELETE", "/me", { json: { password: wrong.password } }), 403, "bad_credentials");
  });

  test("what is another's, and what one cannot do to oneself", async () => {
    listed("PATCH /posts/{id}", await me.patch(`/posts/${theirs}`, { text: "남의 글" }), 403, "forbidden");
    listed("DELETE /posts/{id}", await me.call("DELETE", `/posts/${theirs}`), 403, "forbidden");
    for (const what of ["follow", "block", "mute"])
      listed(`PUT /users/{id}/${what}`, await me.put(`/users/${me.id}/${what}`), 422, `cannot_${what}_self`);
    listed("POST /reports", await me.post("/reports", { post_id: post, reason: "내 글" }), 422, "cannot_report_self");
    listed("POST /reports", await me.post("/reports", { post_id: 9007199254740991, reason: "없다" }), 404);
  });

  test("pictures that are not there", async () => {
    const opened = await me.create("/media", { content_type: "image/jpeg", bytes: 100, purpose: "post" });
    listed("POST /media", opened, 201);
    listed("POST /media/{id}/complete", await me.post(`/media/${opened.json.id}/complete`, {}), 422, "not_uploaded");
    const answers = document.paths["/api/v1/media/{id}/complete"].post.responses;
    assert.deepEqual(answers["202"].content, answers["200"].content);
  });

  test("keys used again for something else", async () => {
    const headers = { "idempotency-key": randomUUID() };
    listed("POST /posts", await me.call("POST", "/posts", { json: { text: "하나" }, headers }), 201);
    listed("POST /posts", await me.call("POST", "/posts", { json: { text: "둘" }, headers }), 422, "idempotency_mismatch");
  });
});

describe("what follows from the declarations", () => {
  test("the routes that honour keys say so, with the conflict they may answer", () => {
    for (const path of ["/posts", "/posts/{id}/comments", "/reports", "/media"]) {
      assert.ok(header(path, "post", "Idempotency-Key"), path);
      assert.ok(operations.get(`POST ${path}`).statuses.includes(409), path);
    }
    for (const path of ["/accounts", "/sessions", "/me/password", "/notifications/read"])
      assert.equal(header(path, "post", "Idempotency-Key"), undefined, path);
  });

  test("bodies, signing in and limits", () => {
    for (const operation of operations.values()) {
      const expected = [400, 429, 503];
      if (operation.body) expected.push(413, 415, 422);
      if (operation.knowsTokens) expected.push(401);
      if (operation.signedIn && !operation.safe) expected.push(403);
      if (operation.parameters.length > 0) expected.push(404);
      for (const status of expected) assert.ok(operation.statuses.includes(status), `${operation.name}: ${status}`);
    }
  });

  test("the stream of events is one", async () => {
    const { responses } = document.paths["/api/v1/events"].get;
    assert.deepEqual(Object.keys(responses["200"].content), ["text/event-stream"]);
    assert.equal(responses["204"], undefined);
    assert.ok(header("/events", "get", "Last-Event-ID"));
    const stopped = new AbortController();
    const answer = await fetch(`${yard.url}/api/v1/events`, {
      headers: { authorization: `Bearer ${me.token}`, "last-event-id": "0" },
      signal: stopped.signal,
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    stopped.abort();
  });

  test("names are unique, tags are told once, and it begins with what holds everywhere", () => {
    const all = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    assert.equal(new Set(all.map((o) => o.operationId)).size, all.length);
    const tags = document.tags.map((tag) => tag.name);
    assert.equal(new Set(tags).size, tags.length);
    assert.deepEqual(new Set(all.flatMap((o) => o.tags)), new Set(tags));
    for (const word of ["problem+json", "Madang-Csrf", "RateLimit", "next_cursor"])
      assert.ok(document.info.description.includes(word), word);
  });
});

describe("headers", () => {
  test("what one person was told is kept by nobody, and is JSON only", async () => {
    for (const path of ["/me", "/feed", "/sessions", "/notifications", `/posts/${post}`]) {
      const { headers } = await me.get(path);
      assert.equal(headers["cache-control"], "private, no-store", path);
      assert.equal(headers["x-content-type-options"], "nosniff", path);
    }
    const visitor = await yard.client.get(`/posts/${post}`);
    assert.equal(visitor.headers["cache-control"], undefined);
    const refused = await yard.client.get("/me");
    assert.equal(refused.status, 401);
    assert.equal(refused.headers["x-content-type-options"], "nosniff");
  });

  test("the document is not sent again to who has it", async () => {
    const get = (headers) => yard.client.request("GET", "/api/openapi.json", { headers });
    const { headers } = await get({});
    assert.match(headers.etag, /^"[^"]+"$/);
    assert.equal(headers["cache-control"], "no-cache");
    const again = await get({ "if-none-match": headers.etag });
    assert.equal(again.status, 304);
    assert.equal(again.bytes.length, 0);
    assert.equal(again.headers.etag, headers.etag);
    assert.equal((await get({ "if-none-match": '"other"' })).status, 200);
  });
});
