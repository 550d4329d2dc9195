// The moderators' pages: who is suspended, what could not be handled, what was done.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { openBrowser, phone, picture, signIn, visit } from "./support/browser.mjs";
import { park } from "./support/parked.mjs";
import { join } from "./support/people.mjs";
import { runMadang, startServer } from "./support/server.mjs";

let server;
let browser;
let folder;
const admin = { email: "keeper@example.com", password: "마당지기의-열쇠-9", handle: "keeper" };
// ADMIN_SHOTS=folder keeps what the pages look like.
const shots = process.env.ADMIN_SHOTS;
const shoot = (page, name) => shots && page.screenshot({ path: path.join(shots, `${name}.png`) });

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "madang-e2e-"));
  const who = ["--email", admin.email, "--handle", admin.handle];
  await runMadang(["admin", "create", ...who, "--data", folder], { input: `${admin.password}\n` });
  server = await startServer({ data: folder, env: { MADANG_REALTIME__HEARTBEAT: "2s" } });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const tab = (page, name) => page.locator(".tabs").getByRole("link", { name, exact: true }).click();

test("a reported person is suspended, told so at sign-in, and let in again", async () => {
  const rude = await join(server.url, "rude", "Rude");
  const polite = await join(server.url, "polite", "Polite");
  const { id } = await rude.post("words of a rude person");
  await polite.as("POST", "/reports", { user_id: rude.id, reason: "abuse: again and again" });

  const one = await visit(browser, server.url);
  await signIn(one.page, rude);

  const two = await visit(browser, server.url);
  const { page } = two;
  await signIn(page, admin);
  await page.locator(".side-entry", { hasText: "Reports" }).click();
  const report = page.locator(".report", { hasText: "again and again" });
  await report.waitFor();
  await shoot(page, "reports-desktop-en-light");
  assert.equal(await report.getByRole("button", { name: "Hide" }).count(), 0);
  await report.getByRole("button", { name: "Suspend" }).click();
  const dialog = page.getByRole("dialog");
  const send = dialog.getByRole("button", { name: "Suspend" });
  assert.ok(await send.isDisabled(), "not without a reason");
  await dialog.getByLabel("Reason").fill("Insults, three times");
  await dialog.getByText("30 days").click();
  await shoot(page, "suspend-desktop-en-light");
  await send.click();
  await page.locator(".toast").getByText("Rude is suspended").waitFor();
  await report.waitFor({ state: "detached" });

  // Their open page notices, and sign-in tells why and until when.
  await one.page.getByRole("link", { name: "Step into the yard" }).waitFor();
  await one.page.goto("/sign-in");
  await one.page.locator("input[name=email]").fill(rude.email);
  await one.page.locator("input[name=password]").fill(rude.password);
  await one.page.locator("form button[type=submit]").click();
  const told = one.page.getByRole("alert");
  await told.getByText(/This account is suspended until .+\d{4}/).waitFor();
  await told.getByText("Reason: Insults, three times").waitFor();
  await shoot(one.page, "told-desktop-en-light");
  await one.page.goto(`/posts/${id}`);
  await one.page.getByText("This post is gone").waitFor();

  await page.getByText("Suspended", { exact: true }).nth(1).click();
  await page
    .locator(".report", { hasText: "again and again" })
    .getByText(/Suspended until/)
    .waitFor();
  await tab(page, "Suspended");
  const row = page.locator(".report", { hasText: "Insults, three times" });
  await row.getByText(/Suspended by/).waitFor();
  await shoot(page, "suspensions-desktop-en-light");
  await row.getByRole("button", { name: "Lift suspension" }).click();
  await row.waitFor({ state: "detached" });
  await page.getByText("Nobody is suspended").waitFor();
  await tab(page, "Record");
  await page.locator(".audit-row").nth(1).getByText("Insults, three times").waitFor();
  assert.equal(await page.locator(".audit-row").count(), 2);
  await shoot(page, "audit-desktop-en-light");
  await one.page.reload();
  await one.page.getByText("words of a rude person").waitFor();
  await signIn(one.page, rude);
  await one.close();
  await two.close();
});

test("from a profile, on a phone, in Korean, for good", async () => {
  const rude = await join(server.url, "spammer", "광고꾼");
  const one = await visit(browser, server.url, { ...phone, locale: "ko-KR", colorScheme: "dark" });
  const { page } = one;
  await signIn(page, admin);
  await page.goto(`/@${rude.handle}`);
  await page.getByRole("button", { name: "더 보기 메뉴" }).click();
  await page.getByRole("menuitem", { name: "이용 정지" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("이유").fill("광고만 올림");
  await dialog.getByText("무기한").click();
  await shoot(page, "suspend-phone-ko-dark");
  await dialog.getByRole("button", { name: "이용 정지" }).click();
  const row = page.locator(".report", { hasText: "광고만 올림" });
  await row.getByText("무기한 정지").waitFor();
  await shoot(page, "suspensions-phone-ko-dark");
  await page.goto("/admin/audit");
  await page.locator(".audit-row").first().getByText("광고만 올림").waitFor();
  await shoot(page, "audit-phone-ko-dark");
  await one.close();

  const two = await visit(browser, server.url, { ...phone, locale: "ko-KR" });
  await two.page.goto("/sign-in");
  await two.page.locator("input[name=email]").fill(rude.email);
  await two.page.locator("input[name=password]").fill(rude.password);
  await two.page.locator("form button[type=submit]").click();
  await two.page.getByRole("alert").getByText("이유: 광고만 올림").waitFor();
  await shoot(two.page, "told-phone-ko-light");
  await two.close();
});

test("the pictures of a reported post can be judged, also when it is hidden", async () => {
  const author = await join(server.url, "snap", "Snap");
  const polite = await join(server.url, "kind", "Kind");
  const mine = await visit(browser, server.url);
  await signIn(mine.page, author);
  await mine.page.locator(".prompt-text").click();
  const composer = mine.page.locator("dialog.composer");
  await composer.locator("textarea").fill("a picture to be judged");
  await composer
    .locator("input[name=pictures]")
    .setInputFiles([picture("coat.jpg"), picture("hanbok.jpg")]);
  await composer.locator(".tray-picture.ready").nth(1).waitFor();
  await composer.locator(".dialog-head .button.primary").click();
  await composer.waitFor({ state: "detached" });
  await mine.close();
  const [post] = (await polite.as("GET", `/users/${author.id}/posts`)).items;
  await polite.as("POST", "/reports", { post_id: post.id, reason: "sexual" });

  const one = await visit(browser, server.url, { colorScheme: "dark", locale: "ko-KR" });
  const { page } = one;
  await signIn(page, admin);
  await page.goto("/admin/reports");
  const report = page.locator(".report", { hasText: "a picture to be judged" });
  const drawn = () =>
    page.waitForFunction(() => {
      const pictures = [...document.querySelectorAll(".report-pictures img")];
      return pictures.length === 2 && pictures.every((one) => one.naturalWidth > 0);
    });
  await report.waitFor();
  await drawn();
  await shoot(page, "reports-desktop-ko-dark");
  await report.getByRole("button", { name: "가리기" }).click();
  await report.waitFor({ state: "detached" });
  await page.getByText("가림", { exact: true }).click();
  await report.waitFor();
  await drawn();
  await report.locator(".report-pictures button").first().click();
  await page.locator("dialog.lightbox").waitFor();
  await page.keyboard.press("Escape");
  await one.close();
});

test("events that were set aside: empty, listed, retried, discarded, out of reach", async () => {
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, admin);
  await page.goto("/admin/events");
  await page.getByText("No event was set aside").waitFor();
  await shoot(page, "events-empty-desktop-en-light");
  const aggregate = 4_000_000_001;
  await park(folder, { aggregate, reason: "storage_unavailable: the index is away" });
  await park(folder, {
    aggregate,
    dead: 0,
    reason: "parked_behind: an earlier event of this aggregate is parked",
  });
  await park(folder, { reason: "validation_failed: missing member" });
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.locator(".report").nth(2).waitFor();
  await page.getByText("storage_unavailable: the index is away").waitFor();
  await shoot(page, "events-desktop-en-light");
  const small = await visit(browser, server.url, {
    ...phone,
    locale: "ko-KR",
    colorScheme: "dark",
  });
  await signIn(small.page, admin);
  await small.page.goto("/admin/events");
  await small.page.locator(".report").nth(2).waitFor();
  assert.ok(await small.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await shoot(small.page, "events-phone-ko-dark");
  await small.close();

  const broken = page.locator(".report", { hasText: "missing member" });
  await broken.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("dialog").getByText("This cannot be undone").waitFor();
  await shoot(page, "discard-desktop-en-light");
  await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
  await broken.waitFor({ state: "detached" });
  const away = page.locator(".report", { hasText: "the index is away" });
  await away.getByRole("button", { name: "Retry" }).click();
  await away.getByText("Being retried").waitFor();
  await page.getByRole("button", { name: "Retry all" }).click();
  await page.locator(".toast").getByText("Retrying 2").waitFor();

  await page.route("**/api/v1/admin/events**", (route) => route.abort());
  await page.reload();
  await page.getByText("Could not load this").waitFor();
  await shoot(page, "events-failed-desktop-en-light");
  await page.unroute("**/api/v1/admin/events**");
  await page.locator(".empty").getByRole("button", { name: "Try again" }).click();
  await page.locator(".report").nth(1).waitFor();
  await one.close();

  const guest = await join(server.url, "guest", "Guest");
  const two = await visit(browser, server.url);
  await signIn(two.page, guest);
  for (const section of ["reports", "suspensions", "events", "audit"]) {
    await two.page.goto(`/admin/${section}`);
    await two.page.getByText("Only moderators may see this").waitFor();
  }
  await two.close();
});
