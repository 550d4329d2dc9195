// The instances of Madang, and HAProxy in front of them.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Refusal, root } from "./layout.mjs";
import * as mariadb from "./mariadb.mjs";
import * as redis from "./redis.mjs";
import * as s3 from "./s3.mjs";
import { startMember, until } from "./members.mjs";

export const binary = () =>
  path.resolve(process.env.MADANG_BINARY ?? path.join(root, "build/release/madang"));

// The settings this binary knows: `section.key`.
function knownSettings() {
  const program = binary();
  if (!existsSync(program))
    throw new Refusal(`no binary at ${program}: script/build first, or --without madang`);
  const known = new Set();
  let section = "";
  for (const line of execFileSync(program, ["config", "--markdown"], { encoding: "utf8" }).split(
    "\n",
  )) {
    section = /^## (\S+)/.exec(line)?.[1] ?? section;
    const key = /^\| `([a-z0-9_]+)` \|/.exec(line)?.[1];
    if (key) known.add(`${section}.${key}`);
  }
  return known;
}

// What an instance is told of this cluster's servers, by setting.
function wanted(layout) {
  const settings = { "http.trusted_proxies": "127.0.0.1" };
  if (layout.has("mariadb")) {
    const hosts = mariadb.names.map((name) => layout.address(`${name}:3306`)).join(",");
    settings["database.url"] =
      `mysql://${mariadb.account.user}@${hosts}/${mariadb.account.database}`;
    settings["database.password"] = mariadb.account.password;
  }
  if (layout.has("redis"))
    settings["redis.nodes"] = redis.names.map((name) => layout.address(`${name}:6379`)).join(",");
  if (layout.has("s3")) {
    settings["objects.url"] = `http://${layout.address("s3:7480")}/${s3.bucket}`;
    settings["objects.access_key"] = s3.keys.access;
    settings["objects.secret_key"] = s3.keys.secret;
  }
  return settings;
}

const variable = (setting) => `MADANG_${setting.replace(".", "__").toUpperCase()}`;

// { env, missing }: what can be said to this binary, and what it does not know yet.
export function settingsFor(layout) {
  const known = knownSettings();
  const entries = Object.entries(wanted(layout));
  return {
    env: Object.fromEntries(
      entries.filter(([key]) => known.has(key)).map(([key, value]) => [variable(key), value]),
    ),
    missing: entries.map(([key]) => key).filter((key) => !known.has(key)),
  };
}

// Instances share everything or there is one: says so when it must be one.
export function adapt(layout) {
  if (!layout.has("madang")) return [];
  const { missing } = settingsFor(layout);
  const absent = ["mariadb", "redis", "s3"].filter((group) => !layout.has(group));
  if (missing.length === 0 && absent.length === 0) return [];
  layout.instances = 1;
  layout.write();
  const why = [
    ...(absent.length > 0 ? [`without ${absent.join(", ")}`] : []),
    ...(missing.length > 0 ? [`this binary does not know ${missing.join(", ")}`] : []),
  ];
  return [`note: one instance only, with what is not shared in its own folder: ${why.join("; ")}`];
}

export function instances(layout) {
  return Array.from({ length: layout.instances }, (_, i) => `madang-${i + 1}`);
}

export function madangUnit(layout, name) {
  return {
    name,
    group: "madang",
    ports: [layout.port(`${name}:8080`)],
    command: [
      binary(),
      "serve",
      "--data",
      layout.path("data", name),
      "--listen",
      layout.address(`${name}:8080`),
    ],
  };
}

const ok = (address, target) => async () => (await fetch(`http://${address}${target}`)).ok;

async function start(layout, name) {
  const member = startMember(layout.folder, {
    ...madangUnit(layout, name),
    env: settingsFor(layout).env,
  });
  await until(name, ok(layout.address(`${name}:8080`), "/health/ready"), { of: [member] });
}
export const restartMadang = start;

// What one signs or hides, the others must recognize.
function shareSecret(layout) {
  const secret = randomBytes(32);
  for (const name of instances(layout)) {
    mkdirSync(layout.path("data", name), { recursive: true });
    writeFileSync(layout.path("data", name, "secret.key"), secret, { mode: 0o600 });
  }
}

export async function upMadang(layout) {
  shareSecret(layout);
  await start(layout, "madang-1"); // it brings the tables up to date; the others find them so
  await Promise.all(
    instances(layout)
      .slice(1)
      .map((name) => start(layout, name)),
  );
}

export function haproxyUnit(layout) {
  return {
    name: "haproxy",
    group: "haproxy",
    ports: [layout.port("haproxy:8080"), layout.port("haproxy:8404")],
    command: ["haproxy", "-db", "-f", layout.path("config", "haproxy.cfg")],
  };
}

export async function upHaproxy(layout) {
  writeFileSync(layout.path("config", "haproxy.cfg"), layout.localized("haproxy/haproxy.cfg"));
  const member = startMember(layout.folder, haproxyUnit(layout));
  await until("haproxy", ok(layout.address("haproxy:8404"), "/metrics"), { of: [member] });
}

// Until HAProxy has looked at every instance and found it ready.
export async function inService(layout) {
  const active = new RegExp(
    `^haproxy_backend_active_servers\\{proxy="madang"\\} ${layout.instances}$`,
    "m",
  );
  const figures = `http://${layout.address("haproxy:8404")}/metrics`;
  const ready = async () => active.test(await (await fetch(figures)).text());
  await until("the instances in HAProxy's service", ready);
}
