// A restart's first request finds what it needs in memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, Yard } from "./support/yard.mjs";

const readers = 8;

async function figures(yard) {
  const { text } = await yard.client.request("GET", "/metrics");
  const of = (series) => Number(new RegExp(`^${series} (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  return {
    warm: of("madang_feed_warm"),
    memory: of('madang_feed_pages_total{source="memory"}'),
    sql: of('madang_feed_pages_total{source="sql"}'),
    warmed: of("madang_warm_up_feeds_total"),
  };
}

async function town(env) {
  const yard = await Yard.open({ env });
  const author = await yard.join("author");
  for (let i = 0; i < 5; ++i) await author.create("/posts", { text: `글 ${i}` });
  const people = [];
  for (let i = 0; i < readers; ++i) {
    const reader = await yard.join("reader");
    await reader.put(`/users/${author.id}/follow`);
    people.push(reader);
  }
  await yard.server.stopOnly();
  await yard.server.resume();
  yard.connect();
  return { yard, people: people.map((person) => yard.signedIn(person, person)) };
}

test("after a restart the feeds of those who were here are warm before anybody asks", async () => {
  const { yard, people } = await town({ MADANG_SERVER__WARM_UP: "20000" });
  try {
    await eventually("all feeds are built", async () => (await figures(yard)).warm === readers + 1);
    const before = await figures(yard);
    assert.equal(before.warmed, readers + 1);
    for (const person of people) {
      const { items } = (await person.get("/feed?limit=5")).json;
      assert.equal(items.length, 5);
      assert.ok(items.every((item) => item.seen === false), "warming up is not looking");
    }
    const after = await figures(yard);
    assert.equal(after.sql, before.sql, "no page came from SQL");
    assert.ok(after.memory >= before.memory + readers);
  } finally {
    await yard.close();
  }
});

test("without it, feeds are built when they are asked for", async () => {
  const { yard, people } = await town({ MADANG_SERVER__WARM_UP: "0" });
  try {
    assert.deepEqual(await figures(yard), { warm: 0, memory: 0, sql: 0, warmed: 0 });
    assert.equal((await people[0].get("/feed")).json.items.length, 5);
    assert.equal((await figures(yard)).sql, 1);
  } finally {
    await yard.close();
  }
});
