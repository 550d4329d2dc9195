// Where everything of a cluster is: one folder, and one block of ports.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const deploy = path.join(root, "deploy");

export const blockSize = 100;
export const defaultBase = 20100;
export const groups = [
  "mariadb",
  "redis",
  "s3",
  "haproxy",
  "madang",
  "prometheus",
  "alertmanager",
  "mail",
  "exporters",
];

export class Refusal extends Error {}

const range = (first, last) =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);

// Offsets into the block, by the name that the files under deploy/ use for the same address.
const offsets = {
  "haproxy:8080": 0,
  ...Object.fromEntries(range(1, 9).map((i) => [`madang-${i}:8080`, i])),
  "haproxy:8404": 10,
  ...Object.fromEntries(range(1, 3).map((i) => [`mariadb-${i}:3306`, 10 + i])),
  ...Object.fromEntries(range(1, 6).map((i) => [`redis-${i}:6379`, 20 + i])),
  ...Object.fromEntries(range(1, 6).map((i) => [`redis-${i}:16379`, 30 + i])),
  "s3:7480": 40,
  "s3-mon:3300": 41,
  "prometheus:9090": 50,
  "alertmanager:9093": 51,
  "mail:2525": 52,
  "exporter-redis:9121": 53,
  ...Object.fromEntries(range(1, 3).map((i) => [`exporter-mariadb-${i}:9104`, 53 + i])),
  "exporter-node:9100": 57,
};
// The OSD takes as many as it likes from a range.
const osdPorts = [60, 79];

export class Layout {
  constructor({ folder, base, instances = 3, without = [], primary = "mariadb-1" }) {
    Object.assign(this, { folder, base, instances, without, primary });
  }
  has(group) {
    return !this.without.includes(group);
  }
  port(address) {
    if (!(address in offsets)) throw new Error(`no such address: ${address}`);
    return this.base + offsets[address];
  }
  address(name) {
    return `127.0.0.1:${this.port(name)}`;
  }
  get osdPorts() {
    return osdPorts.map((offset) => this.base + offset);
  }
  path(...parts) {
    return path.join(this.folder, ...parts);
  }
  // Whether a server of that name belongs to this cluster (and "containers" never does).
  runs(name) {
    if (name === "containers") return false;
    const instance = /^madang-(\d+)$/.exec(name);
    if (instance) return this.has("madang") && Number(instance[1]) <= this.instances;
    const of = /^exporter-(redis|mariadb|node)/.exec(name)?.[1];
    if (of) return this.has("exporters") && (of === "node" || this.has(of));
    return this.has(name.replace(/-\d+$/, ""));
  }
  // A file of deploy/ as this cluster needs it: `NAME:PORT` becomes this machine's address; a line that
  // ends with `# only NAME` is left out when nothing of that name runs, and the third instance's is
  // repeated for a fourth and more.
  localized(file) {
    const lines = [];
    for (const line of readFileSync(path.join(deploy, file), "utf8").split("\n")) {
      const only = /#\s*only\s+(\S+)\s*$/.exec(line)?.[1];
      if (!only || this.runs(only)) lines.push(line);
      if (only === "madang-3" && this.has("madang"))
        for (const i of range(4, this.instances))
          lines.push(line.replaceAll("madang-3", `madang-${i}`));
    }
    return lines
      .join("\n")
      .replace(/\b[a-z][a-z0-9-]*:\d+\b/g, (address) =>
        address in offsets ? this.address(address) : address,
      );
  }

  static stateFile(folder) {
    return path.join(folder, "cluster.json");
  }
  static read(folder) {
    const file = Layout.stateFile(folder);
    if (!existsSync(file)) throw new Refusal(`no cluster in ${folder}`);
    const state = JSON.parse(readFileSync(file, "utf8"));
    return Object.assign(new Layout(state), { starter: state.starter });
  }
  write() {
    const file = Layout.stateFile(this.folder);
    const ports = Object.fromEntries(Object.keys(offsets).map((name) => [name, this.port(name)]));
    writeFileSync(`${file}.new`, `${JSON.stringify({ ...this, ports }, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  }
  create() {
    mkdirSync(this.folder, { recursive: true });
    const strangers = readdirSync(this.folder);
    if (strangers.length > 0)
      throw new Refusal(`${this.folder} holds other things: choose another --folder`);
    this.write();
    for (const name of ["logs", "pids", "config", "data"])
      mkdirSync(this.path(name), { recursive: true });
  }
  remove() {
    // The state last: what is left of a removal that was interrupted is found again.
    for (const name of ["pids", "config", "data", "logs"])
      rmSync(this.path(name), { recursive: true, force: true });
    rmSync(Layout.stateFile(this.folder), { force: true });
    if (readdirSync(this.folder).length === 0) rmdirSync(this.folder);
  }
}

function free(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}

// The ports of the block from `base` that somebody listens at.
export async function takenPorts(base) {
  const used = [...Object.values(offsets), ...range(...osdPorts)].map((offset) => base + offset);
  const results = await Promise.all(used.map(free));
  return used.filter((_, i) => !results[i]);
}

// Below the ports that the kernel gives to outgoing connections.
export async function freeBase() {
  for (let tries = 0; tries < 50; ++tries) {
    const base = 10_000 + blockSize * Math.floor(Math.random() * 220);
    if ((await takenPorts(base)).length === 0) return base;
  }
  throw new Refusal("no free block of ports found between 10000 and 32000");
}
