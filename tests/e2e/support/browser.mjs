import assert from "node:assert/strict";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const fixtures = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../fixtures");
export const picture = (name) => path.join(fixtures, name);

export const openBrowser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

export const desktop = { viewport: { width: 1280, height: 860 } };
export const phone = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};

// What the browser refuses by policy, or scripts fail at, fails the test. A refused or lost call is
// what some tests are about, so plain "Failed to load resource" lines are not counted.
function watch(page, faults) {
  page.on("pageerror", (error) => faults.push(`page error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !text.startsWith("Failed to load resource"))
      faults.push(text);
  });
}

const callLog = new WeakMap();
const keptCalls = 40;

// The last calls a page made, for the message of a failing test.
function keepCalls(page) {
  const calls = [];
  callLog.set(page, calls);
  const keep = (line) => {
    calls.push(line);
    if (calls.length > keptCalls) calls.shift();
  };
  page.on("response", (response) => {
    const url = new URL(response.url());
    if (!url.pathname.startsWith("/assets/")) {
      keep(`${response.status()} ${response.request().method()} ${url.pathname}${url.search}`);
    }
  });
  page.on("requestfailed", (request) => keep(`failed ${request.method()} ${request.url()}`));
}

// A browser of its own for one person: { context, page, faults, close() }. close() asserts that
// nothing went wrong unseen.
export async function visit(browser, url, options = {}) {
  const context = await browser.newContext({
    locale: "en-US",
    ...desktop,
    ...options,
    baseURL: url,
  });
  context.setDefaultTimeout(15_000);
  const faults = [];
  const page = await context.newPage();
  watch(page, faults);
  keepCalls(page);
  return {
    context,
    page,
    faults,
    async close() {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

export async function signIn(page, person) {
  await page.goto("/sign-in");
  await page.locator("input[name=email]").fill(person.email);
  await page.locator("input[name=password]").fill(person.password);
  await page.locator("form button[type=submit]").click();
  try {
    await page.locator(".prompt").waitFor();
  } catch (error) {
    const shown = await page.locator("body").innerText();
    error.message += `\nat ${page.url()}\n${(callLog.get(page) ?? []).join("\n")}\n${shown}`;
    throw error;
  }
}

export const postWith = (page, text) => page.locator("article.post", { hasText: text });
