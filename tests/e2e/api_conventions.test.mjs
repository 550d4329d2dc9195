// What holds for every route: problems, methods, types, encodings, framing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { raw } from "./support/client.mjs";
import { assertProblem, Yard } from "./support/yard.mjs";

let yard;
let me;
before(async () => {
  yard = await Yard.open();
  me = await yard.join("me");
});
after(() => yard.close());

const json = { "content-type": "application/json" };
const posting = (body, headers = json) => me.call("POST", "/posts", { body, headers });

describe("refusals", () => {
  test("of unknown paths: 404", async () => {
    for (const path of [
      "/api/v1/nothing",
      "/api/v1",
      "/api/v1/",
      "/api/v2/posts",
      "/api/v1/posts/",
      "/api/v1//posts",
      "/api/v1/posts/1/likes",
    ])
      assertProblem(await me.request("GET", path), 404, "not_found");
    assertProblem(await me.request("POST", "/api/v1/nothing", { json: {} }), 404, "not_found");
  });

  test("of malformed ids: 404", async () => {
    for (const id of [
      "0",
      "-1",
      "+1",
      "01",
      "1.0",
      "1e3",
      "abc",
      "%31",
      "9007199254740992",
      "99999999999999999999999",
      "null",
      "%00",
      "..%2f1",
    ]) {
      assertProblem(await me.get(`/posts/${id}`), 404, "not_found");
      assertProblem(await me.put(`/posts/${id}/like`), 404, "not_found");
    }
    assertProblem(await me.get("/posts/9007199254740991"), 404, "not_found");
  });

  test("of wrong methods: 405 with Allow", async () => {
    const cases = [
      ["PUT", "/api/v1/posts", ["POST"]],
      ["DELETE", "/api/v1/posts/ranking", ["GET", "HEAD"]],
      ["POST", "/api/v1/me", ["DELETE", "GET", "HEAD", "PATCH"]],
      ["PATCH", "/api/v1/sessions", ["GET", "HEAD", "POST"]],
      ["GET", "/api/v1/posts/1/like", ["DELETE", "PUT"]],
      ["TRACE", "/api/v1/me", ["DELETE", "GET", "HEAD", "PATCH"]],
    ];
    for (const [method, path, allowed] of cases) {
      const answer = await me.request(method, path);
      assertProblem(answer, 405, "method_not_allowed");
      assert.deepEqual(answer.headers.allow.split(", ").sort(), allowed, `${method} ${path}`);
    }
  });

  test("of what is no JSON: 400", async () => {
    const bad = [
      "",
      "{",
      "nope",
      '{"text":"a"',
      '{"text":"a"}}',
      '{"text":"a",}',
      "{'text':'a'}",
      '{"text":"\\ud800"}',
      '{"text":"\t\u0001"}',
      '\ufeff{"text":"a"}',
      '{"text":NaN}',
      "\u0000",
    ];
    for (const body of bad) assertProblem(await posting(body), 400, "malformed_json");
    const invalid = [
      [0xff],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x82],
    ];
    for (const bytes of invalid) {
      const body = Buffer.concat([Buffer.from('{"text":"'), Buffer.from(bytes), Buffer.from('"}')]);
      const answer = await posting(body);
      assert.ok([400, 422].includes(answer.status), `${bytes}: ${answer.status}`);
      assertProblem(answer, answer.status);
    }
    const deep = `${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`;
    assertProblem(await posting(deep), 400, "malformed_json");
    assertProblem(await posting("[".repeat(60_000)), 400, "malformed_json");
    assertProblem(await posting("[]"), 422, "validation_failed");
    assertProblem(await posting('"text"'), 422, "validation_failed");
    assertProblem(await posting("null"), 422, "validation_failed");
  });

  test("of a body that is too large: 413, announced or not", async () => {
    const large = JSON.stringify({ text: "x".repeat(70_000) });
    assertProblem(await posting(large), 413, "body_too_large");
    const chunked = await raw(
      yard.url,
      `POST /api/v1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${me.token}\r\nContent-Type: application/json\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n11170\r\n${"x".repeat(0x11170)}\r\n0\r\n\r\n`,
    );
    assert.match(chunked, /^HTTP\/1\.1 413 /);
    assert.match(chunked, /\r\nConnection: close\r\n/i);
    const announced = await raw(
      yard.url,
      "POST /api/v1/posts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n",
    );
    assert.match(announced, /^HTTP\/1\.1 413 /);
    assert.match(announced, /"code":"body_too_large"/);
    assert.match(announced, /"request_id":"[^"]+"/);
  });

  test("of another content type: 415", async () => {
    const body = '{"text":"a"}';
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/xml",
      "json",
    ])
      assertProblem(await posting(body, { "content-type": type }), 415, "unsupported_type");
    assertProblem(await posting(body, {}), 415, "unsupported_type");
    for (const type of [
      "application/json",
      "application/json; charset=utf-8",
      "APPLICATION/JSON",
      "application/vnd.x+json",
    ])
      assert.equal((await posting(body, { "content-type": type })).status, 201, type);
  });

  test("name every field that is wrong", async () => {
    const answer = await yard.client.post("/accounts", {
      email: 1,
      password: [],
      handle: {},
      name: 5,
    });
    const problem = assertProblem(answer, 422, "validation_failed");
    assert.deepEqual(problem.errors.map((e) => e.field).sort(), [
      "email",
      "handle",
      "name",
      "password",
    ]);
    const nested = await me.create("/posts", { text: "x", media: [1, "2", 3] });
    assertProblem(nested, 422, "validation_failed", "media/1");
  });
});

test("unknown fields and needless bodies are ignored", async () => {
  const post = (
    await me.create("/posts", { text: "글", id: 1, author: 2, like_count: 99, created_at: "x" })
  ).json;
  assert.equal(post.like_count, 0);
  assert.equal(post.author.id, me.id);
  for (const body of ["{}", '{"liked":false}', "not json", ""])
    assert.equal(
      (await me.put(`/posts/${post.id}/like`, { body, headers: json })).json.liked,
      true,
    );
  assert.equal((await me.delete(`/posts/${post.id}`, { soft: true })).status, 204);
});

test("HEAD is GET without the body", async () => {
  const post = (await me.create("/posts", { text: "머리만" })).json;
  for (const path of [
    `/api/v1/posts/${post.id}`,
    "/api/v1/me",
    "/",
    "/health/live",
    "/api/openapi.json",
    "/api/v1/posts/1",
  ]) {
    const get = await me.request("GET", path);
    const head = await me.request("HEAD", path);
    assert.equal(head.status, get.status, path);
    assert.equal(head.bytes.length, 0);
    for (const name of ["content-type", "content-length", "etag"])
      if (name !== "content-length" || !get.headers["transfer-encoding"])
        assert.equal(head.headers[name], get.headers[name], `${path} ${name}`);
  }
});

describe("on the wire", () => {
  const status = async (bytes) =>
    Number(/^HTTP\/1\.[01] (\d+)/.exec(await raw(yard.url, bytes))?.[1]);
  const head = (lines) => `GET /health/live HTTP/1.1\r\n${lines}\r\n\r\n`;

  const cases = [
    ["a plain request", head("Host: x"), 200],
    ["HTTP/1.0 without Host", "GET /health/live HTTP/1.0\r\n\r\n", 200],
    ["no Host", head("X: y"), 400],
    ["two Hosts", head("Host: x\r\nHost: y"), 400],
    ["two lengths", head("Host: x\r\nContent-Length: 1\r\nContent-Length: 2") + "ab", 400],
    [
      "a length and chunks",
      head("Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked") + "0\r\n\r\n",
      400,
    ],
    ["a bad length", head("Host: x\r\nContent-Length: -1"), 400],
    ["a signed length", head("Host: x\r\nContent-Length: +1") + "a", 400],
    ["a bad chunk", head("Host: x\r\nTransfer-Encoding: chunked") + "zz\r\n", 400],
    ["a space before the colon", head("Host : x"), 400],
    ["a folded line", head("Host: x\r\nA: b\r\n c"), 400],
    ["a control character", head("Host: x\r\nA: b\u0001c"), 400],
    ["an unknown version", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505],
    ["no request at all", "\u0016\u0003\u0001\u0002\u0000\r\n\r\n", 400],
    ["a target too long", `GET /${"a".repeat(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414],
    ["headers too large", head(`Host: x\r\nA: ${"b".repeat(20_000)}`), 431],
    [
      "too many headers",
      head(`Host: x\r\n${Array.from({ length: 200 }, (_, i) => `A${i}: b`).join("\r\n")}`),
      431,
    ],
  ];
  for (const [what, bytes, expected] of cases)
    test(`${what}: ${expected}`, async () => {
      const text = await raw(yard.url, bytes);
      assert.equal(Number(/^HTTP\/1\.[01] (\d+)/.exec(text)?.[1]), expected, text.slice(0, 200));
      if (expected < 400) return;
      assert.match(text, /\r\nConnection: close\r\n/i);
      assert.match(text, /\r\nContent-Type: application\/problem\+json\r\n/);
      const problem = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4));
      assert.equal(problem.status, expected);
      assert.ok(problem.code && problem.title && problem.type && problem.detail);
      assert.equal(problem.request_id, /\r\nX-Request-Id: (\S+)/i.exec(text)[1]);
    });

  test("pipelined requests are answered in order", async () => {
    const get = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const text = await raw(
      yard.url,
      get("/health/live") + get("/api/v1/nothing") + get("/health/ready"),
    );
    assert.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => m[1]),
      ["200", "404", "200"],
    );
  });

  test("a slow head ends in 408", async () => {
    const slow = await Yard.open({ env: { MADANG_HTTP__HEAD_TIMEOUT: "1s" } });
    try {
      assert.match(await raw(slow.url, "GET /health/live HTTP/1.1\r\nHo"), /^HTTP\/1\.1 408 /);
    } finally {
      await slow.close();
    }
  });

  test("garbage of every kind leaves the server well", async () => {
    for (let i = 0; i < 40; ++i) {
      const bytes = Buffer.from(
        Array.from({ length: 300 }, (_, j) => (i * 7919 + j * j * 31 + ((i * j) % 253)) & 255),
      );
      await raw(yard.url, Buffer.concat([bytes, Buffer.from("\r\n\r\n")]), { quietMs: 20 }).catch(
        () => {},
      );
    }
    assert.equal(await status(head("Host: x")), 200);
  });
});
