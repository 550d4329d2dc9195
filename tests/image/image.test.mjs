// deploy/Dockerfile, built and run without an engine: buildah, podman and runc, on a Debian base image made
// with mmdebstrap. The server is not compiled again inside (that takes as long as script/build release from
// nothing): the stage that compiles it is replaced by the release binary. MADANG_IMAGE_WHOLE=1 builds it whole.
//
// Needs root. The base image is kept in ~/.cache/madang for a month.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { eventually, root, run } from "../cluster/support.mjs";

const whole = process.env.MADANG_IMAGE_WHOLE === "1";
const binary = path.resolve(process.env.MADANG_BINARY ?? path.join(root, "build/release/madang"));
const month = 30 * 24 * 3600 * 1000;
let place; // a folder for the images, the containers and the build's context

const must = async (program, args, options = {}) => {
  const { code, out, err } = await run(program, args, { timeout: 3_600_000, ...options });
  assert.equal(
    code,
    0,
    `${program} ${args.join(" ")}: ${code}\n${out.slice(-3000)}${err.slice(-3000)}`,
  );
  return out.trim();
};
const storage = () => [
  "--root",
  `${place}/storage`,
  "--runroot",
  `${place}/run`,
  "--storage-driver",
  "overlay",
];
const quiet = { env: { BUILDAH_ISOLATION: "chroot", REGISTRIES_CONFIG_PATH: "/dev/null" } };
const buildah = (...args) => must("buildah", [...storage(), ...args], quiet);
const podman = (...args) =>
  must(
    "podman",
    [...storage(), "--cgroup-manager", "cgroupfs", "--runtime", "runc", ...args],
    quiet,
  );

const timed = async (what, work) => {
  const begin = performance.now();
  const result = await work();
  console.log(`# ${what}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return result;
};

async function baseTar() {
  const cache = path.join(
    process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"),
    "madang",
  );
  const tar = path.join(cache, "debian-bookworm.tar");
  if (existsSync(tar) && Date.now() - statSync(tar).mtimeMs < month) return tar;
  mkdirSync(cache, { recursive: true });
  const made = path.join(cache, `making-${process.pid}.tar`);
  await must("mmdebstrap", ["--variant=minbase", "--quiet", "bookworm", made]);
  renameSync(made, tar);
  return tar;
}

async function importBase(tar) {
  const container = await buildah("from", "scratch");
  await buildah("add", "--quiet", container, tar, "/");
  await buildah(
    "commit",
    "--signature-policy",
    `${place}/policy.json`,
    "--quiet",
    "--rm",
    container,
    "docker.io/library/debian:bookworm",
  );
  await buildah(
    "tag",
    "docker.io/library/debian:bookworm",
    "docker.io/library/debian:bookworm-slim",
  );
}

// The Dockerfile with the stage that compiles replaced by one that holds the binary of this checkout.
async function context() {
  const text = await readFile(path.join(root, "deploy/Dockerfile"), "utf8");
  if (whole) return { folder: root, text };
  const folder = `${place}/context`;
  mkdirSync(`${folder}/deploy`, { recursive: true });
  await must("strip", ["-o", `${folder}/madang`, binary]);
  await copyFile(path.join(root, "deploy/healthcheck"), `${folder}/deploy/healthcheck`);
  const shortened = text.replace(
    /^FROM \S+ AS build\n(?:(?!FROM ).*\n)*/m,
    "FROM scratch AS build\nCOPY madang /madang\n",
  );
  assert.notEqual(shortened, text);
  return { folder, text: shortened };
}

before(async () => {
  place = await mkdtemp(path.join(os.tmpdir(), "madang-image-"));
  await writeFile(
    `${place}/policy.json`,
    JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }),
  );
  const tar = await timed("Debian's base", baseTar);
  await timed("the base image", () => importBase(tar));
  const { folder, text } = await context();
  await writeFile(`${place}/Dockerfile`, text);
  await timed("the image", () =>
    buildah(
      "bud",
      "--isolation",
      "chroot",
      "--network",
      "host",
      "--pull-never",
      "--format",
      "docker",
      "--signature-policy",
      `${place}/policy.json`,
      "-f",
      `${place}/Dockerfile`,
      "-t",
      "madang",
      folder,
    ),
  );
});
after(async () => {
  if (!place) return;
  await run(
    "podman",
    [...storage(), "--cgroup-manager", "cgroupfs", "--runtime", "runc", "rm", "--all", "--force"],
    quiet,
  );
  // Detached even while the last of a container is still on its way out.
  await run("umount", ["--lazy", `${place}/storage/overlay`]);
  await rm(place, { recursive: true, force: true });
});

// What this host of containers needs; none of it is the image's.
const here = [
  "--network",
  "host",
  "--no-healthcheck",
  "--ulimit",
  "nofile=1024:1024",
  "--ulimit",
  "nproc=1024:1024",
];

const freePort = () =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

async function serve(port) {
  const begin = performance.now();
  const id = await podman(
    "run",
    "--detach",
    ...here,
    "--read-only",
    "--tmpfs",
    "/tmp",
    "--cap-drop",
    "all",
    "--volume",
    "yard:/var/lib/madang",
    "--env",
    `MADANG_HTTP__LISTEN=127.0.0.1:${port}`,
    "localhost/madang",
  );
  const ready = async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok;
  await eventually("the container is ready", ready);
  console.log(
    `# the container is ready after ${((performance.now() - begin) / 1000).toFixed(1)} s`,
  );
  return id;
}

test("the image says who runs what", async () => {
  const image = JSON.parse(await buildah("inspect", "--type", "image", "localhost/madang"));
  const { config } = image.Docker;
  assert.equal(config.User, "madang");
  assert.deepEqual(config.Entrypoint, ["madang"]);
  assert.deepEqual(config.Cmd, ["serve"]);
  assert.deepEqual(Object.keys(config.ExposedPorts), ["8080/tcp"]);
  assert.deepEqual(Object.keys(config.Volumes), ["/var/lib/madang"]);
  assert.equal(config.StopSignal, "SIGTERM");
  assert.deepEqual(config.Healthcheck.Test, ["CMD", "madang-healthcheck"]);
  const size = JSON.parse(await podman("image", "inspect", "localhost/madang"))[0].Size;
  console.log(`# the image has ${Math.round(size / 1e6)} MB`);
  assert.ok(size < 600e6);
});

test("the server has every library, and no compiler", async () => {
  const missing = await podman(
    "run",
    "--rm",
    ...here,
    "--entrypoint",
    "bash",
    "localhost/madang",
    "-c",
    "ldd /usr/local/bin/madang | grep 'not found'; command -v cc clang++-19 gcc python3 curl; id -un",
  );
  assert.equal(missing, "madang");
  assert.match(await podman("run", "--rm", ...here, "localhost/madang", "--version"), /^madang \d/);
});

test("it serves as an ordinary user on a read-only system, ends in order, and keeps its data", async () => {
  const port = await freePort();
  const account = {
    email: "container@yard.example",
    password: "a harbour of words",
    handle: "container",
    name: "C",
  };
  const post = (target, body) =>
    fetch(`http://127.0.0.1:${port}/api/v1${target}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  await podman(
    "run",
    "--rm",
    ...here,
    "--volume",
    "yard:/var/lib/madang",
    "localhost/madang",
    "seed",
    "--people",
    "60",
  );
  const first = await serve(port);
  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /<title>/);
  const joined = await post("/accounts", account);
  assert.ok(joined.ok, await joined.text());
  await podman("exec", first, "madang-healthcheck");
  await podman("stop", "--time", "30", first);
  assert.equal(await podman("inspect", "--format", "{{.State.ExitCode}}", first), "0");

  const second = await serve(port);
  const signedIn = await post("/sessions", { email: account.email, password: account.password });
  assert.ok(signedIn.ok, await signedIn.text());
  await podman(
    "exec",
    second,
    "bash",
    "-c",
    "! MADANG_HTTP__LISTEN=127.0.0.1:1 madang-healthcheck 2>/dev/null",
  );
  await podman("kill", second);
});
