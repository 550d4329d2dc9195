// Devices, passwords and cookies: who is signed in, and for how long.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newPerson } from "./support/people.mjs";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

let yard;
before(async () => (yard = await Yard.open()));
after(() => yard.close());

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
