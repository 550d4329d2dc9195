// A primary and two replicas: GTID, semi-synchronous, every commit on two disks before it is acknowledged.
//
// Every server starts read-only. Only the one that cluster.json names as primary is made writable, so a
// primary that was given up never comes back as a second one.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { deploy, Refusal } from "./layout.mjs";
import { leader, members, runTool, startMember, until } from "./members.mjs";

export const names = ["mariadb-1", "mariadb-2", "mariadb-3"];
export const account = { user: "madang", password: "madang", database: "madang" };
// As deploy/mariadb/accounts.sql makes them.
const replication = { user: "replication", password: "replication" };

// As Debian's server is started, with little memory and without its own durable parts weakened.
const settings = (layout, name) => `[mariadbd]
datadir=${layout.path("data", name, "data")}
socket=${layout.path("data", name, "sock")}
pid-file=${layout.path("data", name, "pid")}
tmpdir=${layout.path("data", name, "tmp")}
bind-address=127.0.0.1
port=${layout.port(`${name}:3306`)}
server-id=${name.slice(-1)}
report-host=127.0.0.1
report-port=${layout.port(`${name}:3306`)}
`;

const common = (layout) => layout.localized("mariadb/madang.cnf");

// What must be there before the first start is in the template: nothing is written before a replica listens.
const accounts = () => readFileSync(path.join(deploy, "mariadb/accounts.sql"), "utf8");

const runsAs = () => (process.getuid() === 0 ? ["--user=root"] : []);

// Tables of a new server take four seconds to make and a tenth to copy.
async function template(layout) {
  const cache = path.join(
    process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"),
    "madang",
  );
  const version = (await runTool(layout.folder, ["mariadbd", "--version"])).match(
    /\d+\.\d+\.\d+/,
  )[0];
  const digest = createHash("sha256").update(accounts()).digest("hex").slice(0, 12);
  const ready = path.join(cache, `mariadb-${version}-${digest}`);
  if (existsSync(ready)) return ready;
  mkdirSync(cache, { recursive: true });
  const made = mkdtempSync(path.join(cache, "making-"));
  const user = os.userInfo().username;
  await runTool(layout.folder, [
    "mariadb-install-db",
    "--no-defaults",
    `--datadir=${made}`,
    ...runsAs(),
    "--skip-test-db",
    "--auth-root-authentication-method=socket",
    `--auth-root-socket-user=${user}`,
    "--innodb-log-file-size=32M",
    "--innodb-flush-method=nosync",
  ]);
  await runTool(
    layout.folder,
    [
      "mariadbd",
      "--no-defaults",
      "--bootstrap",
      `--datadir=${made}`,
      ...runsAs(),
      "--innodb-log-file-size=32M",
      "--innodb-flush-method=nosync",
    ],
    { input: accounts() },
  );
  try {
    renameSync(made, ready);
  } catch {
    rmSync(made, { recursive: true, force: true }); // another cluster made it meanwhile
  }
  return ready;
}

export function sql(layout, name, statement) {
  const user = os.userInfo().username;
  return runTool(layout.folder, [
    "mariadb",
    "--no-defaults",
    `--user=${user}`,
    `--socket=${layout.path("data", name, "sock")}`,
    "--connect-timeout=5",
    "-BNe",
    statement,
  ]).then((text) => text.trimEnd());
}

export function unit(layout, name) {
  const isPrimary = name === layout.primary;
  return {
    name,
    group: "mariadb",
    ports: [layout.port(`${name}:3306`)],
    command: [
      "mariadbd",
      `--defaults-file=${layout.path("config", `${name}.cnf`)}`,
      ...runsAs(),
      `--rpl-semi-sync-master-enabled=${isPrimary ? "ON" : "OFF"}`,
      // After a crash: what no replica acknowledged is taken out of the binary log again.
      ...(isPrimary ? [] : ["--init-rpl-role=SLAVE"]),
    ],
  };
}

async function start(layout, name) {
  const member = startMember(layout.folder, unit(layout, name));
  await until(name, () => sql(layout, name, "select 1").then(() => true), { of: [member] });
  return member;
}

async function follow(layout, name) {
  await sql(
    layout,
    name,
    `
    stop slave;
    set global read_only=1, rpl_semi_sync_master_enabled=0;
    change master to master_host='127.0.0.1', master_port=${layout.port(`${layout.primary}:3306`)},
      master_user='${replication.user}', master_password='${replication.password}',
      master_use_gtid=slave_pos, master_connect_retry=1, master_heartbeat_period=1;
    start slave`,
  );
}

const replicating = async (layout, name) =>
  (await sql(
    layout,
    name,
    "select variable_value from information_schema.global_status where variable_name='slave_running'",
  )) === "ON" &&
  (await sql(
    layout,
    name,
    "select variable_value from information_schema.global_status where variable_name='rpl_semi_sync_slave_status'",
  )) === "ON";

// Its primary does not have all that it has: what it committed while nobody listened, and then came
// back with as if it still were the primary, cannot be taken out of its log again.
const diverged = async (layout, name) =>
  /Got fatal error 1236/.test(await sql(layout, name, "show slave status"));

function fill(layout, name, source) {
  mkdirSync(layout.path("data", name, "tmp"), { recursive: true });
  cpSync(source, layout.path("data", name, "data"), { recursive: true });
}

// Everything from the primary, whose binary logs go back to the template.
async function fillAnew(layout, name) {
  console.error(`${name} has what its primary has not: it is filled anew`);
  const { pid } = leader(members(layout.folder), name);
  process.kill(pid, "SIGKILL");
  await until(`${name} is gone`, () => !leader(members(layout.folder), name));
  rmSync(layout.path("data", name), { recursive: true });
  fill(layout, name, await template(layout));
  await start(layout, name);
  await follow(layout, name);
}

export async function up(layout) {
  const source = await template(layout);
  for (const name of names) {
    fill(layout, name, source);
    writeFileSync(layout.path("config", `${name}.cnf`), settings(layout, name) + common(layout));
  }
  await Promise.all(names.map((name) => start(layout, name)));
  const replicas = names.filter((name) => name !== layout.primary);
  await Promise.all(replicas.map((name) => follow(layout, name)));
  for (const name of replicas) await until(`${name} follows`, () => replicating(layout, name));
  await sql(layout, layout.primary, "set global read_only=0");
}

// Back after a kill: as the primary it was, or as a replica of the one that is.
export async function restart(layout, name) {
  await start(layout, name);
  if (name === layout.primary) {
    await sql(layout, name, "set global read_only=0");
    return;
  }
  // What it wrote as a primary counts as received.
  await sql(layout, name, "stop slave; set global gtid_slave_pos=@@gtid_current_pos");
  await follow(layout, name);
  const settled = async () => (await replicating(layout, name)) || diverged(layout, name);
  await until(`${name} follows, or cannot`, settled);
  if (await diverged(layout, name)) await fillAnew(layout, name);
  await until(`${name} follows`, () => replicating(layout, name));
}

const position = async (layout, name) =>
  Number((await sql(layout, name, "select @@gtid_current_pos")).split("-")[2] ?? 0);

// Everything received is applied before positions are compared.
async function applied(layout, name) {
  await sql(layout, name, "stop slave io_thread");
  await until(`${name} applies what it received`, async () => {
    const status = await sql(layout, name, "show slave status");
    return status === "" || /has read all relay log/i.test(status);
  });
}

// Makes a replica the primary. The old one is ended first: two never take writes.
export async function promote(layout, wanted) {
  const old = layout.primary;
  if (wanted === old) throw new Refusal(`${wanted} is the primary already`);
  const fenced = leader(members(layout.folder), old);
  if (fenced) {
    process.kill(fenced.pid, "SIGKILL");
    await until(`${old} is gone`, () => !leader(members(layout.folder), old));
  }
  const alive = names.filter((name) => name !== old && leader(members(layout.folder), name));
  if (alive.length === 0) throw new Refusal("no replica is running");
  await Promise.all(alive.map((name) => applied(layout, name)));
  const positions = await Promise.all(alive.map((name) => position(layout, name)));
  const best = alive[positions.indexOf(Math.max(...positions))];
  const chosen = wanted ?? best;
  if (positions[alive.indexOf(chosen)] !== Math.max(...positions))
    throw new Refusal(`${chosen} lacks what ${best} has: promote ${best}`);
  await sql(
    layout,
    chosen,
    "stop slave; reset slave all; set global rpl_semi_sync_master_enabled=1",
  );
  layout.primary = chosen;
  layout.write();
  await Promise.all(alive.filter((name) => name !== chosen).map((name) => follow(layout, name)));
  await sql(layout, chosen, "set global read_only=0");
  return chosen;
}
