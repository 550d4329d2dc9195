// Those who look on: Prometheus, Alertmanager, the exporters, and a sink for mail.
import { mkdirSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { deploy } from "./layout.mjs";
import { startMember, until } from "./members.mjs";

const mariadbs = [1, 2, 3].map((i) => `mariadb-${i}`);

// Minutes become seconds: what is watched here is a test or a developer's desk, not a town.
const hurried = (text) =>
  text
    .replace(/\b(scrape_interval|evaluation_interval|scrape_timeout): \S+/g, "$1: 1s")
    .replace(/\bfor: \d+[smh]\b/g, "for: 2s")
    .replace(/\bgroup_wait: \S+/g, "group_wait: 1s")
    .replace(/\bgroup_interval: \S+/g, "group_interval: 2s")
    .replace(/\bresolve_timeout: \S+/g, "resolve_timeout: 5s");

export function units(layout) {
  const of =
    (group) =>
    (name, address, command, env = {}) => ({
      name,
      group,
      ports: [layout.port(address)],
      command,
      env,
      address: layout.address(address),
    });
  const list = [];
  if (layout.has("prometheus"))
    list.push(
      of("prometheus")("prometheus", "prometheus:9090", [
        "prometheus",
        `--config.file=${layout.path("config/prometheus/prometheus.yml")}`,
        `--storage.tsdb.path=${layout.path("data/prometheus")}`,
        `--web.listen-address=${layout.address("prometheus:9090")}`,
        "--storage.tsdb.retention.time=1d",
        "--web.enable-lifecycle",
      ]),
    );
  if (layout.has("alertmanager"))
    list.push(
      of("alertmanager")("alertmanager", "alertmanager:9093", [
        "prometheus-alertmanager",
        `--config.file=${layout.path("config/alertmanager.yml")}`,
        `--storage.path=${layout.path("data/alertmanager")}`,
        `--web.listen-address=${layout.address("alertmanager:9093")}`,
        "--cluster.listen-address=",
      ]),
    );
  if (layout.has("mail"))
    // Debian's own Python: another one on the PATH does not see Debian's modules.
    list.push(
      of("mail")("mail", "mail:2525", [
        "/usr/bin/python3",
        "-B",
        path.join(deploy, "cluster/mail_sink.py"),
        String(layout.port("mail:2525")),
        layout.path("data/mail"),
      ]),
    );
  if (layout.has("exporters")) list.push(...exporters(layout, of("exporters")));
  return list;
}

function exporters(layout, one) {
  const list = [
    one("exporter-node", "exporter-node:9100", [
      "prometheus-node-exporter",
      `--web.listen-address=${layout.address("exporter-node:9100")}`,
    ]),
  ];
  if (layout.has("redis"))
    list.push(
      one("exporter-redis", "exporter-redis:9121", [
        "prometheus-redis-exporter",
        `-web.listen-address=${layout.address("exporter-redis:9121")}`,
        "-redis.addr=",
      ]),
    );
  if (layout.has("mariadb"))
    for (const name of mariadbs)
      list.push(
        one(
          `exporter-${name}`,
          `exporter-${name}:9104`,
          [
            "prometheus-mysqld-exporter",
            `--web.listen-address=${layout.address(`exporter-${name}:9104`)}`,
          ],
          { DATA_SOURCE_NAME: `exporter:exporter@(${layout.address(`${name}:3306`)})/` },
        ),
      );
  return list;
}

function connects(address) {
  const [host, port] = address.split(":");
  return new Promise((resolve) => {
    const socket = net.connect(Number(port), host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

const readyPath = { prometheus: "/-/ready", alertmanager: "/-/ready" };

async function start(layout, unit) {
  const member = startMember(layout.folder, unit);
  const target = readyPath[unit.name];
  const ready = target
    ? async () => (await fetch(`http://${unit.address}${target}`)).ok
    : () => connects(unit.address);
  await until(unit.name, ready, { of: [member] });
}

export async function up(layout) {
  mkdirSync(layout.path("config/prometheus"), { recursive: true });
  mkdirSync(layout.path("data/mail"), { recursive: true });
  for (const file of ["prometheus.yml", "rules.yml"])
    writeFileSync(
      layout.path("config/prometheus", file),
      hurried(layout.localized(`prometheus/${file}`)),
    );
  writeFileSync(
    layout.path("config/alertmanager.yml"),
    hurried(layout.localized("alertmanager/alertmanager.yml")),
  );
  await Promise.all(units(layout).map((unit) => start(layout, unit)));
}

export const restart = (layout, name) =>
  start(
    layout,
    units(layout).find((unit) => unit.name === name),
  );
