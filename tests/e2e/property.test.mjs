// Every route of the server's own OpenAPI document, tried with requests generated from it: what is
// refused is refused properly and changes nothing, nothing is ever a 5xx, and what is valid works.
//
//   PROPERTY_SEED=n   the same requests again (printed at the beginning)
//   PROPERTY_RUNS=n   requests a route and kind (default 8)
//   PROPERTY_ONLY=s   only routes whose name has this in it
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { startServer } from "./support/server.mjs";
import { mismatch, operationsOf, valid } from "./support/openapi.mjs";
import { refusals } from "./support/refusals.mjs";
import { everybodys, ownersOnly, Town } from "./support/town.mjs";
import { Client } from "./support/client.mjs";
import { Yard } from "./support/yard.mjs";

const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env.PROPERTY_RUNS ?? 8);
const only = process.env.PROPERTY_ONLY ?? "";

// What may move although a request was refused, and why:
//   feed_marks        which posts a reader has seen, saved off the request, in batches
//   event_positions   how far a subscriber has read the log of events, with its lease
//   ranking_snapshots the ranking as it was counted, for lists that were begun with it
const bookkeeping = ["feed_marks", "event_positions", "ranking_snapshots"];

const described = await (async () => {
  const server = await startServer();
  const document = await (await fetch(`${server.url}/api/openapi.json`)).json();
  await server.stop();
  return document;
})();
const operations = operationsOf(described).filter((operation) => operation.name.includes(only));

let yard;
let town;
let tables;
const report = new Map(
  operations.map(({ name }) => [name, { valid: 0, accepted: 0, refused: 0, kinds: new Set() }]),
);

before(async () => {
  console.log(`# PROPERTY_SEED=${seed} PROPERTY_RUNS=${runs}: ${operations.length} routes`);
  yard = await Yard.open();
  town = await Town.build(yard);
  tables = await yard.tables();
});
after(async () => {
  await tables?.close();
  await yard?.close();
});

// ---------------------------------------------------------------- sending and judging

const pathOf = (operation, { id, handle }) =>
  operation.path
    .replace("{id}", id)
    .replace("{handle}", encodeURIComponent(handle ?? "x"))
    .replace("{subscriber}", "tests");

function send(
  operation,
  { who = yard.client, method = operation.method, path, query, json, body, headers },
) {
  return who.request(method, query ? `${path}?${query}` : path, {
    json,
    body,
    headers,
  });
}

const members = ["type", "title", "status", "code", "request_id"];

// What holds for every answer whatsoever.
function judge(operation, answer, sent) {
  const { status, headers } = answer;
  assert.ok(status < 500, `${operation.name}: ${status} ${answer.text}`);
  assert.ok(status >= 200 && (status < 300 || status >= 400), `${operation.name}: ${status}`);
  assert.ok(headers["x-request-id"], "every answer names its request");
  // A wrong method is another operation, or none: the document tells of 405 at its beginning.
  const asDescribed = (sent?.method ?? operation.method) === operation.method && status !== 405;
  if (asDescribed)
    assert.ok(
      operation.statuses.includes(status),
      `${operation.name}: ${status} is not documented`,
    );
  if (status < 300) {
    const schema = operation.answers[status];
    if (!schema || sent?.method === "HEAD") return;
    const wrong = mismatch(described, schema, answer.json);
    assert.equal(wrong, undefined, `${operation.name}: ${status} is not as documented: ${wrong}`);
    return;
  }
  if (status === 401) assert.ok(headers["www-authenticate"]);
  if (status === 405) assert.ok(headers.allow);
  if (status === 429 || status === 503) assert.ok(Number(headers["retry-after"]) >= 1);
  if (sent?.method === "HEAD") return;
  assert.equal(headers["content-type"], "application/problem+json", answer.text);
  const problem = answer.json;
  for (const member of members) assert.ok(problem[member], `${member}: ${answer.text}`);
  assert.equal(problem.status, status);
  assert.equal(problem.request_id, headers["x-request-id"]);
  if (problem.code === "validation_failed") assert.ok(problem.errors.length > 0);
  for (const error of problem.errors ?? [])
    assert.ok(typeof error.field === "string" && error.code && error.message, answer.text);
}

const seedOf = (...parts) =>
  createHash("sha256")
    .update([seed, ...parts].join("|"))
    .digest()
    .readInt32BE(0);

// Runs the check with generated values; a failure shows the smallest one that fails.
async function forAll(operation, kind, arbitrary, check, numRuns = runs) {
  report.get(operation.name).kinds.add(kind);
  const property = fc.asyncProperty(arbitrary, check);
  await fc.assert(property, {
    seed: seedOf(operation.name, kind),
    numRuns,
    includeErrorInReport: true,
  });
}

// ---------------------------------------------------------------- requests that are refused

const kinds = refusals(described, runs);

// From what a kind asks to a request that is otherwise in order.
function request(operation, asked) {
  const who =
    { nobody: yard.client, stranger: town.stranger, other: town.other, cookie: yard.client }[
      asked.who
    ] ?? town.caller(operation);
  const id =
    asked.id ??
    (operation.parameters.some((p) => p.name === "id") ? town.idFor(operation) : undefined);
  const headers = {
    ...(asked.who === "cookie" ? { cookie: `madang_session=${town.caller(operation).token}` } : {}),
    ...asked.headers,
  };
  const needed = operation.query
    .filter((p) => p.required)
    .map((p) => `${p.name}=a`)
    .join("&");
  const sent = {
    who,
    method: asked.method,
    path: pathOf(operation, { id, handle: town.other.handle }),
    query: asked.query ?? needed,
    headers,
  };
  if (asked.body !== undefined) return { ...sent, body: asked.body };
  if (asked.json !== undefined) return { ...sent, json: asked.json };
  if (operation.body === undefined) return sent;
  const [example] = fc.sample(valid(described, operation.body), {
    seed: seedOf(operation.name),
    numRuns: 1,
  });
  if (!asked.validBody) return { ...sent, json: example };
  return { ...sent, body: JSON.stringify(example) };
}

const snapshot = () => tables.snapshot({ except: bookkeeping });

describe("refused requests", () => {
  before(() => tables.settled({ except: bookkeeping }));

  test("every route that names a thing says whose it is", () => {
    for (const operation of operationsOf(described))
      if (!operation.safe && operation.parameters.some((p) => p.name === "id"))
        assert.ok(ownersOnly.has(operation.name) || everybodys.has(operation.name), operation.name);
  });

  for (const operation of operations)
    test(operation.name, async () => {
      const counted = report.get(operation.name);
      const settled = () => tables.settled({ except: bookkeeping });
      const concerned = Object.entries(kinds).filter(([, kind]) => kind.concerns(operation));
      const certain = ([, { status }]) =>
        operation.safe || (typeof status === "function" ? status(operation) : status);
      const first = await settled();
      for (const [kind, { requests, status, runs: most }] of concerned.filter(certain)) {
        const expected = typeof status === "function" ? status(operation) : status;
        const before = await snapshot();
        await forAll(
          operation,
          kind,
          requests(operation),
          async (asked) => {
            const sent = request(operation, asked);
            const answer = await send(operation, sent);
            judge(operation, answer, sent);
            if (expected)
              assert.ok(
                expected.includes(answer.status),
                `${answer.status}, not ${expected}: ${answer.text}`,
              );
            if (answer.status >= 400) ++counted.refused;
          },
          most,
        );
        assert.deepEqual(await snapshot(), before, `${kind} changed something`);
      }
      assert.deepEqual(await settled(), first, "something moved afterwards");
      // What may be in order by chance: each request by itself, when it was refused.
      for (const [kind, { requests, runs: most }] of concerned.filter((kind) => !certain(kind))) {
        let before = await settled();
        const check = async (asked) => {
          const sent = request(operation, asked);
          const answer = await send(operation, sent);
          judge(operation, answer, sent);
          if (answer.status < 400) before = await settled();
          else ++counted.refused;
          assert.deepEqual(await snapshot(), before, `${kind} changed something`);
        };
        await forAll(operation, kind, requests(operation), check, most);
      }
    });
});

// ---------------------------------------------------------------- Idempotency-Key

const grown = (before, after) =>
  Object.fromEntries(
    Object.keys(after).map((name) => [name, parseInt(after[name]) - parseInt(before[name])]),
  );

describe("idempotency keys", () => {
  // Before anything is deleted, so that no sweeper removes rows meanwhile; and of what subscribers
  // add in their own time nothing is compared.
  const derived = [
    "outbox",
    "event_parked",
    "notifications",
    "notification_actors",
    "notification_marks",
    "sessions",
    "media",
  ];
  const count = () => tables.settled({ except: [...bookkeeping, ...derived] });

  for (const operation of operations.filter((o) => o.keyed))
    test(`${operation.name}: one effect, replayed or at once`, async () => {
      const crowd = new Client(yard.url, { sockets: 12 });
      await forAll(
        operation,
        "idempotency",
        operation.body ? valid(described, operation.body) : fc.constant(undefined),
        async (body) => {
          const { who, id, body: json } = await town.ready(operation, body);
          const other = await town.ready(operation, body);
          const path = pathOf(operation, { id });
          const keyed = (key, what) =>
            send(operation, {
              who: crowd.as(who.token),
              path,
              json: what,
              headers: { "idempotency-key": key },
            });
          const start = await count();
          const single = await send(operation, {
            who: crowd.as(other.who.token),
            path: pathOf(operation, { id: other.id }),
            json: other.body,
            headers: { "idempotency-key": randomUUID() },
          });
          judge(operation, single);
          if (single.status >= 300) return;
          const one = grown(start, await count());

          const middle = await count();
          const key = randomUUID();
          const answers = await Promise.all(Array.from({ length: 6 }, () => keyed(key, json)));
          answers.push(await keyed(key, json));
          for (const answer of answers) judge(operation, answer);
          const done = answers.filter((answer) => answer.status < 300);
          assert.ok(done.length > 0);
          for (const answer of done) assert.equal(answer.text, done[0].text);
          for (const answer of answers.filter((a) => a.status >= 300))
            assert.equal(answer.json.code, "idempotency_in_flight");
          assert.deepEqual(
            grown(middle, await count()),
            one,
            "six at once and one later did more than one does",
          );

          const before = await count();
          const mismatched = await keyed(key, { ...json, another: 1 });
          assert.equal(mismatched.json.code, "idempotency_mismatch", mismatched.text);
          assert.deepEqual(await count(), before);
        },
        Math.max(2, runs >> 2),
      );
      crowd.close();
    });
});

// ---------------------------------------------------------------- requests that are in order

const queryOf = (parameters) =>
  fc.record(
    Object.fromEntries(
      parameters
        .filter((p) => p.name !== "cursor" && p.name !== "last_event_id")
        .map((p) => [p.name, valid(described, p.schema)]),
    ),
    { requiredKeys: parameters.filter((p) => p.required).map((p) => p.name) },
  );

describe("valid requests", () => {
  for (const operation of operations)
    test(operation.name, async () => {
      const counted = report.get(operation.name);
      const told = [];
      const generated = fc.record({
        body: operation.body ? valid(described, operation.body) : fc.constant(undefined),
        query: queryOf(operation.query),
      });
      await forAll(operation, "valid", generated, async ({ body, query }) => {
        const { who, id, handle, body: json } = await town.ready(operation, body);
        const answer = await send(operation, {
          who: operation.knowsTokens ? who : yard.client,
          path: pathOf(operation, { id, handle }),
          query: new URLSearchParams(query).toString(),
          json,
        });
        judge(operation, answer);
        ++counted.valid;
        if (answer.status < 300) ++counted.accepted;
        else told.push(`${answer.status} ${answer.text}`);
      });
      assert.ok(counted.accepted > 0, `never accepted: ${told[0]}`);
      assert.ok(
        counted.accepted >= counted.valid * 0.6,
        `accepted ${counted.accepted} of ${counted.valid}: ${told[0]}`,
      );
    });
});

// ---------------------------------------------------------------- that it tested something

test("every route was reached, and by every kind that concerns it", () => {
  const lines = [...report].map(
    ([name, { valid: tried, accepted, refused, kinds: used }]) =>
      `# ${name.padEnd(38)} valid ${String(accepted).padStart(3)}/${String(tried).padEnd(3)}  refused ${String(refused).padStart(4)}  kinds ${used.size}`,
  );
  console.log(lines.join("\n"));
  for (const [name, { accepted, refused, kinds: used }] of report) {
    assert.ok(accepted > 0, `${name} was never accepted`);
    assert.ok(refused > 0, `${name} was never refused`);
    assert.ok(used.has("valid") && used.size >= 3, `${name}: ${[...used]}`);
  }
});

test("after all of it all counters equal their rows", async () => {
  await yard.server.stopOnly();
  assert.match(await yard.recount(), /^0 counters differ/);
  await yard.server.resume();
  yard.connect();
});
