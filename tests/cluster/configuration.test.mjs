// A configuration that is wrong ends in one line and a non-zero exit; a server that is away in a
// start that says so. Never in a hang.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { after, before, test } from "node:test";
import { Cluster, eventually, run } from "./support.mjs";

const binary = process.env.MADANG_BINARY;
let cluster;
let env;
before(async () => {
  cluster = await Cluster.up("--without", "haproxy,madang,prometheus,alertmanager,mail,exporters");
  env = Object.fromEntries(
    (await cluster.do("env"))
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  env.MADANG_SERVER__SECRET = "a secret that is the same for all of them";
});
after(() => cluster?.down());

const serve = (name) => ["serve", "--data", path.join(cluster.folder, name), "--listen", "127.0.0.1:0"];

async function refused(changes, words, { name = "refused" } = {}) {
  const begin = performance.now();
  const { code, out, err } = await run(binary, serve(name), {
    env: { ...env, ...changes },
    timeout: 30_000,
  });
  assert.ok(code === 1 || code === 2, `exit ${code}\n${out}${err}`);
  assert.doesNotMatch(out, /ready/);
  const lines = err.split("\n").filter((line) => line.startsWith("madang: "));
  assert.equal(lines.length, 1, err);
  assert.match(lines[0], words);
  for (const secret of [env.MADANG_DATABASE__PASSWORD, changes.MADANG_DATABASE__PASSWORD])
    if (secret && secret !== "madang") assert.doesNotMatch(out + err, new RegExp(secret));
  return (performance.now() - begin) / 1000;
}

// Ready, with what it had to say before.
async function starts(changes, name) {
  const child = spawn(binary, serve(name), {
    env: { ...process.env, ...env, ...changes },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => (said += chunk));
  const url = await eventually(
    `${name} is ready`,
    () => {
      assert.equal(child.exitCode, null, said);
      return /^madang ready on (\S+)$/m.exec(said)?.[1];
    },
    { seconds: 15 },
  );
  const end = () =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  return { url, end, said: () => said };
}

const sign = (url, handle) =>
  fetch(`${url}/api/v1/accounts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      handle,
      name: handle,
      email: `${handle}@yard.example`,
      password: "마당에서-놀자-7",
    }),
  });

test("MariaDB: nobody there, a wrong password, a replica in place of the primary", async () => {
  const at = (host) => env.MADANG_DATABASE__URL.replace(/@[^/]*\//, `@${host}/`);
  await refused({ MADANG_DATABASE__URL: at("127.0.0.1:9") }, /127\.0\.0\.1:9/);
  await refused({ MADANG_DATABASE__URL: at("no-such-host.invalid:3306") }, /no-such-host/);
  await refused({ MADANG_DATABASE__PASSWORD: "wrong-password" }, /database\.(url|password)|denied/i);
  const replica = ["mariadb-1", "mariadb-2", "mariadb-3"].find((name) => name !== cluster.primary);
  await refused(
    { MADANG_DATABASE__URL: at(`127.0.0.1:${cluster.port(replica)}`) },
    /primary|replica|read.only/i,
  );
  await refused({ MADANG_DATABASE__URL: "postgres://x@y/z" }, /database\.url/);
  await refused({ MADANG_DATABASE__DURABILITY: "mostly" }, /database\.durability/);
});

test("Redis: no address, a user it does not know", async () => {
  await refused({ MADANG_REDIS__NODES: "redis" }, /redis\.nodes must be HOST:PORT/);
  await refused({ MADANG_REDIS__NODES: "127.0.0.1:0" }, /redis\.nodes must be HOST:PORT/);
  await refused({ MADANG_REDIS__USER: "nobody", MADANG_REDIS__PASSWORD: "nothing" }, /redis\.nodes: /);
});

test("S3: no bucket, a wrong key", async () => {
  await refused({ MADANG_OBJECTS__URL: "http://127.0.0.1:9" }, /objects\.url/);
  await refused({ MADANG_OBJECTS__SECRET_KEY: "wrong-key" }, /objects: /);
});

test("a secret that is short, or another than the others have", async () => {
  await refused({ MADANG_SERVER__SECRET: "short" }, /server\.secret/);
  const one = await starts({}, "one");
  await refused({ MADANG_SERVER__SECRET: "quite another secret than the others have" }, /server\.secret/, {
    name: "two",
  });
  await refused({ MADANG_REDIS__NODES: "" }, /keeps what both must see/, { name: "two" });
  const two = await starts({}, "two");
  assert.equal((await sign(two.url, "both")).status, 201);
  assert.equal(await two.end(), 0);
  assert.equal(await one.end(), 0);
});

test("with Redis away it starts, says so, and serves; a cluster without enough masters too", async () => {
  const away = await starts({ MADANG_REDIS__NODES: "127.0.0.1:9" }, "away");
  assert.match(away.said(), /"area":"redis","event":"away"/);
  assert.equal((await sign(away.url, "away")).status, 201);
  assert.equal((await fetch(`${away.url}/health/ready`)).status, 200);
  assert.equal(await away.end(), 0);

  // Two of three masters: nobody is left to give their slots to others.
  for (const name of ["redis-1", "redis-2"]) await cluster.do("kill", name);
  await eventually("the cluster has failed", async () =>
    (await cluster.redis("redis-3", "CLUSTER", "INFO")).includes("cluster_state:fail"),
  );
  const few = await starts({}, "few");
  assert.match(few.said(), /"area":"redis","event":"away"/);
  assert.equal((await sign(few.url, "few")).status, 201);
  assert.equal(await few.end(), 0);
});
