// The processes of a cluster. Each carries, in its environment, the folder and the name it was started
// under; what runs is read from /proc by that mark alone. So nothing escapes when the script that starts
// them is killed half-way, and no other process can be mistaken for one of them.
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const mark = "MADANG_CLUSTER_MEMBER";
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const readProc = (pid, file) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return ""; // ended meanwhile, or another user's
  }
};

// Fields of /proc/PID/stat after the name, which may itself hold spaces and brackets.
export function processState(pid) {
  const text = readProc(pid, "stat");
  if (!text) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], parent: Number(fields[1]), started: fields[19] };
}

// Every living process of the cluster in `folder`: [{ pid, name, state, parent }].
export function members(folder) {
  const tail = `:${Buffer.from(folder).toString("latin1")}`;
  const found = [];
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const entry = readProc(pid, "environ")
      .split("\0")
      .find((line) => line.startsWith(`${mark}=`));
    if (!entry?.endsWith(tail)) continue;
    const stat = processState(pid);
    if (!stat || stat.state === "Z" || stat.state === "X") continue;
    const name = entry.slice(mark.length + 1, -tail.length);
    found.push({ pid: Number(pid), name, state: stat.state, parent: stat.parent });
  }
  return found;
}

// The one process of that name that no other process of that name started.
export function leader(all, name) {
  const own = all.filter((member) => member.name === name);
  const pids = new Set(own.map((member) => member.pid));
  return own.find((member) => !pids.has(member.parent));
}

const environment = (folder, name, env) => ({
  ...process.env,
  ...env,
  [mark]: `${name}:${folder}`,
});

// Starts a server that outlives this script; resolves nothing: wait for it with `until`.
export function startMember(folder, { name, command, env = {} }) {
  const log = path.join(folder, "logs", `${name}.log`);
  const fd = openSync(log, "a");
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    stdio: ["ignore", fd, fd],
    env: environment(folder, name, env),
  });
  closeSync(fd);
  const member = { name, log, pid: child.pid, ended: undefined };
  child.once("error", (error) => (member.ended = error.message));
  child.once("exit", (code, signal) => (member.ended = signal ?? `exit ${code}`));
  child.unref();
  if (child.pid) writeFileSync(path.join(folder, "pids", name), `${child.pid}\n`);
  return member;
}

// Runs a tool to its end and returns what it printed.
export function runTool(folder, [program, ...args], { input = "", env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: folder, env: environment(folder, "tool", env) });
    let out = "";
    let errors = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.stdin.on("error", () => {}); // it may end without reading
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`${program} ${args[0] ?? ""}: exit ${code}\n${errors || out}`));
    });
    child.stdin.end(input);
  });
}

const logTail = (member) => {
  const lines = readFileSync(member.log, "utf8").trimEnd().split("\n").slice(-15);
  return `${member.log}:\n  ${lines.join("\n  ")}`;
};

// Waits until `ready` holds; fails at once when one of the members it depends on has ended.
export async function until(what, ready, { of = [], seconds = 60 } = {}) {
  const deadline = performance.now() + seconds * 1000;
  let lastError;
  for (let pause = 10; ; pause = Math.min(pause * 1.3, 100)) {
    for (const member of of)
      if (member.ended)
        throw new Error(`${member.name} ended (${member.ended})\n${logTail(member)}`);
    try {
      const result = await ready();
      if (result) return result;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      const why = lastError ? `\n${lastError.message}` : "";
      throw new Error(
        `${what}: not within ${seconds} s${why}${of.map((m) => `\n${logTail(m)}`).join("")}`,
      );
    }
    await sleep(pause);
  }
}

// Ends every process of the cluster, whatever state it is in, and returns how many there were.
export async function endAll(folder) {
  let ended = 0;
  // Twice empty: one that is just being started is seen the second time.
  for (let empty = 0; empty < 2;) {
    const all = members(folder);
    empty = all.length === 0 ? empty + 1 : 0;
    for (const { pid } of all) {
      try {
        process.kill(pid, "SIGKILL");
        ended += 1;
      } catch (error) {
        if (error.code !== "ESRCH") throw new Error(`process ${pid}: ${error.message}`);
      }
    }
    await sleep(30);
  }
  return ended;
}
