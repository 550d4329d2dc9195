// Starts the real binary on a free port with a data folder of its own, and stops it again.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onMariaDb, storeOf } from "./mariadb.mjs";
import { spawnTied } from "./tied.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const binary = process.env.MADANG_BINARY ?? path.join(root, "build/release/madang");

const readyMs = 30_000;
const stopMs = 20_000;

function readyLine(child, log) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`not ready in time\n${log.join("")}`)),
      readyMs,
    );
    const done = (act) => (value) => {
      clearTimeout(timer);
      act(value);
    };
    child.once("error", done(reject));
    child.once("exit", (code) => done(reject)(new Error(`exited with ${code}\n${log.join("")}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const match = /^madang ready on (http:\/\/\S+)$/.exec(line.trim());
      if (match) done(resolve)(match[1]);
    });
  });
}

function ended(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", resolve);
  });
}

// Many accounts come from one address here, so the limits that count by address are wide; and a busy
// machine under sanitizers is no overload.
const wideLimits = {
  MADANG_RATE__SIGN_UP: "100000",
  MADANG_RATE__SIGN_IN: "100000",
  MADANG_SERVER__MAX_WAIT: "2000",
};

// Where the server of a data folder keeps its tables: in the folder, or in a database of its own.
export const storeSettings = async (folder) => (onMariaDb ? (await storeOf(folder)).env : {});

// { url, pid, data, log, stopOnly(), kill(), resume(), stop() }
export async function startServer({ data, env = {} } = {}) {
  const folder = data ?? (await mkdtemp(path.join(tmpdir(), "madang-e2e-")));
  const log = [];
  const store = await storeSettings(folder);
  const start = async (listen) => {
    const child = spawnTied(binary, ["serve", "--data", folder, "--listen", listen], {
      env: { ...process.env, ...wideLimits, ...store, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.on("data", (chunk) => {
      log.push(String(chunk));
      if (log.length > 500) log.shift();
    });
    return { child, url: await readyLine(child, log) };
  };
  let { child, url } = await start("127.0.0.1:0");

  const stopChild = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await ended(child);
    clearTimeout(late);
    return child.exitCode;
  };
  const server = {
    url,
    data: folder,
    log,
    get pid() {
      return child.pid;
    },
    stopOnly: stopChild,
    // As a lost machine ends: no signal it could answer to.
    async kill() {
      child.kill("SIGKILL");
      await ended(child);
    },
    // Again on the same port, so that open pages find it.
    async resume() {
      ({ child, url } = await start(new URL(server.url).host));
    },
    async stop() {
      const code = await stopChild();
      if (!data) await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
  return server;
}

// Runs the binary to its end: `madang seed`, `madang admin create` and the like.
export function runMadang(args, { input = "", env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawnTied(binary, args, { env: { ...process.env, ...env } });
    let out = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (out += chunk));
    child.once("error", reject);
    child.once("exit", (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${args[0]}: ${code}\n${out}`)),
    );
    child.stdin.end(input);
  });
}
