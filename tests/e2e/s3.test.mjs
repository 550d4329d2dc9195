// The upload protocol with the client everybody has: presigned URLs made by the AWS SDK with our keys are
// believed, and what a stranger makes of them is not; URLs made by us work for any HTTP client.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { join } from "./support/people.mjs";
import { startServer } from "./support/server.mjs";

const keys = { accessKeyId: "e2e-access", secretAccessKey: "e2e-secret" };
const bucket = "madang";
const signableHeaders = new Set(["content-type", "content-length"]);

let server;
before(async () => {
  server = await startServer({
    env: {
      MADANG_MEDIA__ACCESS_KEY: keys.accessKeyId,
      MADANG_MEDIA__SECRET_KEY: keys.secretAccessKey,
    },
  });
});
after(async () => server?.stop());

const client = (more = {}) =>
  new S3Client({
    endpoint: `${server.url}/objects`,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: keys,
    ...more,
  });

async function presignPut(key, body, { type = "image/png", input = {}, expiresIn = 60, s3 = client() } = {}) {
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    ContentType: type,
    ContentLength: body.length,
    ...input,
  });
  return getSignedUrl(s3, command, { expiresIn, signableHeaders });
}

const put = (url, body, headers = {}) =>
  fetch(url, { method: "PUT", body, headers: { "content-type": "image/png", ...headers } });

async function errorOf(answer) {
  assert.equal(answer.headers.get("content-type"), "application/xml");
  assert.ok(answer.headers.get("x-amz-request-id"));
  const text = await answer.text();
  return `${answer.status} ${/<Code>(.*)<\/Code>/.exec(text)?.[1]}`;
}

describe("URLs presigned by the AWS SDK", () => {
  test("let exactly what was signed in, as often as wanted, and give it back", async () => {
    const body = randomBytes(300_000);
    const url = await presignPut("incoming/sdk-1", body);
    for (let i = 0; i < 2; i++) {
      const answer = await put(url, body);
      assert.equal(answer.status, 200, await answer.text());
      assert.equal(answer.headers.get("etag"), `"${createHash("md5").update(body).digest("hex")}"`);
    }
    const get = await getSignedUrl(client(), new GetObjectCommand({ Bucket: bucket, Key: "incoming/sdk-1" }));
    const back = await fetch(get);
    assert.equal(back.status, 200);
    assert.equal(back.headers.get("content-type"), "image/png");
    assert.deepEqual(Buffer.from(await back.arrayBuffer()), body);
    const head = await getSignedUrl(client(), new HeadObjectCommand({ Bucket: bucket, Key: "incoming/sdk-1" }));
    const told = await fetch(head, { method: "HEAD" });
    assert.equal(told.headers.get("content-length"), "300000");
  });

  test("work with the SDK's default checksums and without them", async () => {
    const body = randomBytes(1000);
    const byDefault = await presignPut("incoming/sdk-2", body);
    assert.match(byDefault, /x-amz-checksum-crc32=/, "the SDK signs the checksum of the body it does not have");
    assert.equal((await put(byDefault, body)).status, 200);
    const s3 = client({ requestChecksumCalculation: "WHEN_REQUIRED" });
    const without = await presignPut("incoming/sdk-2", body, { s3 });
    assert.doesNotMatch(without, /x-amz-checksum/);
    assert.equal((await put(without, body)).status, 200);
  });

  test("verify a checksum that was given", async () => {
    const body = Buffer.from("123456789");
    const right = await presignPut("incoming/sdk-3", body, { input: { ChecksumCRC32: "y/Q5Jg==" } });
    assert.equal((await put(right, body)).status, 200);
    assert.equal(await errorOf(await put(right, Buffer.from("12345678X"))), "400 BadDigest");
    const sha = createHash("sha256").update(body).digest("base64");
    const strong = await presignPut("incoming/sdk-3", body, { input: { ChecksumSHA256: sha } });
    assert.equal((await put(strong, body)).status, 200);
    assert.equal(await errorOf(await put(strong, Buffer.from("12345678X"))), "400 BadDigest");
    const md5 = createHash("md5").update(body).digest("base64");
    const plain = await presignPut("incoming/sdk-3", body);
    assert.equal((await put(plain, body, { "content-md5": md5 })).status, 200);
    assert.equal(await errorOf(await put(plain, Buffer.from("12345678X"), { "content-md5": md5 })), "400 BadDigest");
  });

  test("refuse another type, length, key, host, secret, and time", async () => {
    const body = Buffer.from("hello");
    const url = await presignPut("incoming/sdk-4", body);
    const mismatch = "403 SignatureDoesNotMatch";
    assert.equal(await errorOf(await put(url, body, { "content-type": "image/jpeg" })), mismatch);
    assert.equal(await errorOf(await put(url, Buffer.from("hello!"))), mismatch);
    assert.equal(await errorOf(await put(url.replace("sdk-4", "sdk-5"), body)), mismatch);
    assert.equal(await errorOf(await put(url.replace(/.$/, (c) => (c === "0" ? "1" : "0")), body)), mismatch);
    assert.equal(await errorOf(await put(url.replace("Expires=60", "Expires=600"), body)), mismatch);
    const other = client({ credentials: { ...keys, secretAccessKey: "guess" } });
    assert.equal(await errorOf(await put(await presignPut("incoming/sdk-4", body, { s3: other }), body)), mismatch);
    const unknown = client({ credentials: { ...keys, accessKeyId: "nobody" } });
    const stranger = await presignPut("incoming/sdk-4", body, { s3: unknown });
    assert.equal(await errorOf(await put(stranger, body)), "403 InvalidAccessKeyId");
    const elsewhere = client({ region: "eu-west-1" });
    const away = await presignPut("incoming/sdk-4", body, { s3: elsewhere });
    assert.equal(await errorOf(await put(away, body)), "400 AuthorizationQueryParametersError");
    const past = await getSignedUrl(
      client(),
      new PutObjectCommand({ Bucket: bucket, Key: "incoming/sdk-4", ContentType: "image/png", ContentLength: 5 }),
      { expiresIn: 60, signableHeaders, signingDate: new Date(Date.now() - 61_000) },
    );
    assert.equal(await errorOf(await put(past, body)), "403 AccessDenied");
    const future = await getSignedUrl(
      client(),
      new PutObjectCommand({ Bucket: bucket, Key: "incoming/sdk-4", ContentType: "image/png", ContentLength: 5 }),
      { expiresIn: 60, signableHeaders, signingDate: new Date(Date.now() + 20 * 60_000) },
    );
    assert.equal(await errorOf(await put(future, body)), "403 AccessDenied");
    const get = await getSignedUrl(client(), new GetObjectCommand({ Bucket: bucket, Key: "incoming/sdk-4" }));
    assert.equal(await errorOf(await fetch(get)), "404 NoSuchKey");
  });

  test("must bind type and length", async () => {
    const command = new PutObjectCommand({ Bucket: bucket, Key: "incoming/sdk-6" });
    const loose = await getSignedUrl(client(), command, { expiresIn: 60 });
    assert.equal(await errorOf(await put(loose, "x")), "403 AccessDenied");
  });

  test("a stream without a length is told so", async () => {
    const url = await presignPut("incoming/sdk-7", Buffer.from("hello"));
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("hello"));
        controller.close();
      },
    });
    const answer = await fetch(url, {
      method: "PUT",
      body,
      duplex: "half",
      headers: { "content-type": "image/png" },
    });
    assert.equal(await errorOf(answer), "411 MissingContentLength");
  });

  test("the SDK itself understands our errors", async () => {
    await assert.rejects(
      client({ maxAttempts: 1 }).send(new PutObjectCommand({ Bucket: bucket, Key: "incoming/x", Body: "x" })),
      (error) => error.name === "NotImplemented" && error.$metadata.httpStatusCode === 501,
    );
    await assert.rejects(
      client({ maxAttempts: 1 }).send(new GetObjectCommand({ Bucket: "another", Key: "incoming/x" })),
      (error) => error.name === "NoSuchBucket",
    );
  });
});

// An EXIF segment that says where a picture was taken, put behind a JPEG's first marker.
const place = "37 33 58.9 N SECRET PLACE";
function withPlace(jpeg) {
  const entry = (tag, type, count, value) => {
    const out = Buffer.alloc(12);
    out.writeUInt16BE(tag, 0);
    out.writeUInt16BE(type, 2);
    out.writeUInt32BE(count, 4);
    out.writeUInt32BE(value, 8);
    return out;
  };
  const u16 = (value) => Buffer.from([value >> 8, value & 255]);
  const u32 = (value) => Buffer.concat([u16(value >> 16), u16(value & 65535)]);
  const tiff = Buffer.concat([
    Buffer.from("MM\0*\0\0\0\x08", "latin1"),
    u16(1), entry(0x8825, 4, 1, 26), u32(0), // where the GPS directory is
    u16(1), entry(0x001d, 2, place.length, 44), u32(0),
    Buffer.from(place),
  ]);
  const segment = Buffer.concat([u16(0xffe1), u16(tiff.length + 8), Buffer.from("Exif\0\0"), tiff]);
  return Buffer.concat([jpeg.subarray(0, 2), segment, jpeg.subarray(2)]);
}

async function finished(person, id) {
  for (;;) {
    const state = await person.as("POST", `/media/${id}/complete`);
    if (state.state !== "processing") return state;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("URLs presigned by the server", () => {
  test("carry a picture from the phone to the post, without the place it was taken", async () => {
    const someone = await join(server.url, "uploader");
    const picture = withPlace(await readFile(new URL("./fixtures/coat.jpg", import.meta.url)));
    const ticket = await someone.as("POST", "/media", {
      content_type: "image/jpeg",
      bytes: picture.length,
      purpose: "post",
    });
    assert.equal(ticket.upload.method, "PUT");
    assert.deepEqual(Object.keys(ticket.upload.headers), ["Content-Type"]);
    const answer = await fetch(ticket.upload.url, {
      method: "PUT",
      body: picture,
      headers: ticket.upload.headers,
    });
    assert.equal(answer.status, 200, await answer.text());
    const state = await finished(someone, ticket.id);
    assert.equal(state.state, "ready");
    const post = await someone.as("POST", "/posts", { text: "a coat", media: [ticket.id] });
    assert.equal(post.media[0].id, ticket.id);
    for (const variant of state.variants) {
      const served = await fetch(new URL(variant.url, server.url));
      assert.equal(served.status, 200);
      assert.equal(served.headers.get("content-type"), variant.content_type);
      assert.equal(served.headers.get("x-content-type-options"), "nosniff");
      assert.match(served.headers.get("content-security-policy"), /sandbox/);
      assert.match(served.headers.get("cache-control"), /immutable/);
      const bytes = Buffer.from(await served.arrayBuffer());
      assert.ok(!bytes.includes(place.slice(0, 8)) && !bytes.includes("Exif"));
    }
  });

  test("an upload that was acknowledged is there after a restart", async () => {
    const someone = await join(server.url, "patient");
    const picture = await readFile(new URL("./fixtures/hanbok.jpg", import.meta.url));
    const ticket = await someone.as("POST", "/media", {
      content_type: "image/jpeg",
      bytes: picture.length,
      purpose: "avatar",
    });
    const sent = { method: "PUT", body: picture, headers: ticket.upload.headers };
    assert.equal((await fetch(ticket.upload.url, sent)).status, 200);
    await server.stopOnly();
    await server.resume();
    const state = await finished(someone, ticket.id);
    assert.equal(state.state, "ready");
    assert.equal(state.width, state.height);
    const me = await someone.as("PATCH", "/me", { avatar: ticket.id });
    assert.equal((await fetch(new URL(me.avatar, server.url))).status, 200);
  });
});
