// Who may serve from one MariaDB: each process with a number of its own, and none beside another
// while either keeps something to itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { Cluster, run } from "./support.mjs";

const binary = process.env.MADANG_BINARY;
let cluster;
let env;
before(async () => {
  cluster = await Cluster.up("--without", "redis,s3,haproxy,madang,prometheus,alertmanager,mail,exporters");
  env = Object.fromEntries(
    (await cluster.do("env"))
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
});
after(() => cluster?.down());

const serve = (name) => ["serve", "--data", path.join(cluster.folder, name), "--listen", "127.0.0.1:0"];

// A process that is ready.
async function start(name) {
  const child = spawn(binary, serve(name), {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const url = await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = /^madang ready on (\S+)$/.exec(line);
      if (found) resolve(found[1]);
    });
  });
  const end = (signal) =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill(signal);
    });
  return { url, end };
}

async function sign(url, handle) {
  const answer = await fetch(`${url}/api/v1/accounts`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      handle,
      name: handle,
      email: `${handle}@yard.example`,
      password: "마당에서-놀자-7",
    }),
  });
  const text = await answer.text();
  assert.equal(answer.status, 201, text);
  return BigInt(JSON.parse(text).account.id);
}
const numberOf = (id) => Number((id >> 7n) & 31n);

test("a second instance is refused in one line, at once, and the first one goes on", async () => {
  const first = await start("one");
  const { code, out, err } = await run(binary, serve("two"), { env, timeout: 20_000 });
  assert.equal(code, 1, out + err);
  const lines = err.split("\n").filter((line) => line.startsWith("madang: "));
  assert.equal(lines.length, 1, err);
  assert.match(lines[0], /another instance \(node \d+\) serves from this database/);
  assert.doesNotMatch(out, /ready/);
  await sign(first.url, "still");
  assert.equal(await first.end("SIGTERM"), 0);
});

test("after a clean end another one may serve at once, after kill -9 the same folder's", async () => {
  const numbers = [];
  let one = await start("two");
  numbers.push(numberOf(await sign(one.url, "second")));
  assert.equal(await one.end("SIGTERM"), 0);
  one = await start("one");
  numbers.push(numberOf(await sign(one.url, "third")));
  await one.end("SIGKILL");
  one = await start("one");
  numbers.push(numberOf(await sign(one.url, "fourth")));
  assert.equal(await one.end("SIGTERM"), 0);
  // The killed one's ids are reserved ahead of the clock: its successor takes another number.
  assert.notEqual(numbers[2], numbers[1]);
});
