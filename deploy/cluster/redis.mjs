// Redis Cluster: three masters, a replica each.
import { mkdirSync, writeFileSync } from "node:fs";
import { runTool, startMember, until } from "./members.mjs";

export const names = [1, 2, 3, 4, 5, 6].map((i) => `redis-${i}`);

const settings = (layout, name) => `bind 127.0.0.1
port ${layout.port(`${name}:6379`)}
cluster-port ${layout.port(`${name}:16379`)}
dir ${JSON.stringify(layout.path("data", name))}
enable-debug-command local
`;

export function unit(layout, name) {
  return {
    name,
    group: "redis",
    ports: [layout.port(`${name}:6379`), layout.port(`${name}:16379`)],
    command: ["redis-server", layout.path("config", `${name}.conf`)],
  };
}

export const cli = (layout, name, ...args) =>
  runTool(layout.folder, ["redis-cli", "-p", String(layout.port(`${name}:6379`)), ...args]);

const answers = (layout, name) => async () => (await cli(layout, name, "ping")).startsWith("PONG");

// `redis-cli --cluster create` returns before every node knows who is a replica; killing a master before
// that is a failover that never comes.
async function settled(layout, name) {
  const nodes = (await cli(layout, name, "cluster", "nodes")).trimEnd().split("\n");
  const live = nodes.filter((line) => !line.includes("fail") && line.includes(" connected"));
  if (live.filter((line) => line.includes("slave")).length !== 3) return false;
  if (live.filter((line) => line.includes("master")).length !== 3) return false;
  if (!(await cli(layout, name, "cluster", "info")).includes("cluster_state:ok")) return false;
  const link = await cli(layout, name, "info", "replication");
  return link.includes("role:master")
    ? link.includes("connected_slaves:1")
    : link.includes("master_link_status:up");
}

export async function up(layout) {
  for (const name of names) {
    mkdirSync(layout.path("data", name), { recursive: true });
    writeFileSync(
      layout.path("config", `${name}.conf`),
      settings(layout, name) + layout.localized("redis/redis.conf"),
    );
  }
  const started = names.map((name) => startMember(layout.folder, unit(layout, name)));
  await Promise.all(
    names.map((name, i) => until(name, answers(layout, name), { of: [started[i]] })),
  );
  const addresses = names.map((name) => layout.address(`${name}:6379`));
  await runTool(layout.folder, [
    "redis-cli",
    "--cluster",
    "create",
    ...addresses,
    "--cluster-replicas",
    "1",
    "--cluster-yes",
  ]);
  for (const name of names)
    await until(`${name} in the cluster`, () => settled(layout, name), { of: started });
}

export async function restart(layout, name) {
  const member = startMember(layout.folder, unit(layout, name));
  await until(name, answers(layout, name), { of: [member] });
}
