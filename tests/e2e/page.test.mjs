// The yard opens: what issue and README promise of the page, in a real browser against the real binary.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, phone, picture, postWith, signIn, visit } from "./support/browser.mjs";
import { join, newPerson } from "./support/people.mjs";
import { startServer } from "./support/server.mjs";

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  const code = await server?.stop();
  assert.equal(code, 0, "the server ends cleanly");
});

async function signUp(page, person) {
  await page.goto("/sign-up");
  await page.locator("input[name=email]").fill(person.email);
  await page.locator("input[name=password]").fill(person.password);
  await page.locator("input[name=handle]").fill(person.handle);
  await page.locator("input[name=name]").fill(person.name);
  await page.locator("form button[type=submit]").click();
  await page.locator(".prompt").waitFor();
}

async function publish(page, text, files = []) {
  await page.locator(".prompt-text").click();
  const dialog = page.locator("dialog.composer");
  await dialog.locator("textarea").fill(text);
  if (files.length > 0) {
    await dialog.locator("input[name=pictures]").setInputFiles(files);
    await dialog
      .locator(".tray-picture.ready")
      .nth(files.length - 1)
      .waitFor();
  }
  await dialog.locator(".dialog-head .button.primary").click();
  await dialog.waitFor({ state: "detached" });
}

test("a newcomer signs up and posts a picture; a follower sees it arrive without reloading", async () => {
  const author = newPerson("minji", "김민지");
  const first = await visit(browser, server.url, { locale: "ko-KR" });
  await signUp(first.page, author);
  await first.page.getByText("아직 조용한 마당이에요").waitFor();

  const follower = await join(server.url, "sora", "Sora");
  const second = await visit(browser, server.url, phone);
  await signIn(second.page, follower);
  await second.page.goto(`/@${author.handle}`);
  await second.page.getByRole("button", { name: /^Follow:/ }).click();
  await second.page.getByRole("button", { name: /^Following:/ }).waitFor();
  await second.page.locator(".bottom-bar a[href='/']").click();
  await second.page.getByText("The yard is quiet").waitFor();

  await publish(first.page, "오늘은 감색 코트를 꺼냈어요.", [picture("coat.jpg")]);
  await postWith(first.page, "감색 코트").waitFor();

  const arrived = postWith(second.page, "감색 코트");
  await arrived.waitFor();
  const image = arrived.locator("img").last();
  await second.page.waitForFunction(
    (img) => img.complete && img.naturalWidth > 0,
    await image.elementHandle(),
  );
  await first.close();
  await second.close();
});

test("further down the page, new posts wait behind a pill", async () => {
  const author = await join(server.url, "pill", "Pill");
  const reader = await join(server.url, "reader", "Reader");
  await reader.follow(author);
  for (let n = 0; n < 12; n++) await author.post(`line ${n}\n\n\n\n\n\nend`);
  const one = await visit(browser, server.url);
  await signIn(one.page, reader);
  await postWith(one.page, "line 11").waitFor();
  await one.page.evaluate(() => window.scrollTo(0, 1500));
  await author.post("something new");
  await one.page.locator(".pill", { hasText: "1 new post" }).waitFor();
  assert.equal(await postWith(one.page, "something new").count(), 0, "nothing jumps meanwhile");
  await author.post("and newer");
  await one.page.locator(".pill", { hasText: "2 new posts" }).click();
  await postWith(one.page, "and newer").waitFor();
  await one.page.waitForFunction(() => window.scrollY < 50);
  const order = await one.page.locator("article.post .post-text").allInnerTexts();
  assert.deepEqual(order.slice(0, 2), ["and newer", "something new"]);
  await one.close();
});

test("a like is shown before the answer, survives a reload, and comes back when refused", async () => {
  const author = await join(server.url, "liked", "Liked");
  const { id } = await author.post("like me");
  const fan = await join(server.url, "fan", "Fan");
  const one = await visit(browser, server.url);
  await signIn(one.page, fan);
  await one.page.goto(`/posts/${id}`);
  const button = one.page.locator(".action.like");
  await button.waitFor();

  let release;
  const held = new Promise((resolve) => (release = resolve));
  await one.page.route("**/like", async (route) => {
    await held;
    await route.continue();
  });
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "true");
  assert.equal(await button.locator(".number").innerText(), "1");
  const answered = one.page.waitForResponse("**/like");
  release();
  await answered;
  await one.page.unroute("**/like");
  await one.page.reload();
  await one.page.locator(".action.like.on").waitFor();

  await one.page.route("**/like", (route) => route.abort());
  await button.click();
  await one.page.locator(".toast.error").waitFor();
  assert.equal(await button.getAttribute("aria-pressed"), "true", "rolled back");
  assert.equal(await button.locator(".number").innerText(), "1");
  await one.close();
});

test("quick presses end in the last wish", async () => {
  const author = await join(server.url, "wish", "Wish");
  const { id } = await author.post("press me often");
  const one = await visit(browser, server.url);
  await signIn(one.page, author);
  await one.page.goto(`/posts/${id}`);
  const button = one.page.locator(".action.like");
  const calls = [];
  one.page.on("requestfinished", (request) => {
    if (request.url().endsWith("/like")) calls.push(request.method());
  });
  for (let n = 0; n < 5; n++) await button.click();
  // One call at a time; the last one carries the last wish.
  while (
    calls.at(-1) !== "PUT" ||
    (await one.page.evaluate(() => document.querySelector(".like.on") === null))
  ) {
    await one.page.waitForTimeout(20);
  }
  assert.ok(calls.length <= 5, `${calls}`);
  await one.page.locator(".action.like.on").waitFor();
  await one.page.reload();
  await one.page.locator(".action.like.on").waitFor();
  assert.equal(await button.locator(".number").innerText(), "1");
  await one.close();
});

test("comments: written, edited, deleted, still so after a reload", async () => {
  const author = await join(server.url, "host", "Host");
  const guest = await join(server.url, "guest", "Guest");
  const { id } = await author.post("talk to me");
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, guest);
  await page.goto(`/posts/${id}`);
  await page.getByText("No comments yet").waitFor();
  const write = page.locator(".comments > .comment-form");
  await write.locator("textarea").fill("first words 안녕");
  await write.getByRole("button", { name: "Comment" }).click();
  const comment = page.locator(".comment", { hasText: "first words" });
  await comment.waitFor();
  await comment.getByRole("button", { name: "More options" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page.locator(".comment textarea").fill("better words");
  await page.locator(".comment").getByRole("button", { name: "Save" }).click();
  await page.locator(".comment", { hasText: "better words" }).waitFor();
  await page.reload();
  await page.locator(".comment", { hasText: "better words" }).getByText("edited").waitFor();
  assert.equal(
    await page.locator(".post.whole .action").nth(1).locator(".number").innerText(),
    "1",
  );
  await page.locator(".comment").getByRole("button", { name: "More options" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No comments yet").waitFor();
  assert.equal(
    await page.locator(".post.whole .action").nth(1).locator(".number").innerText(),
    "0",
  );
  await one.close();
});

test("own posts can be edited and deleted; what people write is never markup", async () => {
  const author = await join(server.url, "editor", "Editor");
  await author.post(
    '<img src=x onerror="window.hacked=1"> & <b>bold</b> https://example.com/a?b=1. @editor',
  );
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, author);
  const post = page.locator("article.post").first();
  await post.waitFor();
  assert.match(
    await post.locator(".post-text").innerText(),
    /^<img src=x onerror="window.hacked=1"> & <b>bold<\/b>/,
  );
  assert.equal(await post.locator(".post-text img, .post-text b").count(), 0);
  const link = post.locator(".post-text a[target=_blank]");
  assert.equal(await link.getAttribute("href"), "https://example.com/a?b=1");
  assert.match(await link.getAttribute("rel"), /noopener/);
  assert.equal(await page.evaluate(() => window.hacked), undefined);

  await post.getByRole("button", { name: "More options" }).click();
  await page.getByRole("menuitem", { name: "Edit" }).click();
  await page.locator("dialog textarea").fill("plain now");
  await page.locator("dialog").getByRole("button", { name: "Save" }).click();
  await postWith(page, "plain now").getByText("edited").waitFor();
  await post.getByRole("button", { name: "More options" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.locator("dialog").getByRole("button", { name: "Delete" }).click();
  await postWith(page, "plain now").waitFor({ state: "detached" });
  await page.reload();
  await page.getByText("The yard is quiet").waitFor();
  await one.close();
});

test("endless scroll shows every post once, and the way back leads to the same place", async () => {
  const author = await join(server.url, "many", "Many");
  const total = 47;
  for (let n = 0; n < total; n++) await author.post(`post number ${String(n).padStart(2, "0")}`);
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, author);
  await postWith(page, "post number 46").waitFor();
  for (let round = 0; round < 40 && (await page.locator(".list-end").count()) === 0; round++) {
    await page.mouse.wheel(0, 2500);
    await page.waitForTimeout(50);
  }
  await page.locator(".list-end").waitFor();
  const texts = await page.locator("article.post .post-text").allInnerTexts();
  assert.equal(texts.length, total);
  assert.equal(new Set(texts).size, total);
  const target = postWith(page, "post number 20");
  await target.scrollIntoViewIfNeeded();
  const before = await page.evaluate(() => window.scrollY);
  assert.ok(before > 1000);
  await target.locator(".post-text").click();
  await page.waitForURL(/\/posts\/\d+$/);
  await page.locator(".post.whole").waitFor();
  await page.goBack();
  await page.waitForFunction((y) => Math.abs(window.scrollY - y) < 40, before);
  await one.close();
});
