// script/cluster: the command line. What it does is in commands.mjs; what it starts in mariadb.mjs, redis.mjs,
// s3.mjs, edge.mjs (HAProxy and the instances) and watch.mjs.
import { existsSync, realpathSync } from "node:fs";
import path from "node:path";
import * as commands from "./commands.mjs";
import { blockSize, defaultBase, groups, Refusal } from "./layout.mjs";

const usage = `usage: script/cluster up [--instances N] [--without ROLE,...] [--base-port N]
       script/cluster down | status [--json] | env
       script/cluster kill ROLE [-SIGNAL] | start ROLE | promote [ROLE] | logs ROLE

A whole cluster on this machine's loopback, from Debian's packages, as root or as yourself: MariaDB with two
replicas, Redis Cluster 3+3, S3, HAProxy in front of instances of Madang, Prometheus, Alertmanager, exporters
and a sink for mail. For tests and for looking around; real machines: docs/operations.md.

  up        starts it, complete or not at all; ready when it returns
  down      ends every process of it and deletes its folder, data included
  status    a table of who runs where; exit 3 when one of them does not
  env       the MADANG_* settings that make another instance part of it
  kill      sends a signal (KILL unless named, such as -STOP, -CONT, -TERM) to a server, or to all of a group
  start     starts again what was killed, with its data (not s3-osd: it holds the objects in its memory)
  promote   makes a replica the primary (the one that has most, unless named); the old one is ended first
  logs      what a server printed

  --folder DIR       where data, logs, pids and ports are kept (./cluster-data, or MADANG_CLUSTER)
  --base-port N      the first of ${blockSize} ports (${defaultBase}); 0 picks free ones
  --instances N      of Madang, 1 to 9 (3)
  --without ROLE,... leaves out whole groups: ${groups.join(" ")}

ROLE is a group or one server: mariadb-1..3, redis-1..6, s3, s3-osd, s3-mon, haproxy, madang-1..N, prometheus,
alertmanager, mail, exporter-redis, exporter-mariadb-1..3, exporter-node. Two clusters run beside each other
in two folders. MADANG_BINARY names the server to run (build/release/madang).
`;

function number(text, name, low, high) {
  if (!/^\d+$/.test(text ?? "") || Number(text) < low || Number(text) > high)
    throw new Refusal(`${name} takes a number from ${low} to ${high}`);
  return Number(text);
}

function groupsIn(text) {
  const list = (text ?? "").split(",").filter(Boolean);
  const unknown = list.filter((name) => !groups.includes(name));
  if (list.length === 0 || unknown.length > 0)
    throw new Refusal(
      `--without takes ${groups.join(",")}${unknown.length ? `, not ${unknown.join(",")}` : ""}`,
    );
  return list;
}

const portOf = (text) => (text === "0" ? 0 : number(text, "--base-port", 1024, 65_535 - blockSize));

// What each option means; `of` is the one command it is for.
const flags = {
  "--folder": { key: "folder", read: (next) => next() },
  "--base-port": { of: "up", key: "base", read: (next) => portOf(next()) },
  "--instances": {
    of: "up",
    key: "instances",
    read: (next) => number(next(), "--instances", 1, 9),
  },
  "--without": { of: "up", key: "without", read: (next) => groupsIn(next()) },
  "--json": { of: "status", key: "json", read: () => true },
};
const takeRole = ["kill", "start", "promote", "logs"];
const signal = (text) => (/^\d+$/.test(text) ? Number(text) : `SIG${text.replace(/^SIG/, "")}`);

function parse([command = "", ...rest]) {
  if (!Object.hasOwn(commands, command))
    throw new Refusal(`${command ? `unknown command ${command}` : "which command?"}\n${usage}`);
  const options = {
    folder: process.env.MADANG_CLUSTER || "cluster-data",
    base: defaultBase,
    instances: 3,
    without: [],
    signal: "SIGKILL",
  };
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const flag = Object.hasOwn(flags, arg) ? flags[arg] : undefined;
    if (flag?.of && flag.of !== command) throw new Refusal(`${arg} is not for ${command}`);
    if (flag) options[flag.key] = flag.read(() => rest.shift());
    else if (command === "kill" && /^-[A-Z0-9]+$/.test(arg)) options.signal = signal(arg.slice(1));
    else if (takeRole.includes(command) && !arg.startsWith("-") && !options.role)
      options.role = arg;
    else throw new Refusal(`${command} does not take ${arg}\n${usage}`);
  }
  if (!options.folder) throw new Refusal("--folder takes a folder");
  const { folder } = options;
  options.folder = existsSync(folder) ? realpathSync(folder) : path.resolve(folder);
  return { command, options };
}

process.env.PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`; // an ordinary user's has no servers in it
try {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
  } else {
    const { command, options } = parse(args);
    await commands[command](options);
  }
} catch (error) {
  console.error(`script/cluster: ${error instanceof Refusal ? error.message : error.stack}`);
  process.exitCode = error instanceof Refusal ? 2 : 1;
}
process.exit();
