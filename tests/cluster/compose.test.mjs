// deploy/compose.yaml: no engine runs it here, but what it mounts is there, what it names is known, and the
// scripts that set its servers up work on real ones.
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { Cluster, eventually, newFolder, root, run } from "./support.mjs";

const text = readFileSync(path.join(root, "deploy/compose.yaml"), "utf8");
const binary = process.env.MADANG_BINARY ?? path.join(root, "build/release/madang");

test("compose.yaml is one, by docker-compose's own judgement where it is installed", async (t) => {
  const known = await run("sh", ["-c", "command -v docker-compose"]);
  if (known.code !== 0) return t.skip("docker-compose is not installed");
  const { code, out, err } = await run("docker-compose", [
    "-f",
    path.join(root, "deploy/compose.yaml"),
    "config",
    "-q",
  ]);
  assert.equal(code, 0, out + err);
});

test("every file it mounts is there", () => {
  const mounted = [...text.matchAll(/"?(\.\/[^:"]+):\/[^:"\s]+:ro/g)].map((match) => match[1]);
  assert.ok(mounted.length >= 12);
  for (const file of mounted) assert.ok(existsSync(path.join(root, "deploy", file)), file);
  for (const script of ["mariadb/setup", "redis/setup", "healthcheck"])
    assert.ok(statSync(path.join(root, "deploy", script)).mode & 0o100, script);
});

test("every server that the configurations name is a service", () => {
  const services = new Set([...text.matchAll(/^ {2}([a-z0-9-]+):/gm)].map((match) => match[1]));
  for (const file of [
    "haproxy/haproxy.cfg",
    "prometheus/prometheus.yml",
    "alertmanager/alertmanager.yml",
    "compose.yaml",
  ]) {
    const named = readFileSync(path.join(root, "deploy", file), "utf8").matchAll(
      /(?<![\w./-])([a-z][a-z0-9]*(?:-[a-z0-9]+)*):\d{4,5}\b/g,
    );
    for (const [address, name] of named)
      if (name !== "localhost") assert.ok(services.has(name), `${file}: ${address}`);
  }
});

test("HAProxy takes its configuration, before an instance has a name", async () => {
  const own = readFileSync(path.join(root, "deploy/haproxy/haproxy.cfg"), "utf8").replaceAll(
    "bind haproxy:",
    "bind 127.0.0.1:",
  );
  const place = await newFolder();
  await writeFile(place.folder, own);
  const { code, out, err } = await run("/usr/sbin/haproxy", ["-c", "-f", place.folder]);
  await place.remove();
  assert.equal(code, 0, out + err);
});

test("every setting it gives is one the server knows", async () => {
  const { out } = await run(binary, ["config", "--markdown"]);
  const known = new Set();
  let section = "";
  for (const line of out.split("\n")) {
    section = /^## (\S+)/.exec(line)?.[1] ?? section;
    const key = /^\| `([a-z0-9_]+)` \|/.exec(line)?.[1];
    if (key) known.add(`MADANG_${section}__${key}`.toUpperCase());
  }
  const given = new Set([...text.matchAll(/\bMADANG_[A-Z]+__[A-Z_]+/g)].map((match) => match[0]));
  assert.deepEqual(
    [...given].filter((name) => !known.has(name)),
    [],
  );
});

let cluster;
before(async () => {
  cluster = await Cluster.up(
    "--without",
    "s3,madang,haproxy,prometheus,alertmanager,mail,exporters",
  );
});
after(() => cluster?.down());

const names = ["mariadb-1", "mariadb-2", "mariadb-3"];
const setup = (store, env) => run(path.join(root, "deploy", store, "setup"), [], { env });

test("MariaDB's setup makes a primary and replicas of three new servers, once", async () => {
  const local = async (name, statement) => {
    const socket = path.join(cluster.folder, "data", name, "sock");
    const { code, out, err } = await run("mariadb", [
      "--no-defaults",
      `--socket=${socket}`,
      "-BNe",
      statement,
    ]);
    assert.equal(code, 0, err);
    return out.trim();
  };
  for (const name of ["mariadb-2", "mariadb-3", "mariadb-1"])
    await local(
      name,
      `stop slave; reset slave all; reset master; set global gtid_slave_pos='', read_only=1,
      rpl_semi_sync_master_enabled=0; set sql_log_bin=0; create user 'chief'@'%' identified by 'x'; grant all on *.* to 'chief'@'%'`,
    );
  const at = (name) => `127.0.0.1:${cluster.port(name)}`;
  const env = {
    ADMIN: "chief",
    MYSQL_PWD: "x",
    PRIMARY: at("mariadb-1"),
    REPLICAS: `${at("mariadb-2")} ${at("mariadb-3")}`,
  };
  for (let times = 0; times < 2; ++times) {
    const { code, err } = await setup("mariadb", env);
    assert.equal(code, 0, err);
  }
  await eventually("two replicas", async () =>
    /\t2$/.test(await local("mariadb-1", "show global status like 'Rpl_semi_sync_master_clients'")),
  );
  await cluster.sql(
    "mariadb-1",
    "create table made (id int primary key); insert into made values (1)",
  );
  for (const name of names.slice(1))
    await eventually(
      `the row on ${name}`,
      async () => (await cluster.sql(name, "select id from made")) === "1",
    );
  const swapped = await setup("mariadb", {
    ...env,
    PRIMARY: at("mariadb-2"),
    REPLICAS: `${at("mariadb-1")} ${at("mariadb-3")}`,
  });
  assert.equal(swapped.code, 1);
  assert.match(swapped.err, /takes writes: it was promoted/);
});

test("Redis' setup makes a cluster of six new servers, once", async () => {
  const nodes = [1, 2, 3, 4, 5, 6].map((i) => `redis-${i}`);
  for (const name of nodes) await cluster.redis(name, "cluster", "reset", "hard");
  const env = { NODES: nodes.map((name) => `127.0.0.1:${cluster.port(name)}`).join(" ") };
  const first = await setup("redis", env);
  assert.equal(first.code, 0, first.out + first.err);
  await eventually("it serves", async () =>
    /cluster_state:ok/.test(await cluster.redis("redis-6", "cluster", "info")),
  );
  const again = await setup("redis", env);
  assert.equal(again.code, 0);
  assert.match(again.out, /a cluster already/);
});
