import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, problemOf, retryAfterMs } from "../src/api/problem";
import { describeUserAgent } from "../src/features/settings/userAgent";

test("Retry-After: seconds, a date, nonsense, and a bound", () => {
  const now = Date.parse("2026-11-22T00:00:00Z");
  assert.equal(retryAfterMs("3", now), 3000);
  assert.equal(retryAfterMs("Sun, 22 Nov 2026 00:00:07 GMT", now), 7000);
  assert.equal(retryAfterMs("Sat, 21 Nov 2026 00:00:00 GMT", now), 0);
  assert.equal(retryAfterMs("soon", now), 0);
  assert.equal(retryAfterMs(null, now), 0);
  assert.equal(retryAfterMs("99999999", now), 120_000);
});

test("a problem document, and a proxy's page instead of one", async () => {
  const body = {
    code: "handle_taken",
    detail: "no",
    errors: [{ field: "handle", code: "x", message: "y" }],
    request_id: "r1",
  };
  const problem = await problemOf(
    new Response(JSON.stringify(body), { status: 409, headers: { "Retry-After": "2" } }),
  );
  assert.ok(problem instanceof ApiError);
  assert.deepEqual(
    [problem.status, problem.code, problem.errors.length, problem.retryAfterMs, problem.requestId],
    [409, "handle_taken", 1, 2000, "r1"],
  );
  const page = await problemOf(new Response("<html>bad gateway", { status: 502 }));
  assert.deepEqual([page.status, page.code], [502, "http_502"]);
});

test("devices are told apart", () => {
  const chrome =
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Mobile Safari/537.36";
  assert.deepEqual(describeUserAgent(chrome), { name: "Chrome · Android", phone: true });
  const safari =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15";
  assert.deepEqual(describeUserAgent(safari), { name: "Safari · Mac", phone: false });
  assert.equal(describeUserAgent("node"), undefined);
});
