// The fault proxy does what the matrix takes it to do.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, test } from "node:test";
import { FaultProxy } from "./fault_proxy.mjs";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let proxy;
let port;
let ends = 0;
const echo = net.createServer((socket) => {
  socket.on("data", (bytes) => socket.write(bytes));
  socket.on("error", () => {});
  socket.once("close", () => ++ends);
});

before(async () => {
  await new Promise((resolve) => echo.listen(0, "127.0.0.1", resolve));
  proxy = FaultProxy.start();
  port = await proxy.listen("echo", echo.address().port);
});
after(async () => {
  echo.close();
  await proxy.close();
});

const open = () =>
  new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(socket));
    socket.once("error", reject);
  });
// What comes back within the time; undefined: nothing.
const says = (socket, text, withinMs = 2000) =>
  new Promise((resolve) => {
    const late = setTimeout(() => resolve(undefined), withinMs);
    socket.once("data", (bytes) => {
      clearTimeout(late);
      resolve(String(bytes));
    });
    socket.write(text);
  });

test("bytes pass, at once or later", async () => {
  const socket = await open();
  assert.equal(await says(socket, "hello"), "hello");
  await proxy.set("echo", { delayMs: 100 });
  const begin = performance.now();
  assert.equal(await says(socket, "slowly"), "slowly");
  assert.ok(performance.now() - begin >= 195, "both ways");
  await proxy.set("echo", { delayMs: 0 });
  socket.destroy();
});

test("a stalled connection stays open and silent, and a new one works", async () => {
  while (ends < 1) await sleep(10);
  const stalled = await open();
  assert.equal(await says(stalled, "hello"), "hello");
  await proxy.stall("echo");
  let closed = false;
  stalled.once("close", () => (closed = true));
  assert.equal(await says(stalled, "anybody?", 300), undefined);
  const fresh = await open();
  assert.equal(await says(fresh, "hello"), "hello");
  assert.equal(closed, false);
  stalled.destroy();
  await sleep(100);
  assert.equal(ends, 1, "the other end is not told");
  await proxy.cut("echo");
  await sleep(100);
  assert.equal(ends, 3);
});

test("what is cut ends with a reset, and so does what is refused", async () => {
  const socket = await open();
  assert.equal(await says(socket, "hello"), "hello");
  const ended = new Promise((resolve) => socket.once("error", resolve));
  await proxy.cut("echo");
  assert.equal((await ended).code, "ECONNRESET");
  await proxy.set("echo", { refusing: true });
  const refused = await new Promise((resolve) => {
    const other = net.connect(port, "127.0.0.1");
    other.once("error", resolve);
  });
  assert.equal(refused.code, "ECONNRESET");
  await proxy.set("echo", { refusing: false });
});
