// Moving house: a town on SQLite becomes the same town on MariaDB, though the move is killed again
// and again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { Cluster, run } from "./support.mjs";

const binary = process.env.MADANG_BINARY;
const password = "마당에서-놀자-7";
const kills = 6;
const filling = 60_000; // rows, 60 chunks

let cluster;
let folder;
let data;
let target;
const secret = { MADANG_DATABASE__PASSWORD: "madang" };
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "madang-move-"));
  data = path.join(folder, "data");
  const seeded = await run(binary, ["seed", "--people", "80", "--data", data]);
  assert.equal(seeded.code, 0, seeded.err);
  // Enough of something that the move takes a while.
  const filled = await run("sqlite3", [
    path.join(data, "madang.sqlite"),
    `with recursive n(n) as (select 1 union all select n + 1 from n where n < ${filling})
     insert into audit_log (id, admin_id, action, reason, created_at)
     select n, 1, 1, 'reason ' || n || ' 까닭', n from n;`,
  ]);
  assert.equal(filled.code, 0, filled.err);
  cluster = await Cluster.up("--without", "redis,s3,haproxy,madang,prometheus,alertmanager,mail,exporters");
  target = /DATABASE__URL=(\S+)/.exec(await cluster.do("env"))[1];
});
after(async () => {
  await cluster?.down();
  await rm(folder, { recursive: true, force: true });
});

const move = (...more) => ["migrate-store", "--from", `sqlite:${data}`, "--to", target, ...more];

async function start(env = {}) {
  const child = spawn(binary, ["serve", "--data", data, "--listen", "127.0.0.1:0"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /^madang ready on (\S+)$/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  const stop = () =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  const call = async (method, target, { token, json } = {}) => {
    const answer = await fetch(`${url}/api/v1${target}`, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(json ? { "content-type": "application/json" } : {}),
      },
      body: json && JSON.stringify(json),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${target}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };
  return { call, stop };
}

// What the API shows of the town: a newcomer's feed of everybody's, posts with their counts.
async function view(server, token) {
  const feed = [];
  let cursor = "";
  do {
    const page = await server.call("GET", `/feed?mark_seen=0&limit=50${cursor}`, { token });
    feed.push(...page.items.map(({ post, source }) => ({ ...post, source })));
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : "";
  } while (cursor && feed.length < 400);
  const me = await server.call("GET", "/me", { token });
  return { feed, handle: me.handle };
}

const sqlite = async (sql) => {
  const { code, out, err } = await run("sqlite3", ["-readonly", path.join(data, "madang.sqlite"), sql]);
  assert.equal(code, 0, err);
  return out.trim().split("\n").filter(Boolean);
};
const mariadb = async (sql) => {
  await cluster.status();
  return (await cluster.sql(cluster.primary, sql)).split("\n").filter(Boolean);
};

test("killed at any point, it goes on; at the end all is there, once, and the same", async () => {
  let server = await start();
  const someone = { handle: "mover", name: "이사", email: "mover@yard.example", password };
  const { token } = await server.call("POST", "/accounts", { json: someone });
  const names = (await sqlite("select handle from accounts order by id limit 30")).slice(0, 30);
  for (const name of names) {
    const person = await server.call("GET", `/users/by-handle/${name}`, { token }).catch(() => null);
    if (person && person.handle !== "mover")
      await server.call("PUT", `/users/${person.id}/follow`, { token });
  }
  const before = await view(server, token);
  assert.ok(before.feed.length > 20, `${before.feed.length} posts`);
  const busy = await run(binary, move(), { env: secret });
  assert.equal(busy.code, 1, "not while it is served");
  assert.match(busy.err, /used by another madang process/);
  assert.equal(await server.stop(), 0);

  const dry = await run(binary, move("--dry-run"), { env: secret });
  assert.equal(dry.code, 0, dry.err);
  const promised = Number(/^(\d+) rows/.exec(dry.out)[1]);
  assert.deepEqual(await mariadb("show tables"), [], "a dry run changes nothing");

  let killed = 0;
  for (let i = 0; i < kills; ++i) {
    const child = spawn(binary, move(), { env: { ...process.env, ...secret }, stdio: ["ignore", "ignore", "pipe"] });
    let lines = 0;
    // After so many chunks, wherever it is by then.
    let said = "";
    child.stderr.on("data", (chunk) => {
      said += chunk;
      lines += (String(chunk).match(/: \d+ of \d+/g) ?? []).length;
      if (lines > 2 + 2 * i) child.kill("SIGKILL");
    });
    const code = await new Promise((resolve) => child.once("close", (c, signal) => resolve(signal ?? c)));
    if (code === "SIGKILL") ++killed;
    else assert.equal(code, 0, said);
    if (i === 0) {
      const early = await run(binary, ["serve", "--data", data, "--listen", "127.0.0.1:0"], {
        env: { ...secret, MADANG_DATABASE__URL: target },
        timeout: 20_000,
      });
      assert.equal(early.code, 1, "a server does not use what is half there");
      assert.match(early.err, /migrate-store/);
    }
  }
  assert.equal(killed, kills, "each time before its end");
  const done = await run(binary, move(), { env: secret });
  assert.equal(done.code, 0, done.err);
  assert.equal(Number(/^(\d+) rows/.exec(done.out)[1]), promised);

  // Not by the program's own word: each table's rows, and the texts, by the engines' own tools.
  const tables = (
    await sqlite("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")
  ).filter((name) => !["schema_migrations", "nodes", "store_copy"].includes(name));
  assert.ok(tables.length > 15);
  for (const table of tables) {
    const count = `select count(*) from ${table}`;
    assert.deepEqual(await mariadb(count), await sqlite(count), table);
  }
  for (const sql of [
    "select hex(body), id, author_id, like_count, comment_count, created_at from posts order by id",
    "select id, hex(handle), hex(name), hex(bio), hex(password_hash), created_at from accounts order by id",
    "select hex(token_hash), account_id, expires_at from sessions order by id",
    "select follower_id, followee_id, created_at from follows order by follower_id, followee_id",
    "select seq, type, aggregate, hex(payload) from outbox order by seq",
  ]) {
    const there = (await mariadb(sql)).map((line) => line.replaceAll("\t", "|").toLowerCase());
    assert.deepEqual(there, (await sqlite(sql)).map((line) => line.toLowerCase()), sql);
  }

  server = await start({ ...secret, MADANG_DATABASE__URL: target });
  try {
    assert.deepEqual(await view(server, token), before, "the same token sees the same feed");
    const post = await server.call("POST", "/posts", { token, json: { text: "새집에서" } });
    const last = (await sqlite("select max(id) from posts"))[0];
    assert.ok(BigInt(post.id) > BigInt(last), "ids go on");
    const { items } = await server.call("GET", "/feed?mark_seen=0", { token });
    assert.equal(items[0].post.id, post.id);
  } finally {
    assert.equal(await server.stop(), 0);
  }
  const proven = await run(binary, ["admin", "recount", "--data", data], {
    env: { ...secret, MADANG_DATABASE__URL: target },
  });
  assert.match(proven.out + proven.err, /^0 counters differ/m);
});

test("a destination with somebody else's rows is refused, and wrong words are explained", async () => {
  const again = await run(binary, move(), { env: secret });
  assert.equal(again.code, 1);
  assert.match(again.err, /not empty/);
  const dry = await run(binary, move("--dry-run"), { env: secret });
  assert.equal(dry.code, 1);
  assert.match(dry.err, /not empty/);
  for (const args of [["migrate-store"], ["migrate-store", "--from", data, "--to", target]])
    assert.equal((await run(binary, args, { env: secret })).code, 2);
  const nowhere = await run(binary, ["migrate-store", "--from", "sqlite:/nowhere", "--to", target], {
    env: secret,
  });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /no store/);
  const wrong = await run(binary, move(), { env: { MADANG_DATABASE__PASSWORD: "wrong" }, timeout: 30_000 });
  assert.equal(wrong.code, 1);
  assert.doesNotMatch(wrong.err, /wrong/, "the password is not repeated");
});
