// Pictures: asked for, sent, completed, used, refused. The signature itself has s3.test.mjs.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { png } from "./support/png.mjs";
import { assertProblem, eventually, Yard } from "./support/yard.mjs";

const photo = await readFile(new URL("./fixtures/coat.jpg", import.meta.url));

let yard;
let me;
let other;
before(async () => {
  yard = await Yard.open();
  [me, other] = [await yard.join("me"), await yard.join("other")];
});
after(() => yard.close());

const open = (who, bytes, { type = "image/png", purpose = "post" } = {}) =>
  who.create("/media", { content_type: type, bytes: bytes.length, purpose });

async function put({ url, method, headers }, bytes, more = {}) {
  const { pathname, search } = new URL(url);
  return yard.client.request(method, pathname + search, {
    body: bytes,
    headers: { ...headers, ...more },
  });
}

async function send(who, bytes, options) {
  const ticket = await open(who, bytes, options);
  assert.equal(ticket.status, 201, ticket.text);
  const sent = await put(ticket.json.upload, bytes);
  assert.equal(sent.status, 200, sent.text);
  return ticket.json.id;
}

// The last answer of complete: ready, or why not.
async function complete(who, id) {
  let answer;
  await eventually("the picture is decided about", async () => {
    answer = await who.post(`/media/${id}/complete`, {});
    return answer.status !== 202;
  });
  return answer;
}

async function ready(who, bytes = png(320, 200, 1), options) {
  const id = await send(who, bytes, options);
  const done = await complete(who, id);
  assert.equal(done.status, 200, done.text);
  assert.equal(done.json.state, "ready");
  return done.json;
}

const fetchPicture = (url, headers) => {
  const { pathname, search } = new URL(url, yard.url);
  return yard.client.request("GET", pathname + search, { headers });
};

let deleted; // the URL of a picture whose post was deleted

describe("an upload", () => {
  test("is asked for, sent to the URL, completed, and then served", async () => {
    const bytes = png(640, 400, 7);
    const ticket = (await open(me, bytes)).json;
    assert.equal(ticket.upload.method, "PUT");
    for (const name of Object.keys(ticket.upload.headers))
      assert.ok(!["content-length", "host"].includes(name.toLowerCase()), "browsers cannot set it");
    assert.ok(new URL(ticket.upload.url).host === new URL(yard.url).host);
    const minutes = (Date.parse(ticket.upload.expires_at) - Date.now()) / 60_000;
    assert.ok(minutes > 9 && minutes <= 10.1, `${minutes} minutes`);
    assert.equal((await me.get(`/media/${ticket.id}`)).json.state, "waiting");
    assertProblem(await me.post(`/media/${ticket.id}/complete`, {}), 422, "not_uploaded");
    assert.equal((await put(ticket.upload, bytes)).status, 200);
    const done = (await complete(me, ticket.id)).json;
    assert.deepEqual([done.state, done.width, done.height], ["ready", 640, 400]);
    assert.deepEqual((await complete(me, ticket.id)).json, done, "completing again says the same");
    const served = await fetchPicture(done.url);
    assert.equal(served.status, 200);
    assert.match(served.headers["content-type"], /^image\/(webp|jpeg)$/);
    assert.equal(served.headers["x-content-type-options"], "nosniff");
    assert.match(served.headers["content-security-policy"], /sandbox/);
    assert.match(served.headers["cache-control"], /immutable/);
    const { etag } = served.headers;
    assert.equal((await fetchPicture(done.url, { "if-none-match": etag })).status, 304);
  });

  test("goes into a post, once, by its owner", async () => {
    const [first, second] = [await ready(me), await ready(me, png(100, 300, 2))];
    const theirs = await ready(other);
    assertProblem(
      await me.create("/posts", { text: "그림", media: [theirs.id] }),
      422,
      "media_not_yours",
    );
    const unsent = (await open(me, png(9, 9))).json.id;
    assertProblem(
      await me.create("/posts", { text: "그림", media: [unsent] }),
      422,
      "media_not_ready",
    );
    assertProblem(
      await me.create("/posts", { text: "그림", media: [first.id, first.id] }),
      422,
      "validation_failed",
      "media",
    );
    const made = await me.create("/posts", { text: "그림 둘", media: [second.id, first.id] });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual(
      made.json.media.map((m) => m.id),
      [second.id, first.id],
      "in the order that was given",
    );
    assert.deepEqual(
      made.json.media.map((m) => [m.width, m.height]),
      [
        [100, 300],
        [320, 200],
      ],
    );
    for (const { url, variants } of made.json.media) {
      assert.equal((await fetchPicture(url)).status, 200);
      for (const variant of variants) {
        const answer = await fetchPicture(variant.url);
        assert.equal(answer.headers["content-type"], variant.content_type);
      }
    }
    assert.deepEqual((await yard.client.get(`/posts/${made.json.id}`)).json.media, made.json.media);
    const again = await me.create("/posts", { text: "또", media: [first.id] });
    assertProblem(again, 422, "media_not_ready");
  });

  test("is its owner's alone until it is used", async () => {
    const { id } = await ready(me);
    assertProblem(await other.get(`/media/${id}`), 404, "not_found");
    assertProblem(await other.post(`/media/${id}/complete`, {}), 404, "not_found");
    assertProblem(await yard.client.get(`/media/${id}`), 401, "unauthenticated");
    assertProblem(await me.get("/media/1"), 404, "not_found");
    assertProblem(await me.post("/media/1/complete", {}), 404, "not_found");
    await me.create("/posts", { text: "이제 모두의 것", media: [id] });
    assert.equal((await other.get(`/media/${id}`)).json.state, "ready");
  });

  test("goes with its post", async () => {
    const { id, url } = await ready(me);
    const post = (await me.create("/posts", { text: "곧 없다", media: [id] })).json;
    await me.delete(`/posts/${post.id}`);
    assertProblem(await me.get(`/media/${id}`), 404, "not_found");
    deleted = url;
  });

  test("becomes an avatar", async () => {
    const { id } = await ready(me, png(300, 300, 3), { purpose: "avatar" });
    const edited = await me.patch("/me", { avatar: id });
    assert.equal(edited.status, 200, edited.text);
    assert.equal((await fetchPicture(edited.json.avatar)).status, 200);
    assert.equal((await yard.client.get(`/users/${me.id}`)).json.avatar, edited.json.avatar);
    const post = (await me.create("/posts", { text: "얼굴" })).json;
    assert.equal(post.author.avatar, edited.json.avatar);
    const { id: wrong } = await ready(me);
    assert.equal(
      (await me.patch("/me", { avatar: wrong })).status,
      422,
      "a post's picture is no avatar",
    );
    assert.equal((await me.patch("/me", { avatar: null })).json.avatar, undefined);
  });

  test("says nothing of where it was taken", async () => {
    const place = "SECRET-PLACE-37.5665N";
    const exif = Buffer.concat([
      Buffer.from("Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", "latin1"),
      Buffer.from(place),
    ]);
    const head = Buffer.alloc(4);
    head.writeUInt16BE(0xffe1, 0);
    head.writeUInt16BE(exif.length + 2, 2);
    const comment = Buffer.concat([
      Buffer.from([0xff, 0xfe, 0, place.length + 2]),
      Buffer.from(place),
    ]);
    const taken = Buffer.concat([photo.subarray(0, 2), head, exif, comment, photo.subarray(2)]);
    const done = await ready(me, taken, { type: "image/jpeg" });
    for (const url of [done.url, ...(done.variants ?? []).map((variant) => variant.url)]) {
      const { bytes, status } = await fetchPicture(url);
      assert.equal(status, 200);
      assert.ok(!bytes.includes(place) && !bytes.includes("Exif"), url);
    }
  });
});

describe("what is refused", () => {
  test("before it is sent: type, size, purpose", async () => {
    const ask = (change) =>
      me.create("/media", { content_type: "image/png", bytes: 100, purpose: "post", ...change });
    for (const type of ["image/svg+xml", "text/html", "image/gif", "image/png; x=y", "", 5])
      assertProblem(await ask({ content_type: type }), 422, "validation_failed", "content_type");
    for (const bytes of [0, -1, 10 * 2 ** 20 + 1, 2 ** 50, "100", 1.5])
      assertProblem(await ask({ bytes }), 422, "validation_failed", "bytes");
    assertProblem(await ask({ purpose: "anything" }), 422, "validation_failed", "purpose");
    assertProblem(await yard.client.create("/media", {}), 401, "unauthenticated");
  });

  test("while it is sent: another type, length, signature", async () => {
    const bytes = png(50, 50, 4);
    const { id, upload } = (await open(me, bytes)).json;
    const refused = async (answer) => {
      assert.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
      assert.match(answer.text, /<Error>.*<Code>\w+<\/Code>/s);
    };
    await refused(await put(upload, bytes, { "content-type": "text/html" }));
    await refused(await put(upload, bytes.subarray(1)));
    await refused(await put(upload, Buffer.concat([bytes, bytes])));
    await refused(
      await put({ ...upload, url: upload.url.replace(/(X-Amz-Signature=)./, "$1_") }, bytes),
    );
    await refused(
      await put(
        { ...upload, url: upload.url.replace(/X-Amz-Expires=\d+/, "X-Amz-Expires=604800") },
        bytes,
      ),
    );
    assert.equal((await me.get(`/media/${id}`)).json.state, "waiting");
    assertProblem(await me.post(`/media/${id}/complete`, {}), 422, "not_uploaded");
  });

  test("after it was sent: what is no picture, or another than it said", async () => {
    const noPictures = [
      [Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), "image/png"],
      [Buffer.from("<!doctype html><script>alert(1)</script>"), "image/png"],
      [Buffer.from("GIF89a".padEnd(200, "\0")), "image/png"],
      [png(10, 10).subarray(0, 40), "image/png"],
      [Buffer.concat([png(10, 10).subarray(0, 60), Buffer.alloc(100, 7)]), "image/png"],
      [photo, "image/png"],
      [png(20, 20), "image/jpeg"],
      [Buffer.alloc(1000), "image/webp"],
    ];
    for (const [bytes, type] of noPictures) {
      const id = await send(me, bytes, { type });
      assertProblem(await complete(me, id), 422, "not_an_image");
      const state = (await me.get(`/media/${id}`)).json;
      assert.equal(state.state, "refused", `${type}, ${bytes.length} bytes`);
      assert.ok(state.reason);
      assertProblem(await me.create("/posts", { text: "x", media: [id] }), 422, "media_not_ready");
    }
  });

  test("a picture that would not fit in memory", async () => {
    const bomb = png(13_000, 10, 1); // a side too long
    const id = await send(me, bomb);
    assertProblem(await complete(me, id), 422, "too_large");
    assert.equal((await yard.client.request("GET", "/health/ready")).status, 200);
    await ready(me);
  });

  test("more begun uploads than one may have at once", async () => {
    const eager = await yard.join("eager");
    const answers = await Promise.all(Array.from({ length: 70 }, () => open(eager, png(1, 1))));
    const taken = answers.filter((answer) => answer.status === 201).length;
    assert.ok(taken >= 10 && taken < 70, `${taken}`);
    for (const answer of answers.filter((a) => a.status !== 201)) {
      assertProblem(answer, 429, "too_many_uploads");
      assert.ok(Number(answer.headers["retry-after"]) >= 1);
    }
  });
});

test("the bytes of what was deleted are removed by the next sweep", async () => {
  await eventually("404", async () => (await fetchPicture(deleted)).status === 404, {
    withinMs: 90_000,
  });
});
