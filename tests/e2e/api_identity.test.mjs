// Accounts, sessions, cookies, withdrawal: API.md's part "Identity" by example.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newPerson } from "./support/people.mjs";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

let yard;
before(async () => (yard = await Yard.open()));
after(() => yard.close());

describe("sign-up", () => {
  test("answers the account, a token and when it ends", async () => {
    const person = newPerson("하늘");
    const answer = await yard.client.post("/accounts", { ...person, name: "김하늘", extra: 1 });
    assert.equal(answer.status, 201, answer.text);
    const { account, token, expires_at } = answer.json;
    assert.equal(account.handle, person.handle);
    assert.equal(account.name, "김하늘");
    assert.equal(account.email, person.email);
    assert.deepEqual(account.roles, ["user"]);
    assert.ok(Number.isSafeInteger(account.id) && account.id > 0);
    assert.match(token, /^[A-Za-z0-9_-]{43}$/);
    const days = (Date.parse(expires_at) - Date.now()) / 86_400_000;
    assert.ok(days > 29.9 && days < 30.1, `30 days, not ${days}`);
    assert.match(account.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(answer.headers["cache-control"], /no-store/);
    assert.ok(!answer.text.includes(person.password));
  });

  test("the role never comes from the client", async () => {
    const liar = await yard.join("liar", { roles: ["admin"], is_admin: true });
    assert.deepEqual((await liar.get("/me")).json.roles, ["user"]);
    assertProblem(await liar.get("/admin/reports"), 403, "forbidden");
  });

  test("takes an address and a handle once, without regard to case", async () => {
    const first = await yard.join("Once");
    const again = (change) => yard.client.post("/accounts", { ...newPerson("twice"), ...change });
    assertProblem(await again({ email: first.email }), 409, "email_taken");
    assertProblem(await again({ email: first.email.toUpperCase() }), 409, "email_taken");
    assertProblem(await again({ handle: first.handle }), 409, "handle_taken");
    assertProblem(await again({ handle: first.handle.toUpperCase() }), 409, "handle_taken");
  });

  test("a race for one handle has one winner", async () => {
    const tries = Array.from({ length: 12 }, () => ({ ...newPerson("race"), handle: "only_one" }));
    const answers = await Promise.all(tries.map((person) => yard.client.post("/accounts", person)));
    assert.equal(answers.filter((answer) => answer.status === 201).length, 1);
    for (const answer of answers.filter((a) => a.status !== 201))
      assertProblem(answer, 409, "handle_taken");
  });

  const refused = [
    ["email", "no-at-sign"],
    ["email", "a@b"],
    ["email", `${"x".repeat(250)}@example.com`],
    ["email", 7],
    ["password", "seven77"],
    ["password", "x".repeat(129)],
    ["password", "password"],
    ["password", "12345678"],
    ["handle", "a"],
    ["handle", "a".repeat(21)],
    ["handle", "with space"],
    ["handle", "dash-ed"],
    ["handle", "имя"],
    ["handle", null],
    ["name", "n".repeat(51)],
    ["name", "two\nlines"],
  ];
  for (const [field, value] of refused)
    test(`refuses ${field} ${JSON.stringify(value).slice(0, 30)}`, async () => {
      const answer = await yard.client.post("/accounts", { ...newPerson("no"), [field]: value });
      assertProblem(answer, 422, "validation_failed", field);
    });

  test("says of every missing field that it is missing", async () => {
    const problem = assertProblem(
      await yard.client.post("/accounts", {}),
      422,
      "validation_failed",
    );
    assert.deepEqual(problem.errors.map((e) => e.field).sort(), ["email", "handle", "password"]);
  });

  test("a handle of 2 to 20 letters, Latin or Hangul, and a password of 8 or 128", async () => {
    for (const handle of ["가나", "ÅÄ", "a".repeat(20), "마".repeat(20), "_9"])
      await yard.join("x", { handle });
    await yard.join("short", { password: "마당에서 같이요" });
    const long = await yard.join("long", { password: "긴".repeat(128) });
    await yard.signIn(long);
  });
});

describe("sign-in", () => {
  test("needs the right password; what is wrong is not said", async () => {
    const person = await yard.join("door");
    const signedIn = await yard.signIn(person);
    assert.equal((await signedIn.get("/me")).json.id, person.id);
    assert.notEqual(signedIn.token, person.token);
    const wrong = await yard.client.post("/sessions", {
      email: person.email,
      password: "wrong!!!",
    });
    const unknown = await yard.client.post("/sessions", {
      email: "nobody@example.com",
      password: "wrong!!!",
    });
    const problems = [wrong, unknown].map((a) => assertProblem(a, 401, "bad_credentials"));
    assert.equal(problems[0].detail, problems[1].detail);
    const other = await yard.client.post("/sessions", {
      email: person.email.toUpperCase(),
      password: person.password,
    });
    assert.equal(other.status, 201, "the address is matched without regard to case");
  });

  test("composed and decomposed Hangul are one password", async () => {
    const person = await yard.join("nfc", { password: "마당에서-놀자!".normalize("NFC") });
    await yard.signIn({ ...person, password: person.password.normalize("NFD") });
  });

  test("no token, a garbled one and a stranger's scheme are 401 with WWW-Authenticate", async () => {
    const answers = [
      await yard.client.get("/me"),
      await yard.client.as("nonsense").get("/me"),
      await yard.client.as("A".repeat(43)).get("/me"),
      await yard.client.get("/me", { headers: { authorization: "Basic YTpi" } }),
    ];
    for (const answer of answers) {
      assertProblem(answer, 401, "unauthenticated");
      assert.match(answer.headers["www-authenticate"], /^Bearer/);
    }
    // A wrong token is told so even where none is needed.
    assertProblem(await yard.client.as("A".repeat(43)).get("/posts/ranking"), 401);
    assert.equal((await yard.client.get("/posts/ranking")).status, 200);
  });
});

describe("sessions", () => {
  test("are listed with their devices, one of them this one", async () => {
    const phone = await yard.join("devices");
    const laptop = await yard.client.post(
      "/sessions",
      { email: phone.email, password: phone.password },
      { headers: { "user-agent": "Laptop/1.0" } },
    );
    const { items } = (await phone.get("/sessions")).json;
    assert.equal(items.length, 2);
    assert.equal(items.filter((session) => session.current).length, 1);
    const other = items.find((session) => !session.current);
    assert.equal(other.user_agent, "Laptop/1.0");
    assert.equal(other.address, "127.0.0.1");
    for (const name of ["created_at", "last_used_at", "expires_at"])
      assert.ok(Date.parse(other[name]) > 0);
    assert.ok(!JSON.stringify(items).includes(laptop.json.token));
  });

  test("a revoked one is refused within a second", async () => {
    const here = await yard.join("revoke");
    const there = await yard.signIn(here);
    assert.equal((await there.get("/me")).status, 200); // now it is in the cache
    const { items } = (await here.get("/sessions")).json;
    const id = items.find((session) => !session.current).id;
    assert.equal((await here.delete(`/sessions/${id}`)).status, 204);
    await eventually("401", async () => (await there.get("/me")).status === 401, {
      withinMs: 1000,
    });
    assert.equal((await here.get("/me")).status, 200);
    assertProblem(await here.delete(`/sessions/${id}`), 404, "not_found");
  });

  test("of somebody else are not there", async () => {
    const mine = await yard.join("mine");
    const thief = await yard.join("thief");
    const { items } = (await mine.get("/sessions")).json;
    assertProblem(await thief.delete(`/sessions/${items[0].id}`), 404, "not_found");
    assert.equal((await mine.get("/me")).status, 200);
  });

  test("current signs out this one only", async () => {
    const here = await yard.join("leave");
    const there = await yard.signIn(here);
    assert.equal((await here.delete("/sessions/current")).status, 204);
    await eventually("401", async () => (await here.get("/me")).status === 401, { withinMs: 1000 });
    assert.equal((await there.get("/me")).status, 200);
  });
});

describe("password", () => {
  test("changing it ends the other sessions and the old password", async () => {
    const here = await yard.join("change");
    const there = await yard.signIn(here);
    assert.equal((await there.get("/me")).status, 200);
    const change = { old: here.password, new: "새로운-열쇠-42" };
    assertProblem(
      await here.post("/me/password", { ...change, old: "wrong!!!" }),
      403,
      "bad_credentials",
    );
    assertProblem(
      await here.post("/me/password", { ...change, new: "short" }),
      422,
      "validation_failed",
      "new",
    );
    assert.equal((await there.get("/me")).status, 200, "a refused change ends nothing");
    assert.equal((await here.post("/me/password", change)).status, 204);
    await eventually("401", async () => (await there.get("/me")).status === 401, {
      withinMs: 1000,
    });
    assert.equal((await here.get("/me")).status, 200);
    assertProblem(
      await yard.client.post("/sessions", { email: here.email, password: here.password }),
      401,
      "bad_credentials",
    );
    await yard.signIn({ ...here, password: change.new });
  });
});

describe("profile", () => {
  test("PATCH changes what it names and answers the whole", async () => {
    const me = await yard.join("edit");
    const changed = await me.patch("/me", { name: "새 이름", bio: "첫 줄\r\n둘째 줄" });
    assert.equal(changed.status, 200, changed.text);
    assert.equal(changed.json.name, "새 이름");
    assert.equal(changed.json.bio, "첫 줄\n둘째 줄");
    assert.equal(changed.json.handle, me.handle);
    assert.deepEqual((await me.get("/me")).json, changed.json);
    const seen = (await yard.client.get(`/users/${me.id}`)).json;
    assert.equal(seen.name, "새 이름");
    assert.equal(seen.email, undefined);
    assert.deepEqual((await me.patch("/me", {})).json, changed.json);
    assertProblem(await me.patch("/me", { bio: "b".repeat(301) }), 422, "validation_failed", "bio");
    assertProblem(await me.patch("/me", { handle: "x" }), 422, "validation_failed", "handle");
    assertProblem(await me.patch("/me", []), 422, "validation_failed");
    assert.deepEqual((await me.get("/me")).json, changed.json);
  });

  test("a new handle finds the profile, the old one no more", async () => {
    const me = await yard.join("before");
    const next = `${me.handle}_new`;
    assert.equal((await me.patch("/me", { handle: next })).json.handle, next);
    const found = await yard.client.get(`/users/by-handle/${next.toUpperCase()}`);
    assert.equal(found.json.id, me.id);
    assertProblem(await yard.client.get(`/users/by-handle/${me.handle}`), 404, "not_found");
    const other = await yard.join("other");
    assertProblem(await me.patch("/me", { handle: other.handle }), 409, "handle_taken");
    const post = (await me.create("/posts", { text: "서명" })).json;
    await me.patch("/me", { name: "다른 이름" });
    assert.equal((await yard.client.get(`/posts/${post.id}`)).json.author.name, "다른 이름");
  });
});

describe("withdrawal", () => {
  test("needs the password; then nothing of the account is left to see", async () => {
    const me = await yard.join("gone");
    const friend = await yard.join("friend");
    await friend.put(`/users/${me.id}/follow`);
    await me.put(`/users/${friend.id}/follow`);
    const post = (await me.create("/posts", { text: "곧 사라질 글" })).json;
    const theirs = (await friend.create("/posts", { text: "남는 글" })).json;
    await me.create(`/posts/${theirs.id}/comments`, { text: "곧 사라질 댓글" });
    assertProblem(await me.delete("/me", { password: "wrong!!!" }), 403, "bad_credentials");
    assertProblem(await me.delete("/me", {}), 422, "validation_failed", "password");
    assert.equal((await me.get("/me")).status, 200);
    assert.equal((await me.delete("/me", { password: me.password })).status, 204);

    await eventually("401", async () => (await me.get("/me")).status === 401, { withinMs: 1000 });
    for (const reader of [yard.client, friend]) {
      assertProblem(await reader.get(`/posts/${post.id}`), 404, "not_found");
      assertProblem(await reader.get(`/users/${me.id}`), 404, "not_found");
      assertProblem(await reader.get(`/users/${me.id}/posts`), 404, "not_found");
    }
    const feed = await friend.all("/feed");
    assert.ok(!feed.some((item) => item.post.id === post.id), "its posts leave feeds at once");
    assert.deepEqual((await friend.get(`/posts/${theirs.id}/comments`)).json.items, []);
    assertProblem(
      await yard.client.post("/sessions", { email: me.email, password: me.password }),
      401,
      "bad_credentials",
    );
    const again = await yard.client.post("/accounts", { ...newPerson("again"), email: me.email });
    assertProblem(again, 409, "email_taken");
  });
});

describe("cookie", () => {
  let cookie;
  let person;
  before(async () => {
    person = newPerson("baker");
    const answer = await yard.client.post("/accounts", person, {
      headers: { "madang-session": "cookie" },
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.json.token, undefined, "the token stays out of the body");
    const [set] = answer.headers["set-cookie"];
    assert.match(set, /; HttpOnly/);
    assert.match(set, /; SameSite=Lax/);
    assert.match(set, /; Path=\//);
    assert.match(set, /; Max-Age=\d+/);
    cookie = set.split(";")[0];
    assert.match(cookie, /^madang_session=[A-Za-z0-9_-]{43}$/);
  });
  const send = (method, path, headers, json) =>
    yard.client.call(method, path, { headers: { cookie, ...headers }, json });
  const ours = () => ({ origin: yard.url, "madang-csrf": "1" });

  test("reads need nothing else", async () => {
    assert.equal((await send("GET", "/me", {})).json.handle, person.handle);
  });

  test("unsafe calls need a same-origin Origin and Madang-Csrf", async () => {
    const text = { text: "쿠키로" };
    const refused = [
      {},
      { origin: yard.url },
      { "madang-csrf": "1" },
      { ...ours(), "madang-csrf": "0" },
      { ...ours(), origin: "http://evil.example" },
      { ...ours(), origin: "null" },
      { ...ours(), origin: `${yard.url}.evil.example` },
    ];
    for (const headers of refused)
      assertProblem(await send("POST", "/posts", headers, text), 403, "csrf_failed");
    assertProblem(await send("DELETE", "/sessions/current", {}), 403, "csrf_failed");
    assert.equal((await send("POST", "/posts", ours(), text)).status, 201);
    assert.equal(
      (await send("GET", `/users/by-handle/${encodeURIComponent(person.handle)}`, {})).json
        .post_count,
      1,
    );
  });

  test("signing out clears it", async () => {
    const answer = await send("DELETE", "/sessions/current", ours());
    assert.equal(answer.status, 204);
    assert.match(answer.headers["set-cookie"][0], /^madang_session=;.*Max-Age=0/);
    await eventually("401", async () => (await send("GET", "/me", {})).status === 401, {
      withinMs: 1000,
    });
    assert.equal(
      (await send("GET", "/posts/ranking", {})).status,
      200,
      "a stale cookie is a visitor",
    );
  });
});

test("with an https public URL cookies are Secure and __Host-", async () => {
  const secure = await Yard.open({ env: { MADANG_HTTP__PUBLIC_URL: "https://yard.example" } });
  try {
    const answer = await secure.client.post("/accounts", newPerson("tls"), {
      headers: { "madang-session": "cookie" },
    });
    const [set] = answer.headers["set-cookie"];
    assert.match(set, /^__Host-madang_session=/);
    assert.match(set, /; Secure/);
    const cookie = set.split(";")[0];
    const post = (origin) =>
      secure.client.post(
        "/posts",
        { text: "x" },
        { headers: { cookie, origin, "madang-csrf": "1" } },
      );
    assertProblem(await post(secure.url), 403, "csrf_failed");
    assert.equal((await post("https://yard.example")).status, 201);
  } finally {
    await secure.close();
  }
});

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
