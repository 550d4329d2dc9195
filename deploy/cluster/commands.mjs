// What script/cluster does: brings a cluster up and down, shows it, pokes it.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import * as edge from "./edge.mjs";
import { freeBase, groups, Layout, Refusal, takenPorts } from "./layout.mjs";
import * as mariadb from "./mariadb.mjs";
import { endAll, leader, members, processState } from "./members.mjs";
import * as redis from "./redis.mjs";
import * as s3 from "./s3.mjs";
import * as watch from "./watch.mjs";

const programs = {
  mariadb: ["mariadbd", "mariadb", "mariadb-install-db"],
  redis: ["redis-server", "redis-cli"],
  s3: [
    "ceph-mon",
    "ceph-osd",
    "radosgw",
    "ceph",
    "ceph-authtool",
    "monmaptool",
    "radosgw-admin",
    "curl",
  ],
  haproxy: ["haproxy"],
  madang: [],
  prometheus: ["prometheus"],
  alertmanager: ["prometheus-alertmanager"],
  mail: ["/usr/bin/python3"],
  exporters: [
    "prometheus-node-exporter",
    "prometheus-redis-exporter",
    "prometheus-mysqld-exporter",
  ],
};

function isProgram(name) {
  return process.env.PATH.split(":").some((folder) => {
    try {
      accessSync(path.resolve(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// Every server of this cluster, in the order of a table.
function unitsOf(layout) {
  return [
    ...(layout.has("mariadb") ? mariadb.names.map((name) => mariadb.unit(layout, name)) : []),
    ...(layout.has("redis") ? redis.names.map((name) => redis.unit(layout, name)) : []),
    ...(layout.has("s3") ? s3.units(layout) : []),
    ...(layout.has("madang")
      ? edge.instances(layout).map((name) => edge.madangUnit(layout, name))
      : []),
    ...(layout.has("haproxy") ? [edge.haproxyUnit(layout)] : []),
    ...watch.units(layout),
  ];
}

function chosen(layout, role) {
  if (!role) throw new Refusal("which ROLE? script/cluster --help");
  const all = unitsOf(layout);
  const one = all.filter((unit) => unit.name === role);
  const found = one.length > 0 ? one : all.filter((unit) => unit.group === role);
  if (found.length === 0)
    throw new Refusal(`no ${role} here: ${all.map((unit) => unit.name).join(" ")}`);
  return found;
}

// --- up and down ---------------------------------------------------------------------------------

const started = (pid) => processState(pid)?.started;

function starterRuns(layout) {
  const { starter } = layout;
  return starter && starter.pid !== process.pid && started(starter.pid) === starter.started;
}

async function endCluster(layout) {
  if (starterRuns(layout)) process.kill(layout.starter.pid, "SIGKILL");
  await endAll(layout.folder);
  layout.remove();
}

async function prepare(options) {
  const folder = options.folder;
  if (existsSync(Layout.stateFile(folder))) {
    const old = Layout.read(folder);
    if (members(old.folder).length > 0 || starterRuns(old))
      throw new Refusal(`a cluster is up in ${folder}: script/cluster down`);
    old.remove(); // nothing of it runs any more
  }
  for (const group of groups.filter((name) => !options.without.includes(name)))
    for (const program of programs[group])
      if (!isProgram(program))
        throw new Refusal(
          `${program} is not installed: script/bootstrap --cluster, or --without ${group}`,
        );
  const base = options.base === 0 ? await freeBase() : options.base;
  const taken = await takenPorts(base);
  if (taken.length > 0) {
    const list = `${taken.slice(0, 5).join(", ")}${taken.length > 5 ? ` and ${taken.length - 5} more` : ""}`;
    throw new Refusal(`port ${list} taken by others: choose another --base-port, or 0`);
  }
  mkdirSync(folder, { recursive: true });
  const layout = new Layout({ ...options, folder: realpathSync(folder), base });
  // Paths of sockets are at most 107 bytes.
  if (Buffer.byteLength(layout.path("data/mariadb-1/sock")) > 107)
    throw new Refusal(
      `${layout.folder} is too long a name for a socket: choose a shorter --folder`,
    );
  layout.starter = { pid: process.pid, started: started(process.pid) };
  layout.create();
  return layout;
}

async function startAll(layout) {
  const took = {};
  const run = async (group, work) => {
    if (!layout.has(group)) return;
    const begin = performance.now();
    await work();
    took[group] = ((performance.now() - begin) / 1000).toFixed(1);
  };
  const stores = [
    run("mariadb", () => mariadb.up(layout)),
    run("redis", () => redis.up(layout)),
    run("s3", () => s3.up(layout)),
  ];
  await Promise.all([
    ...stores,
    run("haproxy", () => edge.upHaproxy(layout)),
    watch.up(layout),
    Promise.all(stores).then(() => run("madang", () => edge.upMadang(layout))),
  ]);
  if (layout.has("haproxy") && layout.has("madang")) await edge.inService(layout);
  return took;
}

export async function up(options) {
  const begin = performance.now();
  const layout = await prepare(options);
  let interrupted;
  const interruption = new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
      process.once(signal, () => {
        interrupted = signal;
        reject(new Error(signal));
      });
  });
  try {
    const notes = edge.adapt(layout);
    const took = await Promise.race([startAll(layout), interruption]);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    console.log(table(layout));
    for (const note of notes) console.log(note);
    const detail = Object.entries(took).map(([group, time]) => `${group} ${time}`);
    console.log(
      `up in ${seconds} s${detail.length ? ` (${detail.join(", ")})` : ""}; ${layout.folder}`,
    );
    if (layout.has("haproxy") && layout.has("madang"))
      console.log(`http://${layout.address("haproxy:8080")}`);
  } catch (error) {
    await endCluster(layout);
    if (interrupted) throw new Refusal(`stopped by ${interrupted}; nothing is left`);
    throw new Refusal(`${error.message}\nnothing is left running`);
  }
}

export async function down(options) {
  if (!existsSync(Layout.stateFile(options.folder))) {
    console.log(`no cluster in ${options.folder}`);
    return;
  }
  await endCluster(Layout.read(options.folder));
}

// --- looking and poking --------------------------------------------------------------------------

function stateOf(all, name) {
  const process = leader(all, name);
  if (!process) return { pid: null, state: "dead" };
  return { pid: process.pid, state: process.state === "T" ? "stopped" : "running" };
}

function statusOf(layout) {
  const all = members(layout.folder);
  return unitsOf(layout).map(({ name, group, ports }) => ({
    name,
    group,
    ports,
    ...stateOf(all, name),
    ...(name === layout.primary ? { role: "primary" } : {}),
  }));
}

function table(layout) {
  const rows = statusOf(layout).map((row) => [
    row.role ? `${row.name} (${row.role})` : row.name,
    String(row.pid ?? "-"),
    row.ports.join(" ") || "-",
    row.state,
  ]);
  const all = [["role", "pid", "port", "state"], ...rows];
  const widths = all[0].map((_, i) => Math.max(...all.map((row) => row[i].length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

export function status(options) {
  const layout = Layout.read(options.folder);
  if (options.json)
    console.log(
      JSON.stringify(
        {
          folder: layout.folder,
          base: layout.base,
          primary: layout.primary,
          servers: statusOf(layout),
        },
        null,
        2,
      ),
    );
  else console.log(table(layout));
  if (statusOf(layout).some((row) => row.state !== "running")) process.exitCode = 3;
}

export function kill(options) {
  const layout = Layout.read(options.folder);
  const all = members(layout.folder);
  const units = chosen(layout, options.role);
  const targets = units.map((unit) => leader(all, unit.name)).filter(Boolean);
  if (targets.length === 0) throw new Refusal(`${options.role} does not run`);
  if (typeof options.signal === "string" && !(options.signal in os.constants.signals))
    throw new Refusal(`no signal is called ${options.signal}`);
  for (const target of targets) process.kill(target.pid, options.signal);
}

function restart(layout, { name, group }) {
  if (group === "mariadb") return mariadb.restart(layout, name);
  if (group === "redis") return redis.restart(layout, name);
  if (group === "s3") return s3.restart(layout, name);
  if (group === "madang") return edge.restartMadang(layout, name);
  if (group === "haproxy") return edge.upHaproxy(layout);
  return watch.restart(layout, name);
}

export async function start(options) {
  const layout = Layout.read(options.folder);
  const all = members(layout.folder);
  const dead = chosen(layout, options.role).filter((unit) => !leader(all, unit.name));
  if (dead.length === 0) throw new Refusal(`${options.role} runs already`);
  // The primary first: replicas wait for it.
  dead.sort((a, b) => Number(b.name === layout.primary) - Number(a.name === layout.primary));
  for (const unit of dead) await restart(layout, unit);
}

export async function promote(options) {
  const layout = Layout.read(options.folder);
  if (options.role && !mariadb.names.includes(options.role))
    throw new Refusal(`promote one of ${mariadb.names.join(" ")}`);
  if (!layout.has("mariadb")) throw new Refusal("no mariadb here");
  console.log(`${await mariadb.promote(layout, options.role)} is the primary`);
}

export function env(options) {
  const layout = Layout.read(options.folder);
  const { env: settings, missing } = edge.settingsFor(layout);
  for (const [name, value] of Object.entries(settings)) console.log(`${name}=${value}`);
  if (missing.length > 0) console.error(`# not known to this binary: ${missing.join(" ")}`);
}

export function logs(options) {
  const layout = Layout.read(options.folder);
  for (const { name } of chosen(layout, options.role)) {
    const file = layout.path("logs", `${name}.log`);
    if (existsSync(file) && statSync(file).size > 0) process.stdout.write(readFileSync(file));
  }
}
