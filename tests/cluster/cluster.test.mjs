// script/cluster: the servers it starts do what they are for, and nothing of it stays behind.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, chown, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { Cluster, eventually, newFolder, root, run, script, sleep } from "./support.mjs";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const {
  S3Client,
  PutObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
} = require("@aws-sdk/client-s3");

let cluster;
before(async () => {
  cluster = await Cluster.up();
  console.log(`# up in ${cluster.seconds.toFixed(1)} s`);
});
after(() => cluster?.down());

const listening = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

const processesOf = (folder) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").includes(`:${folder}\0`)
      );
    } catch {
      return false;
    }
  });

test("it is up soon, and everything runs", async () => {
  assert.ok(cluster.seconds < 30, `${cluster.seconds} s`);
  const servers = await cluster.status();
  assert.ok(servers.size >= 22);
  for (const server of servers.values()) {
    assert.equal(server.state, "running", server.name);
    for (const port of server.ports) assert.ok(await listening(port), `${server.name} at ${port}`);
    assert.equal(
      readFileSync(path.join(cluster.folder, "pids", server.name), "utf8").trim(),
      String(server.pid),
    );
  }
  const table = await cluster.do("status");
  assert.match(table, /^mariadb-1 \(primary\) +\d+ +\d+ +running$/m);
});

test("a commit waits for a replica and is on both", async () => {
  await cluster.sql(
    "mariadb-1",
    "create table yard (id int primary key); insert into yard values (7)",
  );
  for (const name of ["mariadb-2", "mariadb-3"]) {
    await eventually(
      `the row on ${name}`,
      async () => (await cluster.sql(name, "select id from yard")) === "7",
    );
    await assert.rejects(cluster.sql(name, "insert into yard values (8)"), /read-only/);
  }
  const status = await cluster.sql("mariadb-1", "show global status like 'Rpl_semi_sync_master%'");
  assert.match(status, /Rpl_semi_sync_master_clients\t2/);
  assert.match(status, /Rpl_semi_sync_master_status\tON/);
  assert.match(status, /Rpl_semi_sync_master_no_tx\t0/);
});

test("without a replica a write waits, and is acknowledged when one is back", async () => {
  await cluster.do("kill", "mariadb-2", "-STOP");
  await cluster.do("kill", "mariadb-3", "-STOP");
  assert.equal((await cluster.status()).get("mariadb-3").state, "stopped");
  let acknowledged = false;
  const write = cluster
    .sql("mariadb-1", "insert into yard values (9)")
    .then(() => (acknowledged = true));
  await sleep(1500);
  assert.equal(acknowledged, false);
  await cluster.do("kill", "mariadb-3", "-CONT");
  await write;
  await cluster.do("kill", "mariadb-2", "-CONT");
});

test("a replica is promoted, the old primary fenced and taken back as a replica", async () => {
  await cluster.sql("mariadb-1", "insert into yard values (10)");
  await cluster.do("promote");
  await cluster.status();
  assert.match(cluster.primary, /^mariadb-[23]$/);
  assert.equal(cluster.servers.get("mariadb-1").state, "dead");
  await cluster.sql(cluster.primary, "insert into yard values (11)");
  await cluster.do("start", "mariadb-1");
  await assert.rejects(cluster.sql("mariadb-1", "insert into yard values (12)"), /read-only/);
  await eventually("all rows on the old primary", async () => {
    return (
      (await cluster.sql("mariadb-1", "select group_concat(id order by id) from yard")) ===
      "7,9,10,11"
    );
  });
});

test("a former primary that has what nobody else has is filled anew", async () => {
  const lost = cluster.primary;
  const replicas = ["mariadb-1", "mariadb-2", "mariadb-3"].filter((name) => name !== lost);
  for (const name of replicas) await cluster.rootSql(name, "stop slave io_thread");
  const log = () => cluster.rootSql(lost, "select @@gtid_binlog_pos");
  const before = await log();
  const write = cluster.sql(lost, "insert into yard values (13)").catch(() => "unknown");
  await eventually("it is in the log", async () => (await log()) !== before);
  // Back as the primary that it was, it takes it for committed; then it is replaced after all.
  await cluster.do("kill", lost);
  assert.equal(await write, "unknown");
  await cluster.do("start", lost);
  assert.equal(await cluster.rootSql(lost, "select count(*) from madang.yard where id = 13"), "1");
  await cluster.do("kill", lost);
  await cluster.do("promote");
  await cluster.status();
  const { code, err } = await cluster.run("start", lost);
  assert.equal(code, 0, err);
  assert.match(err, /filled anew/);
  await cluster.sql(cluster.primary, "insert into yard values (14)");
  await eventually("the same rows there", async () => {
    return (
      (await cluster.rootSql(lost, "select group_concat(id order by id) from madang.yard")) ===
      "7,9,10,11,14"
    );
  });
});

test("Redis gives a master's slots to its replica", async () => {
  assert.match(await cluster.redis("redis-1", "cluster", "info"), /cluster_state:ok/);
  assert.match(await cluster.redis("redis-1", "config", "get", "maxmemory-policy"), /volatile-lru/);
  await cluster.redis("redis-1", "-c", "set", "{yard}key", "value");
  await cluster.redis("redis-1", "-c", "wait", "1", "1000");
  const slot = Number(await cluster.redis("redis-1", "cluster", "keyslot", "{yard}key"));
  const owner = async (ask) => {
    for (const line of (await cluster.redis(ask, "cluster", "nodes")).split("\n")) {
      const [, address, flags, , , , , , ...slots] = line.split(" ");
      const holds = slots.some((range) => {
        const [first, last = first] = range.split("-").map(Number);
        return first <= slot && slot <= last;
      });
      if (holds && flags.includes("master") && !flags.includes("fail"))
        return Number(/:(\d+)@/.exec(address)[1]);
    }
    return undefined;
  };
  const nameAt = (port) =>
    [...cluster.servers.values()].find((server) => server.ports[0] === port).name;
  const master = nameAt(await owner("redis-1"));
  const witness = master === "redis-6" ? "redis-5" : "redis-6";
  const begin = performance.now();
  await cluster.do("kill", master);
  const heir = await eventually("another owner", async () => {
    const port = await owner(witness);
    return port && nameAt(port) !== master ? nameAt(port) : undefined;
  });
  console.log(`# Redis: another master after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  assert.equal(await cluster.redis(heir, "get", "{yard}key"), "value");
  await cluster.do("start", master);
  await eventually("the old master as a replica", async () =>
    /role:slave[^]*master_link_status:up/.test(await cluster.redis(master, "info", "replication")),
  );
});

test("S3 takes and gives objects, to those who sign with the key", async () => {
  const client = (secretAccessKey) =>
    new S3Client({
      endpoint: cluster.url("s3"),
      region: "us-east-1",
      forcePathStyle: true,
      requestChecksumCalculation: "WHEN_REQUIRED",
      maxAttempts: 1,
      credentials: { accessKeyId: "MADANGCLUSTERKEY", secretAccessKey },
    });
  const s3 = client("madang-cluster-secret-of-this-machine-only");
  await s3.send(new HeadBucketCommand({ Bucket: "madang" }));
  await s3.send(
    new PutObjectCommand({
      Bucket: "madang",
      Key: "a/b",
      Body: "hello",
      ContentType: "text/plain",
    }),
  );
  const got = await s3.send(new GetObjectCommand({ Bucket: "madang", Key: "a/b" }));
  assert.equal(await got.Body.transformToString(), "hello");
  await assert.rejects(
    client("wrong").send(new GetObjectCommand({ Bucket: "madang", Key: "a/b" })),
    { name: "SignatureDoesNotMatch" },
  );
  const preflight = await fetch(`${cluster.url("s3")}/madang/a/b`, {
    method: "OPTIONS",
    headers: { Origin: "https://yard.example", "Access-Control-Request-Method": "PUT" },
  });
  assert.equal(preflight.headers.get("access-control-allow-methods"), "PUT");
});

test("S3's gateway comes back with its objects", async () => {
  await cluster.do("kill", "s3");
  await assert.rejects(fetch(cluster.url("s3")));
  await cluster.do("start", "s3");
  assert.equal((await fetch(`${cluster.url("s3")}/madang/a/b`)).status, 403); // there, and not for strangers
});

test("HAProxy serves the instances, and takes one out that is gone", async () => {
  const page = await fetch(cluster.url("haproxy"));
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<title>/);
  const instances = [...cluster.servers.keys()].filter((name) => name.startsWith("madang-"));
  await cluster.do("kill", "madang");
  await eventually("503", async () => (await fetch(cluster.url("haproxy"))).status === 503);
  await cluster.do("start", instances[0]);
  await eventually("200", async () => (await fetch(cluster.url("haproxy"))).status === 200);
  for (const name of instances.slice(1)) await cluster.do("start", name);
});

test("what another instance needs is printed as settings", async () => {
  const lines = (await cluster.do("env")).trim().split("\n");
  for (const line of lines) assert.match(line, /^MADANG_[A-Z0-9]+__[A-Z0-9_]+=\S+$/);
  assert.ok(lines.includes("MADANG_HTTP__TRUSTED_PROXIES=127.0.0.1"));
});

test("kill names what is gone, and only once", async () => {
  await cluster.do("kill", "exporter-node");
  await eventually(
    "dead",
    async () => (await cluster.status()).get("exporter-node").state === "dead",
  );
  assert.equal((await cluster.run("status")).code, 3);
  const again = await cluster.run("kill", "exporter-node");
  assert.equal(again.code, 2);
  assert.match(again.err, /does not run/);
  await cluster.do("start", "exporter-node");
  assert.equal((await cluster.run("status")).code, 0);
});

test("what a server printed can be read", async () => {
  assert.match(await cluster.do("logs", "mariadb-1"), /ready for connections/);
});

test("a second cluster runs beside the first and ends alone", async () => {
  const second = await Cluster.up(
    "--without",
    "s3,madang,haproxy,prometheus,alertmanager,mail,exporters",
  );
  await second.sql("mariadb-1", "create table other (id int)");
  await assert.rejects(cluster.sql(cluster.primary, "select * from other"), /doesn't exist/);
  const ports = [...second.servers.values()].flatMap((server) => server.ports);
  await second.down();
  for (const port of ports) assert.equal(await listening(port), false);
  for (const server of (await cluster.status()).values())
    assert.equal(server.state, "running", server.name);
});

test("an ordinary user can have one too", async (t) => {
  if (process.getuid() !== 0) return t.skip("it is one that runs this");
  const place = await newFolder();
  await chmod(place.parent, 0o755);
  const home = path.join(place.parent, "home");
  await mkdir(home);
  await chown(home, 65534, 65534);
  const folder = path.join(home, "c");
  const nobody = (command, ...args) =>
    run("setpriv", [
      ...[
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "env",
        `HOME=${home}`,
        "XDG_CACHE_HOME=",
      ],
      ...[path.join(root, "script/cluster"), command, "--folder", folder, ...args],
    ]);
  const readable = await run("setpriv", ["--reuid=65534", "--clear-groups", "ls", root]);
  if (readable.code !== 0) return t.skip("others may not read this checkout");
  const up = await nobody("up", "--base-port", "0", "--without", "madang,haproxy");
  assert.equal(up.code, 0, up.err);
  assert.equal((await nobody("status")).code, 0);
  assert.equal((await nobody("down")).code, 0);
  assert.deepEqual(processesOf(folder), []);
  await place.remove();
});

test("ports that are taken are named, and nothing is started", async () => {
  const place = await newFolder();
  const base = Math.min(...[...cluster.servers.values()].flatMap((server) => server.ports));
  const { code, err } = await script(
    "up",
    "--folder",
    place.folder,
    "--base-port",
    String(base - (base % 100)),
  );
  assert.equal(code, 2);
  assert.match(err, /port \d+, .*taken by others/);
  assert.equal(existsSync(place.folder), false);
  await place.remove();
});

test("a server that cannot start takes the others with it", async () => {
  const place = await newFolder();
  const broken = path.join(place.parent, "bin");
  await run("mkdir", [broken]);
  await run("sh", [
    "-c",
    `printf '#!/bin/sh\necho cannot go on; exit 1\n' > ${broken}/radosgw; chmod +x ${broken}/radosgw`,
  ]);
  const env = { PATH: `${broken}:${process.env.PATH}` };
  const { code, err } = await run(
    path.join(root, "script/cluster"),
    ["up", "--folder", place.folder, "--base-port", "0", "--without", "madang,haproxy"],
    { env },
  );
  assert.equal(code, 2);
  assert.match(err, /s3 ended \(exit 1\)[^]*cannot go on/);
  assert.deepEqual(processesOf(place.folder), []);
  assert.equal(existsSync(place.folder), false);
  await place.remove();
});

for (const delay of [300, 900, 1800])
  test(`nothing stays when the script is killed after ${delay} ms`, async () => {
    const place = await newFolder();
    const child = spawn(
      "node",
      [
        path.join(root, "deploy/cluster/main.mjs"),
        "up",
        "--folder",
        place.folder,
        "--base-port",
        "0",
        "--without",
        "madang,haproxy",
      ],
      { stdio: "ignore" },
    );
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await sleep(delay);
    child.kill("SIGKILL");
    await ended;
    const { code } = await script("down", "--folder", place.folder);
    assert.equal(code, 0);
    assert.deepEqual(processesOf(place.folder), []);
    assert.equal(existsSync(place.folder), false);
    await place.remove();
  });

test("all of Redis and all of MariaDB come back after kill -9", async () => {
  await cluster.do("kill", "redis");
  await cluster.do("kill", "mariadb");
  await cluster.do("start", "redis");
  await cluster.do("start", "mariadb");
  await eventually("Redis serves", async () =>
    /cluster_state:ok/.test(await cluster.redis("redis-4", "cluster", "info")),
  );
  await cluster.sql(cluster.primary, "insert into yard values (20)");
  for (const name of ["mariadb-1", "mariadb-2", "mariadb-3"])
    await eventually(
      `the row on ${name}`,
      async () =>
        (await cluster.sql(name, "select group_concat(id order by id) from yard")) ===
        "7,9,10,11,14,20",
    );
});

test("the objects' memory cannot be started again", async () => {
  await cluster.do("kill", "s3-osd");
  const { code, err } = await cluster.run("start", "s3-osd");
  assert.equal(code, 2);
  assert.match(err, /held every object in its memory/);
});

test("down leaves no process, no port and no file", async () => {
  const ports = [...cluster.servers.values()].flatMap((server) => server.ports);
  const { folder } = cluster;
  assert.ok(processesOf(folder).length >= 18);
  await cluster.do("down");
  assert.deepEqual(processesOf(folder), []);
  for (const port of ports) assert.equal(await listening(port), false, String(port));
  assert.equal(existsSync(folder), false);
  assert.match(await cluster.do("down"), /no cluster/);
});
