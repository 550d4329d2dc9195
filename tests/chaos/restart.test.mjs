// A restart that nobody notices: the listening socket outlives the server, so requests that come
// while there is none wait for the next one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "../e2e/support/client.mjs";
import { openEvents } from "../e2e/support/events.mjs";
import { binary } from "../e2e/support/server.mjs";
import { eventually, sleep, Yard } from "../e2e/support/yard.mjs";
import { Load } from "./load.mjs";

const restarts = 4;
const seconds = 10;
const rate = 200; // an ordinary load: the queue holds what comes within a restart

const supervisor = fileURLToPath(new URL("../support/socket_supervisor.pl", import.meta.url));

class Supervised {
  static async start(data, env) {
    const one = new Supervised();
    one.readies = 0;
    one.log = [];
    one.child = spawn("perl", [supervisor, binary, "serve", "--data", data], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    one.child.stderr.on("data", (chunk) => one.log.push(String(chunk)));
    createInterface({ input: one.child.stdout }).on("line", (line) => {
      const found = /^madang ready on (http:\/\/\S+)$/.exec(line);
      if (!found) return;
      one.url = found[1];
      ++one.readies;
    });
    await one.ready(1);
    return one;
  }

  ready(count) {
    return eventually(`ready ${count} times\n${this.log.slice(-5).join("")}`, () => this.readies >= count);
  }

  async restart() {
    const next = this.readies + 1;
    this.child.kill("SIGHUP");
    await this.ready(next);
  }

  async stop() {
    this.child.kill("SIGTERM");
    return new Promise((resolve) => this.child.once("exit", resolve));
  }
}

// Follows a stream across its ends, as browsers do.
async function follow(url, token, until) {
  const heard = [];
  let lastEventId;
  while (!until()) {
    const events = await openEvents(url, { token, lastEventId });
    assert.equal(events.status, 200);
    await eventually("the stream ends or is not needed any more", () => events.ended || until(), {
      withinMs: 60_000,
    });
    events.close();
    heard.push(...events.all);
    lastEventId = events.all.findLast(({ field }) => field.id)?.field.id ?? lastEventId;
  }
  return heard;
}

test("restarts under load: no request fails, nothing acknowledged is lost, no notification is missed", async () => {
  const data = await mkdtemp(path.join(tmpdir(), "madang-restart-"));
  // The people are made by a server of their own.
  const before = await Yard.open({ data });
  const [me, friend] = [await before.join("writer"), await before.join("friend")];
  const own = (await me.create("/posts", { text: "처음" })).json.id;
  await before.close();

  const server = await Supervised.start(data, before.env);
  try {
    const post = (n) => {
      const body = JSON.stringify({ text: `한 줄 ${n}` });
      return Buffer.from(
        `POST /api/v1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${me.token}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    };
    const feed = Buffer.from(
      `GET /api/v1/feed HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${friend.token}\r\n\r\n`,
    );
    let over = false;
    const commented = [];
    const talk = async () => {
      while (!over) {
        const client = new Client(server.url).as(friend.token);
        const answer = await client.create(`/posts/${own}/comments`, { text: "안녕" });
        assert.equal(answer.status, 201, answer.text);
        commented.push(answer.json.id);
        client.close();
        await sleep(50);
      }
    };
    const storming = Load.open(server.url, (n) => (n % 2 ? feed : post(n)), { rate, seconds });
    const talking = talk();
    let heardAll = false;
    const listening = follow(server.url, me.token, () => heardAll);
    for (let i = 0; i < restarts; ++i) {
      await sleep((seconds * 1000) / (restarts + 1));
      await server.restart();
    }
    const load = await storming;
    over = true;
    await talking;
    const times = load.answers.map(({ ms }) => ms).sort((a, b) => a - b);
    console.log(
      `# ${restarts} restarts, ${load.sent} requests at ${rate}/s: p50 ${load.accepted.p50.toFixed(1)}, ` +
        `p99 ${load.accepted.p99.toFixed(0)}, longest ${times.at(-1).toFixed(0)} ms`,
    );
    assert.equal(load.missed, 0);
    assert.equal(load.answers.length, load.sent);
    assert.deepEqual(load.others, [], "no request fails");
    assert.equal(load.refused.count, 0, "none is told to come back later");

    const client = new Client(server.url).as(me.token);
    const written = load.answers.filter(({ status }) => status === 201).length;
    const { post_count: count } = (await client.get(`/users/${me.id}`)).json;
    assert.equal(count, written + 1, "each acknowledged post is there once");
    await sleep(500);
    heardAll = true;
    const told = (await listening).filter(({ type }) => type === "notification");
    assert.ok(told.length > 0, "news came");
    const comments = (await client.get(`/posts/${own}`)).json.comment_count;
    assert.equal(comments, commented.length, "each acknowledged comment is there once");
    const newest = (await client.get("/notifications")).json.items[0];
    assert.ok(
      told.some((event) => JSON.stringify(event).includes(newest.id)),
      "the newest news was heard, whichever server told it",
    );
  } finally {
    assert.equal(await server.stop(), 0, server.log.slice(-5).join(""));
    await rm(data, { recursive: true, force: true });
  }
});

// The process becomes the server, so that its number is right.
const activated = (environment, data) =>
  new Promise((resolve) => {
    const script = `$ENV{LISTEN_PID} = $$; ${environment} exec(@ARGV)`;
    const child = spawn("perl", ["-e", script, binary, "serve", "--data", data, "--listen", "127.0.0.1:0"]);
    const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    child.stdout.on("data", (chunk) => /ready/.test(chunk) && child.kill("SIGTERM"));
    child.once("close", (code) => {
      clearTimeout(late);
      resolve({ code, said });
    });
  });

test("what is inherited and no listening socket is refused in one line", async () => {
  const data = await mkdtemp(path.join(tmpdir(), "madang-restart-"));
  for (const [environment, words] of [
    ["$ENV{LISTEN_FDS} = 2;", /LISTEN_FDS is 2/],
    ["$ENV{LISTEN_FDS} = 1; close(STDIN); require POSIX; POSIX::close(3);", /descriptor 3 is not open/],
    ["$ENV{LISTEN_FDS} = 1; require POSIX; POSIX::dup2(1, 3); $^F = 9;", /no listening TCP socket/],
  ]) {
    const { code, said } = await activated(environment, data);
    assert.notEqual(code, 0, environment);
    assert.match(said, words);
  }
  const { code, said } = await activated("$ENV{LISTEN_PID} = 1; $ENV{LISTEN_FDS} = 7;", data);
  assert.equal(code, 0, `meant for another process: ${said}`);
  await rm(data, { recursive: true, force: true });
});
