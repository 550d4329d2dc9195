// A MariaDB server of the tests' own on loopback, for MADANG_TEST_STORE=mariadb: started once by the
// test file that needs it, from a data folder that is made once; killed and removed at its end.
import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm, statfs, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { spawnTied } from "./tied.mjs";

const run = promisify(execFile);
const readyMs = 60_000;
const memory = "/dev/shm";
const roomBytes = 1 << 30; // below that the memory is somebody else's
const root = userInfo().uid === 0;

export const onMariaDb = process.env.MADANG_TEST_STORE === "mariadb";

async function freePort() {
  const probe = net.createServer();
  await new Promise((done) => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

// Its data outlives nothing, so it need not reach a disk: the many tables a test makes are a
// thousand forced writes, seconds on a slow one.
async function parentFolder() {
  const room = await statfs(memory).catch(() => undefined);
  return room && room.bavail * room.bsize >= roomBytes ? memory : tmpdir();
}

async function emptyData() {
  const ready = path.join(tmpdir(), `madang-mariadb-empty-${userInfo().uid}`);
  if (existsSync(ready)) return ready;
  const making = `${ready}.${process.pid}`;
  await run("/usr/bin/mariadb-install-db", [
    "--no-defaults",
    ...(root ? ["--user=root"] : []),
    `--datadir=${making}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    "--innodb-flush-method=nosync",
    "--innodb-log-file-size=32M",
  ]);
  await rename(making, ready).catch(() => rm(making, { recursive: true })); // another was first
  return ready;
}

const configuration = (folder, port) => `[mariadbd]
${root ? "user=root" : ""}
datadir=${folder}/data
socket=${folder}/s.sock
pid-file=${folder}/pid
log-error=${folder}/err.log
tmpdir=${folder}/tmp
bind-address=127.0.0.1
port=${port}
server-id=1
log-bin=mariadb-bin
binlog-format=ROW
skip-name-resolve=1
character-set-server=utf8mb4
innodb-buffer-pool-size=64M
innodb-log-file-size=32M
innodb-flush-log-at-trx-commit=2
innodb-flush-method=nosync
innodb-doublewrite=0
sync-binlog=0
performance-schema=OFF
max-connections=300
`;

class MariaDb {
  static async start() {
    const server = new MariaDb();
    server.folder = await mkdtemp(path.join(await parentFolder(), "madang-mariadb-"));
    await cp(await emptyData(), `${server.folder}/data`, { recursive: true });
    await mkdir(`${server.folder}/tmp`);
    server.port = await freePort();
    const file = `${server.folder}/my.cnf`;
    await writeFile(file, configuration(server.folder, server.port));
    server.child = spawnTied("/usr/sbin/mariadbd", [`--defaults-file=${file}`], { stdio: "ignore" });
    process.once("exit", () => {
      server.child.kill("SIGKILL");
      rmSync(server.folder, { recursive: true, force: true });
    });
    server.child.unref();
    const until = Date.now() + readyMs;
    while (!(await server.query("select 1").catch(() => undefined))) {
      if (Date.now() > until) throw new Error("mariadbd is not ready");
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    await server.query("create user app identified by 'secret'; grant all on `yard%`.* to app");
    return server;
  }

  // As its administrator: the answer's lines, columns between tabs.
  async query(sql, database = "") {
    const socket = `--socket=${this.folder}/s.sock`;
    const { stdout } = await run(
      "mariadb",
      ["--no-defaults", "-uroot", socket, "-BNe", sql, ...(database ? [database] : [])],
      { maxBuffer: 1 << 26 },
    );
    return stdout;
  }

  // What a server needs to have this database as its store.
  settings(database) {
    return {
      MADANG_DATABASE__URL: `mysql://app@127.0.0.1:${this.port}/${database}`,
      MADANG_DATABASE__PASSWORD: "secret",
      MADANG_DATABASE__DURABILITY: "local_only",
    };
  }
}

let one;
export const mariaDb = () => (one ??= MariaDb.start());

// Each data folder has a database of its own, made when it is first asked for.
const databases = new Map();
export function storeOf(folder) {
  if (!databases.has(folder)) {
    databases.set(
      folder,
      (async () => {
        const server = await mariaDb();
        const name = `yard${databases.size}`;
        await server.query(`create database ${name} character set utf8mb4`);
        return { server, name, env: server.settings(name) };
      })(),
    );
  }
  return databases.get(folder);
}
