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
  await page.locator(".prompt").waitFor();
}

export const postWith = (page, text) => page.locator("article.post", { hasText: text });
