// Beside the API: health, metrics, documents, request ids; the page as it is served.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { assertProblem, Yard } from "./support/yard.mjs";

let yard;
before(async () => (yard = await Yard.open()));
after(() => yard.close());

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
