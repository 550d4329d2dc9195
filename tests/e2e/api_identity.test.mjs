// Accounts, signing in, profiles, withdrawal: API.md's part "Identity" by example.
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
