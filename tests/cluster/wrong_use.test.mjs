// script/cluster says what is wrong in one line and starts nothing.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { newFolder, root, run, script } from "./support.mjs";

const refused = async (args, words) => {
  const { code, err } = await script(...args);
  assert.equal(code, 2, err);
  assert.match(err, words);
  assert.doesNotMatch(err, /at .*\.mjs/);
};

test("it explains itself", async () => {
  for (const args of [["--help"], ["up", "--help"], ["-h"]]) {
    const { code, out } = await script(...args);
    assert.equal(code, 0);
    assert.match(out, /^usage: script\/cluster up/);
  }
});

test("what it does not know is named", async () => {
  await refused([], /which command/);
  await refused(["upp"], /unknown command upp/);
  await refused(["up", "--fast"], /up does not take --fast/);
  await refused(["up", "now"], /up does not take now/);
  await refused(["up", "--instances", "many"], /--instances takes a number from 1 to 9/);
  await refused(["up", "--instances", "10"], /--instances takes a number from 1 to 9/);
  await refused(["up", "--instances"], /--instances takes a number/);
  await refused(["up", "--base-port", "80"], /--base-port takes a number/);
  await refused(["up", "--base-port", "65500"], /--base-port takes a number/);
  await refused(["up", "--without", "madang,oracle"], /not oracle/);
  await refused(["up", "--without", ""], /--without takes mariadb,redis/);
  await refused(["up", "--folder"], /--folder takes a folder/);
  await refused(["down", "--instances", "3"], /--instances is not for down/);
});

test("without a cluster there is nothing to look at or to kill", async () => {
  const place = await newFolder();
  for (const command of ["status", "env", "kill", "start", "promote", "logs"])
    await refused([command, "--folder", place.folder], /no cluster in/);
  const { code, out } = await script("down", "--folder", place.folder);
  assert.equal(code, 0);
  assert.match(out, /no cluster in/);
  await place.remove();
});

test("a role that is not there, a signal that is none", async () => {
  const place = await newFolder();
  const only = ["--without", "mariadb,redis,s3,madang,haproxy,prometheus,exporters,alertmanager"];
  assert.equal((await script("up", "--folder", place.folder, "--base-port", "0", ...only)).code, 0);
  const at = (command, ...args) => [command, "--folder", place.folder, ...args];
  await refused(at("kill"), /which ROLE/);
  await refused(at("kill", "mariadb-1"), /no mariadb-1 here: mail/);
  await refused(at("kill", "mail", "-NONSENSE"), /SIGNONSENSE/);
  await refused(at("start", "mail"), /mail runs already/);
  await refused(at("promote", "mail"), /promote one of mariadb-1/);
  await refused(at("promote"), /no mariadb here/);
  assert.equal((await script("down", "--folder", place.folder)).code, 0);
  await place.remove();
});

test("a folder with other things is left alone", async () => {
  const place = await newFolder();
  await mkdir(place.folder);
  await writeFile(path.join(place.folder, "letter.txt"), "dear");
  await refused(["up", "--folder", place.folder, "--base-port", "0"], /holds other things/);
  assert.ok(existsSync(path.join(place.folder, "letter.txt")));
  await place.remove();
});

test("a binary or a server that is not there", async () => {
  const place = await newFolder();
  const up = (env) =>
    run(path.join(root, "script/cluster"), ["up", "--folder", place.folder, "--base-port", "0"], {
      env,
    });
  const noBinary = await up({ MADANG_BINARY: "/nowhere/madang" });
  assert.equal(noBinary.code, 2);
  assert.match(noBinary.err, /no binary at \/nowhere\/madang/);
  assert.equal(existsSync(place.folder), false);
  await place.remove();
});
