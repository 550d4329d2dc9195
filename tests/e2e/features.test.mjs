// Pictures, people, notifications, settings: one test a screen.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { openBrowser, phone, picture, postWith, signIn, visit } from "./support/browser.mjs";
import { join, password } from "./support/people.mjs";
import { runMadang, startServer } from "./support/server.mjs";

let server;
let browser;

let folder;
const admin = { email: "keeper@example.com", password: "마당지기의-열쇠-9", handle: "keeper" };

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "madang-e2e-"));
  const who = ["--email", admin.email, "--handle", admin.handle];
  await runMadang(["admin", "create", ...who, "--data", folder], { input: `${admin.password}\n` });
  // A short heartbeat: an ended session is noticed on the next one.
  server = await startServer({ data: folder, env: { MADANG_REALTIME__HEARTBEAT: "2s" } });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const openComposer = async (page) => {
  await page.locator(".prompt-text").click();
  return page.locator("dialog.composer");
};

test("several pictures: progress, a failure retried, one cancelled, reordered, shown in that order", async () => {
  const author = await join(server.url, "snap", "Snap");
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, author);
  const dialog = await openComposer(page);
  await dialog.locator("textarea").fill("three tries");

  // The second upload is cut off once.
  let puts = 0;
  const isUpload = (url) => url.search.includes("X-Amz-Signature");
  await page.route(isUpload, (route) => (++puts === 2 ? route.abort() : route.continue()));
  await dialog
    .locator("input[name=pictures]")
    .setInputFiles([picture("coat.jpg"), picture("hanbok.jpg"), picture("coat.jpg")]);
  await dialog.locator(".tray-picture.failed").waitFor();
  const publish = dialog.locator(".dialog-head .button.primary");
  assert.ok(await publish.isDisabled(), "a failed picture holds the post back");
  await dialog.locator(".tray-picture.failed .tray-retry").click();
  await dialog.locator(".tray-picture.ready").nth(2).waitFor();
  await page.unroute(isUpload);

  await dialog.locator(".tray-picture").nth(2).locator(".remove").click();
  assert.equal(await dialog.locator(".tray-picture").count(), 2);
  const before = await dialog
    .locator(".tray-picture img")
    .evaluateAll((all) => all.map((img) => img.src));
  await dialog.getByRole("button", { name: "Move earlier: Picture 2" }).click();
  const order = await dialog
    .locator(".tray-picture img")
    .evaluateAll((all) => all.map((img) => img.src));
  assert.deepEqual(order, [...before].reverse());
  await publish.click();
  await dialog.waitFor({ state: "detached" });

  const post = postWith(page, "three tries");
  await post.waitFor();
  const shown = post.locator(".pictures img");
  assert.equal(await shown.count(), 2);
  for (const img of await shown.elementHandles()) {
    await page.waitForFunction((one) => one.complete && one.naturalWidth > 0, img);
  }
  await shown.first().click();
  const box = page.locator("dialog.lightbox");
  await box.getByText("1 / 2").waitFor();
  await page.keyboard.press("ArrowRight");
  await box.getByText("2 / 2").waitFor();
  await page.keyboard.press("Escape");
  await box.waitFor({ state: "detached" });
  await one.close();
});

test("what is not a picture is refused with words; pictures can be pasted", async () => {
  const author = await join(server.url, "paste", "Paste");
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, author);
  const dialog = await openComposer(page);
  await dialog.locator("input[name=pictures]").setInputFiles({
    name: "notes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("not a picture"),
  });
  await dialog.getByText("notes.txt: not a picture").waitFor();
  await dialog.locator("input[name=pictures]").setInputFiles({
    name: "broken.png",
    mimeType: "image/png",
    buffer: Buffer.from("not a picture either"),
  });
  await dialog.locator(".tray-picture.failed").getByText("could not be read").waitFor();
  await dialog.locator(".tray-picture .remove").click();
  await dialog.locator("textarea").focus();
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(640, 480);
    canvas.getContext("2d").fillRect(40, 40, 200, 200);
    const blob = await canvas.convertToBlob({ type: "image/png" });
    const data = new DataTransfer();
    data.items.add(new File([blob], "pasted.png", { type: "image/png" }));
    document.activeElement.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true }),
    );
  });
  await dialog.locator(".tray-picture.ready").waitFor();
  await one.close();
});

test("a picture of 4000 pixels is made small before it is sent", async () => {
  const author = await join(server.url, "large", "Large");
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, author);
  const big = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(4000, 3000);
    const pen = canvas.getContext("2d");
    for (let n = 0; n < 400; n++) {
      pen.fillStyle = `hsl(${n * 7} 60% 50%)`;
      pen.fillRect((n * 97) % 4000, (n * 61) % 3000, 300, 200);
    }
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  const dialog = await openComposer(page);
  const asked = page.waitForRequest((request) => request.url().endsWith("/api/v1/media"));
  await dialog.locator("textarea").fill("a wide one");
  await dialog
    .locator("input[name=pictures]")
    .setInputFiles({ name: "big.jpg", mimeType: "image/jpeg", buffer: Buffer.from(big) });
  const body = (await asked).postDataJSON();
  assert.ok(body.bytes < big.length, `${body.bytes} of ${big.length}`);
  await dialog.locator(".tray-picture.ready").waitFor();
  await dialog.locator(".dialog-head .button.primary").click();
  const image = postWith(page, "a wide one").locator(".pictures img");
  await image.waitFor();
  assert.equal(await image.getAttribute("width"), "2048");
  assert.equal(await image.getAttribute("height"), "1536");
  await one.close();
});

test("profile: counts, lists, grid; follow, mute and block hold", async () => {
  const star = await join(server.url, "star", "별이");
  const fan = await join(server.url, "fan", "Fan");
  const { id } = await star.post("the star speaks");
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, fan);
  await page.goto("/search");
  await page.locator("main input[type=search]").fill("별");
  const row = page.locator(".person-row", { hasText: star.handle });
  await row.getByRole("button", { name: /^Follow:/ }).click();
  await row.getByRole("button", { name: /^Following:/ }).waitFor();
  await row.locator("a.name").click();
  await page.getByRole("link", { name: "1 Followers" }).click();
  await page.locator(".person-row", { hasText: fan.handle }).waitFor();
  await page.goBack();
  await page.getByRole("button", { name: "Show as a grid" }).click();
  await page.locator(".tile", { hasText: "the star speaks" }).waitFor();

  await page.locator(".side-entry", { hasText: "Home" }).click();
  await postWith(page, "the star speaks").waitFor();
  await page.goto(`/@${star.handle}`);
  await page.locator(".profile-head").getByRole("button", { name: "More options" }).click();
  await page.getByRole("menuitem", { name: "Mute" }).click();
  await page.locator(".toast").getByText("You muted 별이").waitFor();
  await page.locator(".side-entry", { hasText: "Home" }).click();
  await page.getByText("The yard is quiet").waitFor();

  await page.goto(`/@${star.handle}`);
  await page.locator(".profile-head").getByRole("button", { name: "More options" }).click();
  await page.getByRole("menuitem", { name: "Block" }).click();
  await page.locator("dialog").getByRole("button", { name: "Block" }).click();
  await page.locator(".toast").getByText("You blocked 별이").waitFor();
  await page.goto(`/posts/${id}`);
  await page.getByText("This post is gone").waitFor();
  await one.close();
});

test("notifications arrive live, are grouped, and are read", async () => {
  const author = await join(server.url, "famous", "Famous");
  const { id } = await author.post("react to this");
  const one = await visit(browser, server.url, phone);
  const { page } = one;
  await signIn(page, author);
  await postWith(page, "react to this").waitFor();
  for (const name of ["Ara", "Bora", "Chan"]) {
    const person = await join(server.url, name.toLowerCase(), name);
    await person.like(id);
    if (name === "Chan") await person.comment(id, "wonderful");
  }
  const bell = page.locator(".bottom-bar a[href='/notifications']");
  await bell.locator(".count-badge").waitFor();
  await bell.click();
  await page.locator(".notification", { hasText: "2 others liked your post" }).waitFor();
  await page.locator(".notification", { hasText: "Chan commented on your post" }).waitFor();
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await bell.locator(".count-badge").waitFor({ state: "detached" });
  await page.reload();
  await page.locator(".notification").first().waitFor();
  assert.equal(await page.locator(".notification.unread").count(), 0);
  await one.close();
});

test("settings: profile and picture, devices, password, leaving", async () => {
  const person = await join(server.url, "mover", "Mover");
  const one = await visit(browser, server.url);
  const { page } = one;
  await signIn(page, person);
  await page.goto("/settings/profile");
  await page.locator("input[name=avatar]").setInputFiles(picture("hanbok.jpg"));
  await page.locator(".avatar-setting img").waitFor();
  await page.locator("input[name=name]").fill("새 이름");
  await page.locator("textarea[name=bio]").fill("I live in the yard.");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".side-me", { hasText: "새 이름" }).waitFor();
  await page.goto(`/@${person.handle}`);
  await page.locator(".profile-bio", { hasText: "I live in the yard." }).waitFor();
  await page.locator(".profile-top .avatar img").waitFor();

  const other = await visit(browser, server.url, phone);
  await signIn(other.page, person);
  await page.goto("/settings/devices");
  // The API's own sign-up, this browser, the other one.
  const devices = page.locator(".device");
  await devices.nth(2).waitFor();
  await page.locator(".device", { hasText: "This device" }).waitFor();
  for (let left = 3; left > 1; left--) {
    await page.locator(".device").getByRole("button", { name: /^End/ }).first().click();
    await devices.nth(left - 1).waitFor({ state: "detached" });
  }
  // The other device notices by itself.
  await other.page.getByRole("heading", { name: "Come out" }).waitFor();
  await other.close();

  await page.goto("/settings/account");
  const fresh = "완전히-새로운-비밀-8";
  await page.locator("input[name=old]").fill("wrong-wrong");
  await page.locator("input[name=new]").fill(fresh);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByText("The password is wrong.").waitFor();
  await page.locator("input[name=old]").fill(password);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.locator(".toast").getByText("Password changed").waitFor();

  await page.getByRole("button", { name: "Leave for good" }).click();
  await page.locator("dialog input[name=password]").fill(fresh);
  await page.locator("dialog").getByRole("button", { name: "Leave for good" }).click();
  await page.getByRole("heading", { name: "Come out" }).waitFor();
  await page.goto("/sign-in");
  await page.locator("input[name=email]").fill(person.email);
  await page.locator("input[name=password]").fill(fresh);
  await page.locator("form button[type=submit]").click();
  await page.getByText("The e-mail or the password is wrong.").waitFor();
  await one.close();
});

test("a visitor reads, and is asked to sign in for the rest; signing out leaves nothing behind", async () => {
  const author = await join(server.url, "open", "Open");
  const { id } = await author.post("anybody may read this");
  await author.like(id);
  const one = await visit(browser, server.url);
  const { page, context } = one;
  await page.goto(`/posts/${id}`);
  await postWith(page, "anybody may read this").waitFor();
  await page.getByRole("link", { name: "Sign in to comment" }).waitFor();
  await page.locator("a.name", { hasText: "Open" }).click();
  await page.locator(".profile-name", { hasText: "Open" }).waitFor();
  await page.getByRole("button", { name: /^Follow:/ }).click();
  await page.waitForURL("**/sign-in");
  await page.goto("/notifications");
  await page.waitForURL("**/sign-in");

  await signIn(page, author);
  const second = await context.newPage();
  await second.goto("/");
  await postWith(second, "anybody may read this").waitFor();
  await page.goto("/settings/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Come out" }).waitFor();
  // The other tab follows, and the cookie is worth nothing any more.
  await second.getByRole("heading", { name: "Come out" }).waitFor();
  const status = await page.evaluate(async () => (await fetch("/api/v1/me")).status);
  assert.equal(status, 401);
  await one.close();
});

test("what is reported can be hidden and restored by a moderator", async () => {
  const author = await join(server.url, "rude", "Rude");
  const { id } = await author.post("something nasty");
  const reporter = await join(server.url, "polite", "Polite");
  const one = await visit(browser, server.url);
  await signIn(one.page, reporter);
  await one.page.goto(`/posts/${id}`);
  await one.page.locator(".post.whole").getByRole("button", { name: "More options" }).click();
  await one.page.getByRole("menuitem", { name: "Report" }).click();
  await one.page.getByLabel("Harassment or hate").check();
  await one.page.getByLabel("Anything to add").fill("see the second word");
  await one.page.getByRole("button", { name: "Send report" }).click();
  await one.page.locator(".toast").getByText("Reported").waitFor();
  await one.page.goto("/admin/reports");
  await one.page.getByText("Only moderators may see this").waitFor();

  const two = await visit(browser, server.url);
  const { page } = two;
  await signIn(page, admin);
  await page.locator(".side-entry", { hasText: "Reports" }).click();
  const report = page.locator(".report", { hasText: "something nasty" });
  await report.getByText("Harassment or hate: see the second word").waitFor();
  await report.getByRole("button", { name: "Hide" }).click();
  await report.waitFor({ state: "detached" });
  await one.page.goto(`/posts/${id}`);
  await one.page.getByText("This post is gone").waitFor();
  await page.getByText("Hidden", { exact: true }).first().click();
  await report.getByRole("button", { name: "Restore" }).click();
  await report.waitFor({ state: "detached" });
  await one.page.reload();
  await postWith(one.page, "something nasty").waitFor();
  await one.close();
  await two.close();
});
