// How often is often enough: by address, by account, with the headers that say so.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newPerson } from "./support/people.mjs";
import { assertProblem, Yard } from "./support/yard.mjs";

describe("throttling", () => {
  test("sign-up by address, sign-in by address and by account", async () => {
    const tight = await Yard.open({
      env: {
        MADANG_RATE__SIGN_UP: "3",
        MADANG_RATE__SIGN_IN: "8",
        MADANG_RATE__SIGN_IN_ACCOUNT: "4",
      },
    });
    try {
      const refused = (answer) => {
        assertProblem(answer, 429, "rate_limited");
        assert.ok(Number(answer.headers["retry-after"]) >= 1);
      };
      const people = [await tight.join("a"), await tight.join("b"), await tight.join("c")];
      refused(await tight.client.post("/accounts", newPerson("d")));
      const guess = (email) => tight.client.post("/sessions", { email, password: "wrong!!!" });
      for (let i = 0; i < 4; ++i) assertProblem(await guess(people[0].email), 401);
      refused(await guess(people[0].email));
      const known = { email: people[0].email, password: people[0].password };
      refused(await tight.client.post("/sessions", known));
      for (let i = 0; i < 2; ++i) assertProblem(await guess(people[1].email), 401);
      refused(await guess(people[2].email));
      assert.equal((await people[0].get("/me")).status, 200, "who is signed in is not concerned");
    } finally {
      await tight.close();
    }
  });

  test("guessed tokens and searches, by address", async () => {
    const tight = await Yard.open({
      env: { MADANG_RATE__BAD_TOKENS: "5", MADANG_RATE__SEARCHES: "3" },
    });
    try {
      const answers = [];
      for (let i = 0; i < 8; ++i) answers.push(await tight.client.as(`${i}`.repeat(43)).get("/me"));
      assert.deepEqual(
        answers.map((answer) => answer.status),
        [401, 401, 401, 401, 401, 429, 429, 429],
      );
      for (const answer of answers.slice(5)) {
        assertProblem(answer, 429, "rate_limited");
        assert.ok(Number(answer.headers["retry-after"]) >= 1);
      }
      const neighbour = await tight.join("neighbour");
      assert.equal((await neighbour.get("/me")).status, 200, "good tokens from there still hold");
      for (let i = 0; i < 3; ++i)
        assert.equal((await tight.client.get("/users?query=x")).status, 200);
      const answer = await tight.client.get("/users?query=x");
      assertProblem(answer, 429, "rate_limited");
      assert.match(answer.headers.ratelimit, /;r=0;/);
      assert.equal((await tight.client.get("/posts/ranking")).status, 200);
    } finally {
      await tight.close();
    }
  });

  test("an account's reads and writes, with RateLimit headers", async () => {
    const tight = await Yard.open({ env: { MADANG_RATE__READS: "5", MADANG_RATE__WRITES: "3" } });
    try {
      const [me, other] = [await tight.join("me"), await tight.join("other")];
      const first = await me.get("/me");
      assert.equal(first.headers["ratelimit-policy"], '"read";q=5;w=10');
      assert.match(first.headers.ratelimit, /^"read";r=4;t=\d+$/);
      const reads = await Promise.all(Array.from({ length: 8 }, () => me.get("/me")));
      assert.equal(reads.filter((answer) => answer.status === 200).length, 4);
      for (const answer of reads.filter((a) => a.status !== 200)) {
        assertProblem(answer, 429, "rate_limited");
        assert.ok(Number(answer.headers["retry-after"]) >= 1);
        assert.match(answer.headers.ratelimit, /^"read";r=0;t=\d+$/);
      }
      const texts = Array.from({ length: 6 }, (_, i) => me.create("/posts", { text: `${i}` }));
      const writes = await Promise.all(texts);
      assert.equal(writes.filter((answer) => answer.status === 201).length, 3);
      assert.equal((await other.get(`/users/${me.id}`)).json.post_count, 3);
      assert.equal((await other.create("/posts", { text: "내 몫은 그대로" })).status, 201);
    } finally {
      await tight.close();
    }
  });
});
