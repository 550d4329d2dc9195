// Pictures in a real S3: the page uploads to the bucket itself, and what the server tells of it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openBrowser, picture, postWith, signIn, visit } from "./support/browser.mjs";
import { join } from "./support/people.mjs";
import { runMadang, startServer } from "./support/server.mjs";

const run = promisify(execFile);
const script = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../script/cluster");
// What script/cluster makes: deploy/cluster/s3.mjs.
const bucket = "madang";
const keys = { access: "MADANGCLUSTERKEY", secret: "madang-cluster-secret-of-this-machine-only" };

let folder;
let origin;
let server;
let browser;

const cluster = (...args) => run(script, [...args, "--folder", folder]);
const settings = (more = {}) => ({
  MADANG_OBJECTS__URL: `${origin}/${bucket}`,
  MADANG_OBJECTS__ACCESS_KEY: keys.access,
  MADANG_OBJECTS__SECRET_KEY: keys.secret,
  MADANG_OBJECTS__TIMEOUT: "1s",
  ...more,
});

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "madang-e2e-s3-"));
  await cluster("up", "--base-port", "0", "--without", "mariadb,redis,haproxy,madang,prometheus,alertmanager,mail,exporters");
  const { base } = JSON.parse(await readFile(path.join(folder, "cluster.json"), "utf8"));
  origin = `http://127.0.0.1:${base + 40}`;
  server = await startServer({ env: settings() });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  const code = await server?.stop();
  await cluster("down").catch(() => {});
  await rm(folder, { recursive: true, force: true });
  assert.equal(code, 0, "the server ends cleanly");
});

async function publish(page, text, file) {
  await page.locator(".prompt-text").click();
  const dialog = page.locator("dialog.composer");
  await dialog.locator("textarea").fill(text);
  await dialog.locator("input[name=pictures]").setInputFiles([file]);
  await dialog.locator(".tray-picture.ready").waitFor();
  await dialog.locator(".dialog-head .button.primary").click();
  await dialog.waitFor({ state: "detached" });
}

const metric = async (line) => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(text.split("\n").find((one) => one.startsWith(`${line} `))?.slice(line.length + 1) ?? 0);
};

test("a picture goes from the page to the bucket, and back to whoever looks", async () => {
  const author = await join(server.url, "bucket", "Bucket");
  const { page, close } = await visit(browser, server.url);
  const puts = [];
  page.on("response", (answer) => {
    if (answer.request().method() === "PUT") puts.push([new URL(answer.url()).origin, answer.status()]);
  });
  await signIn(page, author);
  await publish(page, "straight into the bucket", picture("coat.jpg"));
  const image = postWith(page, "straight into the bucket").locator("img").last();
  await page.waitForFunction((img) => img.complete && img.naturalWidth > 0, await image.elementHandle());
  assert.deepEqual(puts, [[origin, 200]], "the bytes did not pass the server");
  await close(); // nothing was refused by the page's policy or by the bucket's
  const kept = await readdir(path.join(server.data, "objects")).catch(() => []);
  assert.deepEqual(kept, [], "and nothing is kept beside it");
  assert.ok((await metric('madang_dependency_attempts_total{dependency="s3",outcome="success"}')) > 3);
});

test("what is signed for one picture lets nothing else in", async () => {
  const person = await join(server.url, "tamper", "Tamper");
  const ticket = await person.as("POST", "/media", {
    purpose: "post",
    content_type: "image/png",
    bytes: 5,
  });
  const { url, headers } = ticket.upload;
  assert.ok(url.startsWith(`${origin}/${bucket}/incoming/`), url);
  const put = async (to, body, more = {}) => (await fetch(to, { method: "PUT", body, headers: { ...headers, ...more } })).status;
  assert.equal(await put(url, "hello!"), 403, "another length");
  assert.equal(await put(url, "hello", { "Content-Type": "image/jpeg" }), 403, "another type");
  assert.equal(await put(url.replace("/incoming/", "/media/"), "hello"), 403, "another name");
  assert.equal(await put(url.split("?")[0], "hello"), 403, "no signature");
  assert.equal(await put(url, "hello"), 200);
});

test("pictures of a data folder move into the bucket, and are shown from there", async () => {
  const data = await mkdtemp(path.join(tmpdir(), "madang-e2e-moving-"));
  let house = await startServer({ data });
  const author = await join(house.url, "mover", "Mover");
  const jpeg = await readFile(picture("coat.jpg"));
  const { id, upload } = await author.as("POST", "/media", { purpose: "post", content_type: "image/jpeg", bytes: jpeg.length });
  assert.equal((await fetch(upload.url, { method: "PUT", headers: upload.headers, body: jpeg })).status, 200);
  let media = await author.as("POST", `/media/${id}/complete`);
  while (media.state === "processing") media = await author.as("GET", `/media/${id}`);
  assert.equal(media.state, "ready");
  const before = Buffer.from(await (await fetch(new URL(media.url, house.url))).arrayBuffer());
  const move = (...more) => runMadang(["migrate-objects", "--data", data, ...more], { env: settings() });
  assert.match(await move("--dry-run"), /to be copied/);
  assert.match(await move(), /[1-9]\d* copied/, "while it is served");
  assert.match(await move(), / 0 copied/);
  assert.equal(await house.stop(), 0);
  await rm(path.join(data, "objects"), { recursive: true });
  house = await startServer({ data, env: settings() });
  const after = await fetch(new URL(media.url, house.url));
  assert.equal(after.status, 200);
  assert.deepEqual(Buffer.from(await after.arrayBuffer()), before);
  assert.equal(await house.stop(), 0);
  await rm(data, { recursive: true, force: true });
});

test("without its S3 the server says so at once, serves the rest, and takes up again", async () => {
  const author = await join(server.url, "outage", "Outage");
  await cluster("kill", "s3");
  const upload = () =>
    author.as("POST", "/media", { purpose: "post", content_type: "image/png", bytes: 5 });
  const complete = (id) =>
    fetch(`${server.url}/api/v1/media/${id}/complete`, {
      method: "POST",
      headers: { authorization: `Bearer ${author.token}` },
    });
  const { id } = await upload();
  let slowest = 0;
  let answer;
  for (let i = 0; i < 8; ++i) {
    const began = performance.now();
    answer = await complete(id);
    slowest = Math.max(slowest, performance.now() - began);
    assert.equal(answer.status, 503, await answer.text());
    assert.ok(Number(answer.headers.get("retry-after")) >= 1);
  }
  assert.ok(slowest < 3000, `nobody waits for what is gone: ${slowest} ms`);
  assert.equal(await metric('madang_breaker_state{dependency="s3"}'), 2);
  await author.post("words need no bucket");
  await cluster("start", "s3");
  const began = performance.now();
  do {
    answer = await complete(id);
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (answer.status === 503 && performance.now() < began + 20_000);
  assert.equal(answer.status, 422, "nothing was uploaded: the S3 has been asked");
  assert.equal(await metric('madang_breaker_state{dependency="s3"}'), 0);
});

test("a wrong configuration is one clear line, and no secret", async () => {
  const wrong = [
    [{ MADANG_OBJECTS__SECRET_KEY: "not-the-secret" }, /SignatureDoesNotMatch/],
    [{ MADANG_OBJECTS__ACCESS_KEY: "NOBODY" }, /InvalidAccessKeyId/],
    [{ MADANG_OBJECTS__URL: `${origin}/not-there` }, /NoSuchBucket/],
    [{ MADANG_OBJECTS__URL: `${origin}` }, /objects\.url must be/],
    [{ MADANG_OBJECTS__SECRET_KEY: "" }, /needs an access key/],
    [{ MADANG_OBJECTS__STYLE: "sideways" }, /objects\.style must be/],
  ];
  for (const [more, expected] of wrong) {
    const failure = await startServer({ env: settings(more) }).then(
      async (started) => (await started.stop(), undefined),
      (error) => error,
    );
    assert.ok(failure, `${expected}: it started`);
    assert.match(failure.message, /exited with [1-9]/);
    assert.match(failure.message, expected);
    assert.doesNotMatch(failure.message, /not-the-secret|cluster-secret/);
  }
});
