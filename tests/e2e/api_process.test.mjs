// The binary from outside: its commands, its configuration, how it starts and how it ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { newPerson } from "./support/people.mjs";
import { onMariaDb } from "./support/mariadb.mjs";
import { binary, storeSettings } from "./support/server.mjs";
import { changeTables } from "./support/tables.mjs";
import { assertProblem, eventually, sleep, Yard } from "./support/yard.mjs";

let folder;
before(async () => (folder = await mkdtemp(path.join(tmpdir(), "madang-process-"))));
after(() => rm(folder, { recursive: true, force: true }));

// The command's end: {code, out, err}.
async function run(args, { env = {}, input = "" } = {}) {
  const data = args.indexOf("--data") + 1;
  const store = data > 0 ? await storeSettings(args[data]) : {};
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { env: { ...process.env, ...store, ...env } });
    const said = { out: "", err: "" };
    child.stdout.on("data", (chunk) => (said.out += chunk));
    child.stderr.on("data", (chunk) => (said.err += chunk));
    child.once("error", reject);
    const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code, ...said });
    });
    child.stdin.on("error", () => {}).end(input);
  });
}

describe("configuration", () => {
  const refused = async (args, options, words) => {
    const { code, out, err } = await run(args, options);
    assert.equal(code, 2, `${out}${err}`);
    assert.match(err, words);
    assert.doesNotMatch(out, /ready/);
  };
  const serve = (...more) => [
    "serve",
    "--data",
    path.join(folder, "no"),
    "--listen",
    "127.0.0.1:0",
    ...more,
  ];

  test("unknown keys are refused with exit code 2, in the environment and in the file", async () => {
    await refused(serve(), { env: { MADANG_HTTP__COLOUR: "red" } }, /colour/i);
    await refused(serve(), { env: { MADANG_NOWHERE__KEY: "1" } }, /nowhere/i);
    const file = path.join(folder, "unknown.ini");
    await writeFile(file, "[http]\ncolour = red\n");
    await refused(serve("--config", file), {}, /colour/);
    await refused(serve("--colour", "red"), {}, /colour/);
    await refused(serve("--config", path.join(folder, "missing.ini")), {}, /missing\.ini/);
  });

  test("values that cannot be are refused", async () => {
    for (const [key, value] of [
      ["MADANG_HTTP__THREADS", "many"],
      ["MADANG_HTTP__THREADS", "-1"],
      ["MADANG_RATE__READS", "0"],
      ["MADANG_IDENTITY__SESSION_LIFE", "soon"],
      ["MADANG_IDENTITY__PASSWORD_MEMORY", "1"],
      ["MADANG_SERVER__LOG_LEVEL", "loud"],
    ])
      await refused(serve(), { env: { [key]: value } }, new RegExp(key.split("__")[1], "i"));
  });

  test("`config` prints what is in effect: the environment over the file", async () => {
    const file = path.join(folder, "some.ini");
    await writeFile(file, "# a comment\n[http]\nthreads = 3\n[rate]\nreads = 7\n");
    const { code, out } = await run(["config", "--config", file], {
      env: { MADANG_RATE__READS: "9" },
    });
    assert.equal(code, 0);
    assert.match(out, /^\[http\]$/m);
    assert.match(out, /^threads\s*=\s*3$/m);
    assert.match(out, /^reads\s*=\s*9$/m);
  });

  test("unknown commands exit with 2; --help and --version with 0", async () => {
    assert.equal((await run(["dance"])).code, 2);
    assert.equal((await run(["admin", "dance"])).code, 2);
    const help = await run(["--help"]);
    assert.equal(help.code, 0);
    for (const verb of [
      "serve",
      "migrate",
      "seed",
      "admin create",
      "backup",
      "restore",
      "config",
      "openapi",
    ])
      assert.ok(help.out.includes(verb), verb);
    assert.match((await run(["--version"])).out, /^madang \d+\.\d+\.\d+/);
  });

  test("`openapi` prints what the server serves", async () => {
    const yard = await Yard.open();
    try {
      const printed = await run(["openapi"]);
      assert.equal(printed.code, 0, printed.err);
      assert.deepEqual(
        JSON.parse(printed.out),
        (await yard.client.request("GET", "/api/openapi.json")).json,
      );
    } finally {
      await yard.close();
    }
  });
});

describe("the data folder", () => {
  test("belongs to one process at a time", async () => {
    const yard = await Yard.open();
    try {
      const second = await run(["serve", "--data", yard.data, "--listen", "127.0.0.1:0"]);
      assert.equal(second.code, 1);
      assert.match(second.err, /another madang/);
      assert.equal((await yard.client.request("GET", "/health/ready")).status, 200);
    } finally {
      await yard.close();
    }
  });

  test("a port in use is said so", async () => {
    const holder = net.createServer().listen(0, "127.0.0.1");
    await new Promise((ready) => holder.once("listening", ready));
    const { port } = holder.address();
    const { code, err } = await run([
      "serve",
      "--data",
      path.join(folder, "port"),
      "--listen",
      `127.0.0.1:${port}`,
    ]);
    holder.close();
    assert.equal(code, 1);
    assert.match(err, /in use/i);
  });

  test("migrating twice does nothing the second time", async () => {
    const data = path.join(folder, "twice");
    const first = await run(["migrate", "--data", data]);
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /^[1-9]\d* migrations applied/);
    assert.match((await run(["migrate", "--data", data])).out, /^0 migrations applied/);
  });
});

describe("admin", () => {
  test("create makes an account with the role; the password comes from the environment or input", async () => {
    const data = path.join(folder, "admins");
    const create = (person, options) =>
      run(
        ["admin", "create", "--data", data, "--email", person.email, "--handle", person.handle],
        options,
      );
    const people = [newPerson("root"), newPerson("root")];
    const made = await create(people[0], { env: { MADANG_ADMIN_PASSWORD: people[0].password } });
    assert.equal(made.code, 0, made.err);
    assert.ok(!made.out.includes(people[0].password));
    assert.equal((await create(people[1], { input: `${people[1].password}\n` })).code, 0);
    const again = await create(people[0], { input: `${people[0].password}\n` });
    assert.equal(again.code, 1);
    assert.equal((await create(newPerson("weak"), { input: "short\n" })).code, 1);
    const yard = await Yard.open({ data });
    try {
      for (const person of people)
        assert.deepEqual((await yard.signIn(person)).account.roles, ["user", "admin"]);
    } finally {
      await yard.close();
    }
  });

  test("recount finds what differs, and --fix corrects it", async () => {
    const data = path.join(folder, "recount");
    const yard = await Yard.open({ data });
    const [a, b] = [await yard.join("a"), await yard.join("b")];
    const post = (await a.create("/posts", { text: "글" })).json;
    await b.put(`/posts/${post.id}/like`);
    await b.put(`/users/${a.id}/follow`);
    await yard.close();
    const recount = (...more) => run(["admin", "recount", "--data", data, ...more]);
    assert.equal((await recount()).code, 0);

    await changeTables(
      data,
      `update posts set like_count = 5 where id = ${post.id};
       update social_profiles set follower_count = 0 where account_id = ${a.id};`,
    );
    const found = await recount();
    assert.equal(found.code, 1);
    assert.match(found.out, new RegExp(`like_count of ${post.id} is 5, its rows are 1`));
    assert.match(found.out, /^2 counters differ/m);
    assert.equal((await recount("--fix")).code, 0);
    const clean = await recount();
    assert.equal(clean.code, 0);
    assert.match(clean.out, /^0 counters differ/);
  });
});

describe("backup", { skip: onMariaDb && "MariaDB has its own tools for it" }, () => {
  test("is taken while served, verified, and restores what was acknowledged before it", async () => {
    const yard = await Yard.open();
    const file = path.join(folder, "copy.sqlite");
    try {
      const me = await yard.join("saved");
      const post = (await me.create("/posts", { text: "남겨 둘 글" })).json;
      let writing = true;
      const load = (async () => {
        while (writing) await me.create("/posts", { text: "그동안에도" });
      })();
      const made = await run(["backup", "--to", file, "--data", yard.data]);
      writing = false;
      await load;
      assert.equal(made.code, 0, made.err);
      assert.equal(
        (await run(["backup", "--to", file, "--data", yard.data])).code,
        1,
        "never over a file",
      );
      assert.equal((await run(["backup", "--data", yard.data])).code, 2);
      const sound = await run(["restore", "--verify", file]);
      assert.equal(sound.code, 0, sound.out);
      assert.match(sound.out, /^sound/);

      const restored = path.join(folder, "restored");
      await run(["migrate", "--data", restored]);
      for (const part of ["", "-wal", "-shm"])
        await rm(path.join(restored, `madang.sqlite${part}`), { force: true });
      await new Promise((done) =>
        spawn("cp", [file, path.join(restored, "madang.sqlite")]).once("close", done),
      );
      const other = await Yard.open({ data: restored });
      try {
        assert.equal((await other.client.get(`/posts/${post.id}`)).json.text, "남겨 둘 글");
        await other.signIn(me);
        assert.ok((await me.create("/posts", { text: "그 뒤" })).json.id > post.id);
      } finally {
        await other.close();
      }
    } finally {
      await yard.close();
    }
  });

  test("that is damaged is called unsound", async () => {
    const file = path.join(folder, "copy.sqlite");
    const bad = path.join(folder, "bad.sqlite");
    const cut = (from, bytes) =>
      new Promise((done) =>
        spawn("sh", ["-c", `head -c ${bytes} "${from}" > "${bad}"`]).once("close", done),
      );
    await cut(file, 40_000);
    const unsound = await run(["restore", "--verify", bad]);
    assert.equal(unsound.code, 1);
    assert.equal((await run(["restore", "--verify", path.join(folder, "none.sqlite")])).code, 1);
    await writeFile(bad, "this is no database at all");
    assert.equal((await run(["restore", "--verify", bad])).code, 1);
  });
});

describe("SIGTERM", () => {
  // A request whose body is still on its way when the signal comes.
  function begun(url, token, body) {
    const { hostname, port } = new URL(url);
    const socket = net.connect({ host: hostname, port: Number(port) });
    let text = "";
    socket.on("data", (chunk) => (text += chunk));
    const answered = new Promise((resolve, reject) => {
      socket.once("close", () => resolve(text));
      socket.once("error", reject);
    });
    socket.write(
      `POST /api/v1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`,
    );
    return { finish: () => socket.write(body), answered };
  }

  test("finishes what was begun, takes nothing new, exits with 0, and keeps what it answered", async () => {
    const data = path.join(folder, "drain");
    const yard = await Yard.open({ data });
    const me = await yard.join("last");
    const idle = net.connect({ host: "127.0.0.1", port: Number(new URL(yard.url).port) });
    idle.on("error", () => {});
    const requests = Array.from({ length: 4 }, (_, i) =>
      begun(yard.url, me.token, JSON.stringify({ text: `끝 ${i}` })),
    );
    await sleep(100); // the heads have arrived
    const ended = yard.server.stopOnly();
    await eventually("it takes no new connections", async () => {
      const socket = net.connect({ host: "127.0.0.1", port: Number(new URL(yard.url).port) });
      const taken = await new Promise((resolve) => {
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      });
      socket.destroy();
      return !taken;
    });
    for (const request of requests) request.finish();
    const answers = await Promise.all(requests.map((request) => request.answered));
    for (const text of answers) {
      assert.match(text, /^HTTP\/1\.1 201 /);
      assert.match(text, /\r\nConnection: close\r\n/i);
    }
    assert.equal(await ended, 0);
    idle.destroy();
    yard.client.close();
    const again = await Yard.open({ data });
    try {
      const posts = await again.client.all(`/users/${me.id}/posts`);
      assert.deepEqual(posts.map((post) => post.text).sort(), ["끝 0", "끝 1", "끝 2", "끝 3"]);
    } finally {
      await again.close();
    }
  });

  test("does not wait longer than http.drain_timeout for who never finishes", async () => {
    const yard = await Yard.open({ env: { MADANG_HTTP__DRAIN_TIMEOUT: "1s" } });
    const me = await yard.join("slow");
    const never = begun(yard.url, me.token, JSON.stringify({ text: "영원히" }));
    await sleep(50);
    const start = Date.now();
    await yard.close();
    assert.ok(Date.now() - start < 10_000);
    await never.answered.catch(() => {});
  });

  test("event-free restarts keep sessions, posts and ids moving forward", async () => {
    const yard = await Yard.open();
    try {
      let me = await yard.join("again");
      let last = 0;
      for (let round = 0; round < 3; ++round) {
        const { id } = (await me.create("/posts", { text: `${round}` })).json;
        assert.ok(id > last);
        last = id;
        await yard.server.stopOnly();
        await yard.server.resume();
        yard.connect();
        me = yard.signedIn(me, { account: me.account, token: me.token });
        assert.equal((await me.get("/me")).json.id, me.id, "the token outlives a restart");
      }
      assertProblem(await me.get("/posts/1"), 404);
    } finally {
      await yard.close();
    }
  });
});

test("killed again and again, it gives numbers at once each time", async () => {
  const yard = await Yard.open();
  const me = await yard.join("me");
  const ids = [];
  for (let life = 0; life < 12; ++life) {
    await yard.server.kill();
    await yard.server.resume();
    const made = await me.create("/posts", { text: `${life}` });
    assert.equal(made.status, 201, `life ${life}: ${made.text}`);
    ids.push(made.json.id);
  }
  assert.deepEqual(ids, [...ids].sort((a, b) => a - b), "they rise");
  assert.equal(new Set(ids).size, ids.length);
  await yard.close();
});
