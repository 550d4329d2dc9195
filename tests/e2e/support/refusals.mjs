// Kinds of requests that must be refused, or, where chance decides, must at least do no harm.
import fc from "fast-check";
import { faults, operationsOf, queryFaults, valid } from "./openapi.mjs";
import { endless, ownersOnly } from "./town.mjs";

const token = fc.oneof(
  fc.constantFrom(
    "x",
    "null",
    "undefined",
    "A".repeat(43),
    "=".repeat(43),
    `${"A".repeat(42)}!`,
    "a".repeat(5000),
  ),
  fc.stringMatching(/^[A-Za-z0-9_-]{43}$/),
  fc.stringMatching(/^[\x21-\x7e\x80-\xff]{1,60}$/),
);
const missingIds = fc.constantFrom(1, 2, 128, 9007199254740991, 9007199254740990);
const malformedIds = fc
  .oneof(
    fc.constantFrom(
      "0",
      "-1",
      "+1",
      "01",
      "1.0",
      "1e3",
      "null",
      "NaN",
      "true",
      "9007199254740992",
      "18446744073709551617",
      "%00",
      "%31",
      "%2f",
      "..",
      "%c0%af",
      "1%20",
      "１",
    ),
    fc.stringMatching(/^[a-zA-Z~!$'()*,;:@.-]{1,30}$/),
  )
  .map((id) => (/[^\x21-\x7e]/.test(id) ? encodeURIComponent(id) : id));
const contentTypes = fc.constantFrom(
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/xml",
  "json",
  "application/",
  "/json",
  "application/jsonx",
  "text/json;application/json",
  "\xff\xfe",
);
const methods = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
  "LOCK",
];
const surrogate = '{"text":"\\ud800","reason":"\\udfff","password":"\\ud800aaaaaaaa"}';
const invalidUtf8 = [
  [0xff],
  [0xc0, 0xaf],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x80],
  [0xfe, 0xff, 0, 0x7b],
];
const brokenJson = (whole) =>
  fc.oneof(
    fc.constantFrom(
      "",
      " ",
      "{",
      "}",
      "[",
      "nope",
      "'a'",
      "{'a':1}",
      `${whole}x`,
      `${whole}${whole}`,
      `,${whole}`,
      `\ufeff${whole}`,
      whole.slice(0, -1),
      whole.slice(1),
      "\u0000",
      "NaN",
      '{"a":NaN}',
      '{"a":01}',
      '{"a":1,}',
      "//",
      surrogate,
    ),
    fc.constantFrom(
      "[".repeat(30_000),
      `${'{"a":'.repeat(9_000)}1${"}".repeat(9_000)}`,
      `${"[".repeat(3000)}${"]".repeat(3000)}`,
    ),
    fc
      .constantFrom(...invalidUtf8)
      .map((bytes) =>
        Buffer.concat([
          Buffer.from(whole.slice(0, -1)),
          Buffer.from(',"text":"a'),
          Buffer.from(bytes),
          Buffer.from('"}'),
        ]),
      ),
    fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from([0x01, ...bytes])),
    fc.constantFrom("utf16le").map((encoding) => Buffer.from(whole, encoding)),
  );
const randomQuery = fc.oneof(
  fc.stringMatching(/^[!$-~\x80-\xff]{0,80}$/).map((text) => text.replaceAll("#", "")),
  fc
    .array(
      fc.tuple(
        fc.constantFrom(
          "limit",
          "cursor",
          "query",
          "state",
          "mark_seen",
          "last_event_id",
          "x",
          "",
          "%",
        ),
        fc.oneof(
          fc.stringMatching(/^[A-Za-z0-9_%=-]{0,40}$/),
          fc.constantFrom("1", "100", "true", "%ff", "%EA%B0%80", "BAEA", "BQEA"),
        ),
      ),
      { maxLength: 6 },
    )
    .map((pairs) => pairs.map((pair) => pair.join("=")).join("&")),
);

// Each kind: for an operation it concerns, how a request looks and what it must be answered with.
// `status` undefined: it may be valid by chance; then only what was refused must not change anything.
export const refusals = (described, runs) => ({
  "no token": {
    concerns: (o) => o.signedIn,
    requests: () => fc.constant({ who: "nobody" }),
    status: [401],
    runs: 1,
  },
  "garbage token": {
    concerns: (o) => o.knowsTokens,
    requests: () =>
      token.map((text) => ({ who: "nobody", headers: { authorization: `Bearer ${text}` } })),
    status: [401],
  },
  "other schemes": {
    concerns: (o) => o.signedIn,
    requests: () =>
      fc
        .constantFrom("Basic YTpi", "Bearer", "Bearer ", "bearer", "Digest x", "", "\xff")
        .map((text) => ({
          who: "nobody",
          headers: { authorization: text },
        })),
    status: [401],
  },
  "another's token": {
    concerns: (o) => ownersOnly.has(o.name) || o.admin,
    requests: () => fc.constantFrom({ who: "stranger" }, { who: "other" }),
    status: [403, 404],
    runs: 2,
  },
  "cookie without proof": {
    concerns: (o) => o.signedIn && !o.safe,
    requests: () =>
      fc
        .constantFrom(
          {},
          { origin: "http://evil.example" },
          { "madang-csrf": "1" },
          { origin: "null", "madang-csrf": "1" },
        )
        .map((headers) => ({ who: "cookie", headers })),
    status: [403],
    runs: 4,
  },
  "missing ids": {
    concerns: (o) => o.parameters.some((p) => p.name === "id"),
    requests: () => missingIds.map((id) => ({ id })),
    status: [404],
    runs: 4,
  },
  "malformed ids": {
    concerns: (o) => o.parameters.some((p) => p.name === "id"),
    requests: () => malformedIds.map((id) => ({ id })),
    status: [404, 405], // `current` and `ranking` are names of other routes
  },
  "wrong methods": {
    concerns: () => true,
    requests: (o) => {
      const allowed = operationsOf(described)
        .filter((other) => other.path === o.path)
        .map((other) => other.method);
      const others = methods.filter(
        (m) => !allowed.includes(m) && !(m === "HEAD" && allowed.includes("GET")),
      );
      return fc.constantFrom(...others).map((method) => ({ method }));
    },
    status: [405, 404], // POST /media/{id} and the like are other routes' paths without the method
  },
  "wrong queries": {
    concerns: (o) => o.query.length > 0,
    requests: (o) =>
      queryFaults(o.query).map(([name, value]) => {
        const rest = o.query.filter((p) => p.required && p.name !== name).map((p) => `${p.name}=a`);
        return { query: [...rest, `${name}=${value}`].join("&") };
      }),
    // An event id that cannot be is only a stream's beginning.
    status: (o) => (endless.has(o.name) ? undefined : [422]),
  },
  "random queries": {
    concerns: () => true,
    // A query means nothing to a route that changes something: there, nobody sends it, and nothing.
    requests: (o) =>
      randomQuery.map((query) => ({ query, ...(o.safe ? {} : { who: "nobody", body: "" }) })),
    status: (o) => (o.safe ? undefined : [400, 401]),
  },
  "wrong content types": {
    concerns: (o) => o.body !== undefined,
    requests: () =>
      contentTypes.map((type) => ({ validBody: true, headers: { "content-type": type } })),
    status: [415],
    runs: 4,
  },
  "wrong bodies": {
    concerns: (o) => o.body !== undefined,
    requests: (o) => faults(described, o.body).map(({ what, value }) => ({ what, json: value })),
    status: [422, 400],
    runs: runs * 4,
  },
  "broken JSON": {
    concerns: (o) => o.body !== undefined,
    requests: (o) =>
      valid(described, o.body)
        .chain((body) => brokenJson(JSON.stringify(body)))
        .map((body) => ({ body, headers: { "content-type": "application/json" } })),
    status: [400, 422],
    runs: runs * 2,
  },
  "huge bodies": {
    concerns: (o) => !o.safe,
    requests: () =>
      fc.constantFrom(70_000, 1_000_000).map((size) => ({
        body: `{"text":"${"a".repeat(size)}"}`,
        headers: { "content-type": "application/json" },
      })),
    status: [413],
    runs: 2,
  },
  "arbitrary JSON": {
    concerns: (o) => o.body !== undefined,
    requests: (o) => {
      const names = Object.keys(
        (o.body.$ref ? described.components.schemas[o.body.$ref.split("/").pop()] : o.body)
          .properties ?? {},
      );
      return fc
        .oneof(
          fc.jsonValue(),
          fc.dictionary(
            fc.constantFrom(...names, "x", "__proto__", ""),
            fc.jsonValue({ maxDepth: 3 }),
          ),
        )
        .map((json) => ({
          body: JSON.stringify(json),
          headers: { "content-type": "application/json" },
        }));
    },
    runs: runs * 2,
  },
});
