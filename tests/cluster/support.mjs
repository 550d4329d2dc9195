// A cluster of script/cluster for a test: in a folder and on ports of its own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Runs a program to its end: { code, out, err }.
export function run(program, args, { env = {}, input = "", timeout = 120_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, timeout });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (err += chunk));
    child.stdin.on("error", () => {});
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal, out, err }));
    child.stdin.end(input);
  });
}

export async function eventually(what, holds, { seconds = 30 } = {}) {
  const deadline = performance.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const result = await holds();
      if (result) return result;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${seconds} s`, { cause: last });
    await sleep(50);
  }
}

export async function newFolder() {
  const parent = await mkdtemp(path.join(tmpdir(), "madang-cluster-"));
  return {
    parent,
    folder: path.join(parent, "c"),
    remove: () => rm(parent, { recursive: true, force: true }),
  };
}

export const script = (...args) => run(path.join(root, "script/cluster"), args);

// Out of quoted-printable: its lines are broken anywhere.
const plain = (mail) =>
  mail
    .replace(/=\r?\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

export class Cluster {
  // Its own folder, free ports; `args` as script/cluster up takes them.
  static async up(...args) {
    const cluster = new Cluster();
    cluster.place = await newFolder();
    cluster.folder = cluster.place.folder;
    const begin = performance.now();
    const { code, out, err } = await script(
      "up",
      "--folder",
      cluster.folder,
      "--base-port",
      "0",
      ...args,
    );
    cluster.seconds = (performance.now() - begin) / 1000;
    cluster.told = out;
    if (code !== 0) await cluster.place.remove();
    assert.equal(code, 0, `up: ${code}\n${out}${err}`);
    await cluster.status();
    return cluster;
  }
  run(command, ...args) {
    return script(command, "--folder", this.folder, ...args);
  }
  // As run, but it must succeed; what it printed.
  async do(command, ...args) {
    const { code, out, err } = await this.run(command, ...args);
    assert.equal(code, 0, `${command} ${args.join(" ")}: ${code}\n${out}${err}`);
    return out;
  }
  async status() {
    const { out } = await this.run("status", "--json");
    const state = JSON.parse(out);
    this.primary = state.primary;
    this.servers = new Map(state.servers.map((server) => [server.name, server]));
    return this.servers;
  }
  port(name, which = 0) {
    return this.servers.get(name).ports[which];
  }
  url(name, which = 0) {
    return `http://127.0.0.1:${this.port(name, which)}`;
  }
  async sql(name, statement, { user = "madang", password = "madang" } = {}) {
    const args = [
      "--no-defaults",
      `-u${user}`,
      "-h127.0.0.1",
      `-P${this.port(name)}`,
      "-BNe",
      statement,
      "madang",
    ];
    const { code, out, err } = await run("mariadb", args, { env: { MYSQL_PWD: password } });
    if (code !== 0) throw new Error(err);
    return out.trimEnd();
  }
  // As root, past everything an account may not.
  async rootSql(name, statement) {
    const socket = path.join(this.folder, "data", name, "sock");
    const { code, out, err } = await run("mariadb", [
      "--no-defaults",
      `--socket=${socket}`,
      "-BNe",
      statement,
    ]);
    if (code !== 0) throw new Error(err);
    return out.trimEnd();
  }
  async redis(name, ...args) {
    const { code, out, err } = await run("redis-cli", ["-p", String(this.port(name)), ...args]);
    if (code !== 0) throw new Error(out + err);
    return out.trimEnd();
  }
  // The result of a PromQL expression: [{ metric, value }].
  async query(expression) {
    const answer = await fetch(
      `${this.url("prometheus")}/api/v1/query?query=${encodeURIComponent(expression)}`,
    );
    const body = await answer.json();
    if (body.status !== "success") throw new Error(`${expression}: ${body.error}`);
    return body.data.result;
  }
  // Waits for a mail in the sink that holds all of the words.
  mail(...words) {
    const folder = path.join(this.folder, "data/mail");
    return eventually(
      `a mail with ${words.join(", ")}`,
      async () => {
        for (const name of await readdir(folder)) {
          if (!name.endsWith(".eml")) continue;
          const mail = plain(await readFile(path.join(folder, name), "utf8"));
          if (words.every((word) => mail.includes(word))) return mail;
        }
        return undefined;
      },
      { seconds: 60 },
    );
  }
  async down() {
    await this.do("down");
    await this.place.remove();
  }
}
