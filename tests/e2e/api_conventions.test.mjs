// What holds for every route: problems, methods, types, encodings, framing, documents, the page.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
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

describe("operations", () => {
  test("/health/live and /health/ready", async () => {
    assert.equal((await yard.client.request("GET", "/health/live")).status, 200);
    assert.equal((await yard.client.request("GET", "/health/ready")).json.status, "ready");
  });

  test("/metrics is Prometheus text that counts what happens", async () => {
    const scrape = async () => {
      const answer = await yard.client.request("GET", "/metrics");
      assert.equal(answer.status, 200);
      assert.match(answer.headers["content-type"], /^text\/plain; version=0\.0\.4/);
      const series = new Map();
      const types = new Map();
      for (const line of answer.text.split("\n")) {
        const type = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line);
        if (type) types.set(type[1], type[2]);
        if (line === "" || line.startsWith("#")) continue;
        const sample =
          /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/.exec(line);
        assert.ok(sample, line);
        assert.ok(
          ["NaN", "+Inf", "-Inf"].includes(sample[3]) || Number.isFinite(Number(sample[3])),
          line,
        );
        const key = sample[1] + (sample[2] ?? "");
        assert.ok(!series.has(key), `twice: ${key}`);
        assert.ok(
          types.has(sample[1]) || types.has(sample[1].replace(/_(bucket|sum|count)$/, "")),
          line,
        );
        series.set(key, Number(sample[3]));
      }
      return series;
    };
    const name =
      'madang_http_requests_total{method="GET",route="/api/v1/posts/ranking",status="2xx"}';
    await yard.client.get("/posts/ranking");
    const before = (await scrape()).get(name);
    for (let i = 0; i < 3; ++i) await yard.client.get("/posts/ranking");
    assert.equal((await scrape()).get(name), before + 3);
    const pools = [...(await scrape()).keys()].join("\n");
    for (const pool of ["db_writer", "db_readers", "passwords"])
      assert.ok(pools.includes(`pool="${pool}"`), pool);
  });

  test("/metrics is for named addresses only", async () => {
    const closed = await Yard.open({ env: { MADANG_HTTP__METRICS_FROM: "10.0.0.0/8" } });
    try {
      assertProblem(await closed.client.request("GET", "/metrics"), 404, "not_found");
    } finally {
      await closed.close();
    }
  });

  test("/api/openapi.json describes 3.1, and /docs shows it", async () => {
    const document = await yard.client.request("GET", "/api/openapi.json");
    assert.equal(document.headers["content-type"], "application/json");
    assert.equal(document.json.openapi, "3.1.0");
    assert.ok(document.json.paths["/api/v1/posts"].post);
    const docs = await yard.client.request("GET", "/docs");
    const page =
      docs.status === 200 ? docs : await yard.client.request("GET", docs.headers.location);
    assert.equal(page.status, 200);
    assert.match(page.headers["content-type"], /^text\/html/);
    assert.match(page.headers["content-security-policy"], /default-src 'self'/);
    for (const [, file] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const target = new URL(file, new URL("/docs/", yard.url)).pathname;
      assert.equal((await yard.client.request("GET", target)).status, 200, target);
    }
  });

  test("every answer names its request", async () => {
    const ids = new Set();
    for (const path of [
      "/",
      "/health/live",
      "/api/v1/me",
      "/api/v1/posts/ranking",
      "/nothing.js",
    ]) {
      const id = (await yard.client.request("GET", path)).headers["x-request-id"];
      assert.match(id, /^\S+$/);
      ids.add(id);
    }
    assert.equal(ids.size, 5);
  });
});

describe("the page", () => {
  test("comes from inside the binary with a strict policy", async () => {
    for (const path of ["/", "/@someone", "/posts/1", "/settings"]) {
      const answer = await yard.client.request("GET", path);
      assert.equal(answer.status, 200, path);
      assert.match(answer.headers["content-type"], /^text\/html/);
      const policy = answer.headers["content-security-policy"];
      assert.match(policy, /default-src 'self'/);
      assert.match(policy, /object-src 'none'/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
    }
    assertProblem(await yard.client.request("GET", "/nothing.js"), 404, "not_found");
    assertProblem(await yard.client.request("POST", "/", { json: {} }), 404);
    for (const path of [
      "/../../etc/passwd",
      "/%2e%2e/%2e%2e/etc/passwd",
      "/assets/../../etc/passwd",
    ])
      assert.doesNotMatch((await yard.client.request("GET", path)).text, /root:/);
  });

  const page = (headers, path = "/") => yard.client.request("GET", path, { headers });

  test("is not sent again to who has it", async () => {
    const first = await page({});
    const { etag } = first.headers;
    assert.match(etag, /^"[^"]+"$/);
    for (const known of [etag, `"other", ${etag}`, `W/${etag}`]) {
      const again = await page({ "if-none-match": known });
      assert.equal(again.status, 304, known);
      assert.equal(again.bytes.length, 0);
      assert.equal(again.headers.etag, etag);
    }
    assert.equal((await page({ "if-none-match": '"other"' })).status, 200);
  });

  test("is compressed for who can read it", async () => {
    const plain = (await page({})).text;
    const scripts = [...plain.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)].map((m) => m[1]);
    assert.ok(scripts.length >= 2);
    for (const path of ["/", ...scripts]) {
      const whole = await page({}, path);
      assert.equal(whole.headers["content-encoding"], undefined);
      assert.match(whole.headers.vary, /accept-encoding/i);
      const coded = async (accept) => page({ "accept-encoding": accept }, path);
      const br = await coded("gzip, deflate, br");
      const gz = await coded("gzip;q=0.8, br;q=0");
      if (whole.bytes.length < 1500) continue; // too small to be worth it
      assert.equal(br.headers["content-encoding"], "br", path);
      assert.deepEqual(brotliDecompressSync(br.bytes), whole.bytes);
      assert.equal(gz.headers["content-encoding"], "gzip");
      assert.deepEqual(gunzipSync(gz.bytes), whole.bytes);
      assert.ok(br.bytes.length < whole.bytes.length);
      if (path !== "/") assert.match(whole.headers["cache-control"], /immutable/);
    }
  });
});
