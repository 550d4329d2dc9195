// Languages, light and dark, phone, keyboard, screen reader, offline, policy.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, phone, picture, postWith, signIn, visit } from "./support/browser.mjs";
import { join } from "./support/people.mjs";
import { startServer } from "./support/server.mjs";

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("Korean and English, light and dark: found out, switched, remembered", async () => {
  const one = await visit(browser, server.url, { locale: "ko-KR", colorScheme: "dark" });
  const { page } = one;
  await page.goto("/");
  await page.getByRole("link", { name: "마당에 들어가기" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "ko");
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("link", { name: "Step into the yard" }).waitFor();
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  await page.getByRole("button", { name: /^Theme: Light/ }).click();
  const light = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  await page.getByRole("link", { name: "Step into the yard" }).waitFor();
  assert.equal(await ground(), light);
  await one.close();
});

const openPages = ["/", "/sign-in", "/sign-up", "/ranking", "/nothing/here"];
const memberPages = [
  "/",
  "/ranking",
  "/search",
  "/notifications",
  "/settings",
  "/settings/devices",
  "/settings/account",
];

async function assertTidy(page, path) {
  const faults = await page.evaluate(() => {
    const found = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth)
      found.push(`wider than the window: ${root.scrollWidth}`);
    const shown = (node) => node.checkVisibility();
    const headings = [...document.querySelectorAll("h1")].filter(shown);
    if (headings.length !== 1) found.push(`${headings.length} h1`);
    if (document.querySelectorAll("main").length !== 1) found.push("not one main");
    for (const node of document.querySelectorAll("button, a[href]")) {
      const name = node.getAttribute("aria-label") ?? node.textContent.trim();
      if (shown(node) && !node.closest("[aria-hidden=true]") && !name)
        found.push(`no name: ${node.outerHTML.slice(0, 90)}`);
    }
    for (const img of document.querySelectorAll("img:not([alt])")) found.push(`no alt: ${img.src}`);
    for (const input of document.querySelectorAll(
      "input:not([type=file]):not([hidden]), textarea",
    )) {
      if (!input.labels?.length && !input.getAttribute("aria-label"))
        found.push(`no label: ${input.outerHTML.slice(0, 90)}`);
    }
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    if (new Set(ids).size !== ids.length) found.push("an id stands twice");
    return found;
  });
  assert.deepEqual(faults, [], path);
}

test("every page fits a phone and names its parts", async () => {
  const person = await join(server.url, "tidy", "Tidy");
  await person.post(`${"아주긴낱말".repeat(40)} https://example.com/${"x".repeat(150)}`);
  for (const options of [phone, { viewport: { width: 820, height: 900 } }, {}]) {
    const one = await visit(browser, server.url, options);
    for (const path of openPages) {
      await one.page.goto(path);
      await one.page.locator("h1").first().waitFor();
      await assertTidy(one.page, path);
    }
    await signIn(one.page, person);
    for (const path of [...memberPages, `/@${person.handle}`, `/@${person.handle}/followers`]) {
      await one.page.goto(path);
      await one.page.locator("h1").first().waitFor();
      await assertTidy(one.page, path);
    }
    await one.close();
  }
});

test("the keyboard alone: skip link, j k l, Enter, n, /, ?, Escape; a Korean layout too", async () => {
  const person = await join(server.url, "keys", "Keys");
  for (const text of ["third", "second", "first"]) await person.post(`${text} post`);
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, person);
  await postWith(page, "first post").waitFor();
  await page.evaluate(() => document.activeElement?.blur());
  const focused = () =>
    page.evaluate(() => document.activeElement?.querySelector(".post-text")?.textContent);

  await page.keyboard.press("j");
  assert.equal(await focused(), "first post");
  await page.keyboard.press("j");
  assert.equal(await focused(), "second post");
  await page.keyboard.press("k");
  assert.equal(await focused(), "first post");
  await page.keyboard.press("l");
  await postWith(page, "first post").locator(".like.on").waitFor();
  await page.evaluate(() =>
    document.activeElement.dispatchEvent(
      new KeyboardEvent("keydown", { key: "ㅓ", code: "KeyJ", bubbles: true }),
    ),
  );
  assert.equal(await focused(), "second post");
  await page.keyboard.press("Enter");
  await page.locator(".post.whole", { hasText: "second post" }).waitFor();

  await page.keyboard.press("n");
  const composer = page.locator("dialog.composer");
  await composer.locator("textarea").waitFor();
  await page.keyboard.type("j k l are letters here");
  assert.equal(await composer.locator("textarea").inputValue(), "j k l are letters here");
  const inside = await page.evaluate(() => document.activeElement.closest("dialog") !== null);
  assert.ok(inside, "the dialog has the focus");
  await page.keyboard.press("Escape");
  await composer.waitFor({ state: "detached" });

  await page.keyboard.press("Shift+?");
  await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.waitForURL("**/search");
  await page.waitForFunction(() => document.activeElement?.matches("main input[type=search]"));

  await page.goto("/");
  await postWith(page, "first post").waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await one.close();
});

test("arrivals and page changes are said, dialogs and landmarks are there", async () => {
  const author = await join(server.url, "voice", "Voice");
  const listener = await join(server.url, "ear", "Ear");
  await listener.follow(author);
  for (let n = 0; n < 8; n++) await author.post(`before ${n}\n\n\n\n\n\n.`);
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, listener);
  await postWith(page, "before 7").waitFor();
  await page.evaluate(() => window.scrollTo(0, 900));
  await author.post("listen");
  await page
    .locator("[aria-live=polite]", { hasText: "1 new post arrived" })
    .waitFor({ state: "attached" });
  assert.match(await page.title(), /^\(1\) Home/);
  for (const role of ["banner", "main", "navigation", "complementary"]) {
    assert.ok((await page.getByRole(role).count()) >= 1, role);
  }
  await page.locator(".side-entry", { hasText: "Popular" }).click();
  await page
    .locator("[aria-live=polite]", { hasText: "Popular this week" })
    .waitFor({ state: "attached" });
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await one.close();
});

test("offline: said, the draft is kept, and it goes on by itself", async () => {
  const person = await join(server.url, "tunnel", "Tunnel");
  await person.post("before the tunnel");
  const one = await visit(browser, server.url);
  const { page, context } = one;
  await signIn(page, person);
  await postWith(page, "before the tunnel").waitFor();
  await context.setOffline(true);
  await page.getByText("You are offline").waitFor();
  await postWith(page, "before the tunnel").waitFor();
  await page.locator(".prompt-text").click();
  await page.locator("dialog textarea").fill("written in the dark");
  await page.getByText("You can post once you are connected").waitFor();
  assert.ok(await page.locator("dialog .dialog-head .button.primary").isDisabled());
  await page.keyboard.press("Escape");
  await context.setOffline(false);
  await page.getByText("You are offline").waitFor({ state: "detached" });
  await page.reload();
  await page.locator(".prompt-text").click();
  assert.equal(await page.locator("dialog textarea").inputValue(), "written in the dark");
  await page.locator("dialog .dialog-head .button.primary").click();
  await postWith(page, "written in the dark").waitFor();
  await one.close();
});

test("the server goes away and comes back: said, retried, live again", async () => {
  const author = await join(server.url, "phoenix", "Phoenix");
  const reader = await join(server.url, "patient", "Patient");
  await reader.follow(author);
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, reader);
  await page.getByText("The yard is quiet").waitFor();
  await server.stopOnly();
  try {
    await page.getByText("The server cannot be reached").waitFor();
    await page.locator(".side-entry", { hasText: "Notifications" }).click();
    await page.getByText("Could not load this").waitFor();
  } finally {
    await server.resume();
  }
  // By itself: the banner goes, and what failed is loaded.
  await page.getByText("The server cannot be reached").waitFor({ state: "detached" });
  await page.getByText("Nothing yet").waitFor();
  await page.locator(".side-entry", { hasText: "Home" }).click();
  await author.post("back from the ashes");
  await postWith(page, "back from the ashes").waitFor();
  await one.close();
});

test("a strict policy, hashed files for ever, the rest revalidated; the API document is shown", async () => {
  const page = await fetch(server.url);
  const policy = page.headers.get("content-security-policy");
  assert.match(policy, /default-src 'self'/);
  assert.match(policy, /object-src 'none'/);
  assert.doesNotMatch(policy, /unsafe-eval/);
  assert.doesNotMatch(policy, /unsafe-inline/);
  const html = await page.text();
  assert.doesNotMatch(html, /<script(?![^>]*src=)/);
  assert.doesNotMatch(html, / style=|<style/);
  const [script] = html.match(/\/assets\/[^"]+\.js/);
  const file = await fetch(server.url + script, { headers: { "Accept-Encoding": "br" } });
  assert.match(file.headers.get("cache-control"), /immutable/);
  assert.equal(file.headers.get("content-encoding"), "br");
  const again = await fetch(server.url, { headers: { "If-None-Match": page.headers.get("etag") } });
  assert.equal(again.status, 304);
  const missing = await fetch(`${server.url}/assets/none-00000000.js`);
  assert.equal(missing.status, 404);
  const deep = await fetch(`${server.url}/@someone`);
  assert.equal(deep.status, 200);

  const one = await visit(browser, server.url);
  await one.page.goto("/docs");
  await one.page.locator(".opblock").first().waitFor();
  assert.ok((await one.page.locator(".opblock").count()) > 20);
  const docs = (await fetch(`${server.url}/docs`)).headers.get("content-security-policy");
  assert.doesNotMatch(docs, /unsafe-/);
  // Everything it can show, under that policy: close() finds what was refused.
  const block = one.page.locator(".opblock", { hasText: "/api/v1/posts/ranking" });
  await block.locator(".opblock-summary-control").click();
  await block.getByRole("button", { name: "Try it out" }).click();
  await block.getByRole("button", { name: "Execute" }).click();
  await block.locator(".responses-table.live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  await one.page.locator("section.models button").first().click();
  await one.page.locator("section.models .json-schema-2020-12").first().waitFor();
  await one.page.locator("button.authorize").first().click();
  await one.page.locator(".dialog-ux").waitFor();
  await one.close();
});

test("three tabs of one browser are all live over a single stream", async () => {
  const author = await join(server.url, "three", "Three");
  const reader = await join(server.url, "tabs", "Tabs");
  await reader.follow(author);
  const one = await visit(browser, server.url);
  const streams = new Map();
  one.context.on("request", (request) => {
    if (request.url().endsWith("/api/v1/events")) streams.set(request, "open");
  });
  one.context.on("requestfailed", (request) => streams.delete(request));
  one.context.on("requestfinished", (request) => streams.delete(request));
  await signIn(one.page, reader);
  const pages = [one.page];
  while (pages.length < 3) {
    const page = await one.context.newPage();
    await page.goto("/");
    await page.getByText("The yard is quiet").waitFor();
    pages.push(page);
  }
  await author.post("to every tab");
  for (const page of pages) await postWith(page, "to every tab").waitFor();
  assert.equal(streams.size, 1);
  // The tab that listens goes; another one takes over.
  await pages.pop().close();
  await pages[0].bringToFront();
  await author.post("to those who stayed");
  for (const page of pages) await postWith(page, "to those who stayed").waitFor();
  await one.close();
});

test("two taps on a picture like it; one opens it; the keyboard has the button and need not wait", async () => {
  const author = await join(server.url, "tapped", "Tapped");
  for (const options of [{}, { ...phone, reducedMotion: "reduce" }]) {
    const one = await visit(browser, server.url, options);
    const { page } = one;
    await signIn(page, author);
    await page.locator(options.isMobile ? ".bottom-compose" : ".prompt-text").click();
    const composer = page.locator("dialog.composer");
    const text = `tap me ${options.isMobile ? "small" : "large"}`;
    await composer.locator("textarea").fill(text);
    await composer.locator("input[name=pictures]").setInputFiles(picture("coat.jpg"));
    await composer.locator(".tray-picture.ready").waitFor();
    await composer.locator(".dialog-head .button.primary").click();
    await composer.waitFor({ state: "detached" });

    const post = postWith(page, text);
    const like = post.locator(".action.like");
    const image = post.locator(".picture").first();
    await image.scrollIntoViewIfNeeded();
    const twice = async () => {
      if (!options.isMobile) return image.dblclick();
      await image.tap();
      await image.tap();
    };
    await twice();
    await post.locator(".picture-heart").waitFor();
    assert.equal(await like.getAttribute("aria-pressed"), "true");
    await post.locator(".picture-heart").waitFor({ state: "detached" });
    await twice(); // never takes it back
    await post.locator(".picture-heart").waitFor();
    assert.equal(await like.getAttribute("aria-pressed"), "true");
    assert.equal(await page.locator("dialog.lightbox").count(), 0);
    await page.waitForTimeout(400); // longer than a second tap may take
    await image.click();
    await page.locator("dialog.lightbox").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog.lightbox").waitFor({ state: "detached" });
    await image.focus();
    await page.keyboard.press("Enter");
    await page.locator("dialog.lightbox").waitFor();
    await page.keyboard.press("Escape");
    await one.close();
  }
});
