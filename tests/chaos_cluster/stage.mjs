// The cluster that faults are tried on. Between the instances and their servers stands a fault proxy,
// and into the instances and MariaDB goes a library that moves clocks and fills disks (faults.c).
// Neither needs anything from script/cluster: it runs a "madang" and a "mariadbd" of ours, which set
// that up and become the real ones.
import { execFile } from "node:child_process";
import { chmod, mkdir, open, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { binary } from "../../deploy/cluster/edge.mjs";
import { freeBase, Layout } from "../../deploy/cluster/layout.mjs";
import * as mariadb from "../../deploy/cluster/mariadb.mjs";
import * as redis from "../../deploy/cluster/redis.mjs";
import { Cluster, eventually, newFolder, root } from "../cluster/support.mjs";
import { FaultProxy } from "./fault_proxy.mjs";

const settings = {
  MADANG_IDENTITY__PASSWORD_MEMORY: "8192",
  MADANG_IDENTITY__PASSWORD_PASSES: "1",
  MADANG_RATE__SIGN_UP: "100000",
  MADANG_RATE__READS: "1000000",
  MADANG_RATE__WRITES: "1000000",
  MADANG_RATE__UPLOADS: "1000000",
  MADANG_SERVER__MAX_WAIT: "2000", // a busy machine is no overload
};

// Where instances reach what they need: through the proxy. (Redis tells its own addresses.)
const linked = [...mariadb.names.map((name) => `${name}:3306`), "s3:7480"];
const without = "prometheus,alertmanager,mail,exporters";

export class Stage {
  static async up({ instances = 3 } = {}) {
    const stage = new Stage();
    Object.assign(process.env, settings);
    stage.place = await newFolder();
    stage.base = await freeBase();
    stage.layout = new Layout({ folder: stage.place.folder, base: stage.base }); // for its ports
    stage.proxy = FaultProxy.start();
    stage.links = new Map();
    const redisPorts = redis.names.map((name) => `${name}:6379`);
    for (const address of [...linked, ...redisPorts]) {
      const target = stage.layout.port(address);
      const name = address.split(":")[0];
      stage.links.set(name, { target, port: await stage.proxy.listen(name, target) });
    }
    await stage.makePrograms();
    try {
      const args = ["--base-port", String(stage.base), "--instances", String(instances)];
      stage.cluster = await Cluster.up(...args, "--without", without);
    } catch (error) {
      await stage.leave();
      throw error;
    }
    stage.instances = [...stage.cluster.servers.keys()].filter((name) => /^madang-/.test(name));
    return stage;
  }

  // Programs by the names script/cluster looks for, which become the real ones.
  async makePrograms() {
    this.bin = path.join(this.place.parent, "bin");
    this.controls = path.join(this.place.parent, "controls");
    await mkdir(this.bin);
    await mkdir(this.controls);
    const library = path.join(this.bin, "faults.so");
    const source = path.join(root, "tests/chaos_cluster/faults.c");
    await promisify(execFile)("clang-19", [
      "-shared",
      "-fPIC",
      "-O2",
      "-o",
      library,
      source,
      "-ldl",
    ]);
    const become = (program, name) =>
      `if [ -e "${this.controls}/${name}" ]; then\n` +
      `  FAULT_CONTROL="${this.controls}/${name}" LD_PRELOAD="${library}" exec "${program}" "$@"\nfi\n` +
      `exec "${program}" "$@"\n`;
    const proxied = linked
      .map((address) => this.links.get(address.split(":")[0]))
      .map(({ target, port }) => `-e s/:${target}/:${port}/g`)
      .join(" ");
    const through = (variable) =>
      `[ -n "$${variable}" ] && ${variable}=$(printf %s "$${variable}" | sed ${proxied}) && export ${variable}\n`;
    await this.program(
      "madang",
      `for word in "$@"; do case "$word" in */data/madang-*) name=\${word##*/} ;; esac; done\n` +
        through("MADANG_DATABASE__URL") +
        'export MADANG_OBJECTS__PUBLIC_URL="${MADANG_OBJECTS__URL%/*}"\n' + // for browsers: past the proxy
        through("MADANG_OBJECTS__URL") +
        become(binary(), "${name:-none}"),
    );
    process.env.PATH = `${process.env.PATH}:/usr/sbin`;
    const real = (await promisify(execFile)("which", ["mariadbd"])).stdout.trim();
    await this.program(
      "mariadbd",
      `for word in "$@"; do case "$word" in --defaults-file=*) name=\${word##*/} name=\${name%.cnf} ;; esac; done\n` +
        become(real, "${name:-none}"),
    );
    const redisServer = (await promisify(execFile)("which", ["redis-server"])).stdout.trim();
    const announced = redis.names
      .map(
        (name) =>
          `*/${name}.conf) exec "${redisServer}" "$@" --cluster-announce-port ${this.links.get(name).port} ;;`,
      )
      .join("\n");
    await this.program(
      "redis-server",
      `case "$1" in\n${announced}\nesac\nexec "${redisServer}" "$@"\n`,
    );
    for (const name of [...mariadb.names, ...[1, 2, 3].map((i) => `madang-${i}`)])
      await writeFile(path.join(this.controls, name), Buffer.alloc(16));
    this.before = { PATH: process.env.PATH, MADANG_BINARY: process.env.MADANG_BINARY };
    process.env.PATH = `${this.bin}:${process.env.PATH}`;
    process.env.MADANG_BINARY = path.join(this.bin, "madang");
  }

  async program(name, text) {
    const file = path.join(this.bin, name);
    await writeFile(file, `#!/bin/sh\n${text}`);
    await chmod(file, 0o755);
  }

  async #control(name, at, value) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    const file = await open(path.join(this.controls, name), "r+");
    try {
      await file.write(bytes, 0, 8, at);
    } finally {
      await file.close();
    }
  }
  moveClock(name, seconds) {
    return this.#control(name, 0, Math.round(seconds * 1e6));
  }
  fillDisk(name, full) {
    return this.#control(name, 8, full ? 1 : 0);
  }

  url(name) {
    return this.cluster.url(name);
  }

  // Until everything runs, follows and serves, as before a fault.
  async whole() {
    const { cluster } = this;
    await eventually("every server runs", async () => {
      const servers = [...(await cluster.status()).values()];
      return servers.every((server) => server.state === "running");
    });
    for (const name of mariadb.names)
      if (name !== cluster.primary)
        await eventually(`${name} follows`, async () => {
          const position = await cluster.rootSql(cluster.primary, "select @@gtid_binlog_pos");
          return (await cluster.rootSql(name, `select master_gtid_wait('${position}', 1)`)) === "0";
        });
    for (const name of redis.names)
      await eventually(`${name} is in its cluster`, async () => {
        const info = await cluster.redis(name, "cluster", "info");
        const nodes = await cluster.redis(name, "cluster", "nodes");
        const link = await cluster.redis(name, "info", "replication");
        return (
          info.includes("cluster_state:ok") &&
          !/fail/.test(nodes) &&
          (link.includes("role:master") || link.includes("master_link_status:up"))
        );
      });
    for (const name of this.instances)
      await eventually(
        `${name} is ready`,
        async () => (await fetch(`${this.url(name)}/health/ready`)).ok,
      );
    await eventually("HAProxy uses every instance", async () => {
      const figures = await (await fetch(`${cluster.url("haproxy", 1)}/metrics`)).text();
      const active = /haproxy_backend_active_servers\{proxy="madang"\} (\d+)/.exec(figures)?.[1];
      return Number(active) === this.instances.length;
    });
  }

  async leave() {
    Object.assign(process.env, { PATH: this.before.PATH });
    if (this.before.MADANG_BINARY === undefined) delete process.env.MADANG_BINARY;
    else process.env.MADANG_BINARY = this.before.MADANG_BINARY;
    await this.proxy.close();
    await this.place.remove();
  }
  async down() {
    await this.cluster.down();
    await this.leave();
  }
}
