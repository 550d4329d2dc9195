// A server of one's own with people in it, for tests of the API: cheap passwords and wide limits
// where neither is what the test is about.
import assert from "node:assert/strict";
import { Client } from "./client.mjs";
import { newPerson } from "./people.mjs";
import { runMadang, startServer, storeSettings } from "./server.mjs";
import { onMariaDb, storeOf } from "./mariadb.mjs";
import { MariaDbTables, Tables } from "./tables.mjs";

const unhurried = {
  MADANG_IDENTITY__PASSWORD_MEMORY: "8192",
  MADANG_IDENTITY__PASSWORD_PASSES: "1",
  MADANG_RATE__READS: "100000000",
  MADANG_RATE__WRITES: "100000000",
  MADANG_RATE__UPLOADS: "100000000",
  MADANG_RATE__SEARCHES: "100000000",
  MADANG_RATE__BAD_TOKENS: "100000000",
  MADANG_RATE__SIGN_IN_ACCOUNT: "100000",
};

export class Yard {
  static async open({ env = {}, data } = {}) {
    const yard = new Yard();
    yard.env = { ...unhurried, ...env };
    yard.server = await startServer({ env: yard.env, data });
    yard.connect();
    return yard;
  }

  connect() {
    this.client?.close();
    this.client = new Client(this.server.url);
  }
  get url() {
    return this.server.url;
  }
  get data() {
    return this.server.data;
  }

  // Signs somebody up: a client with their token and {id, handle, email, password, name}.
  async join(handle = "guest", overrides = {}) {
    const person = { ...newPerson(handle), ...overrides };
    const answer = await this.client.post("/accounts", person);
    assert.equal(answer.status, 201, answer.text);
    return this.signedIn(person, answer.json);
  }

  signedIn(person, { account, token }) {
    return Object.assign(this.client.as(token), person, { token, id: account.id, account });
  }

  async signIn(person) {
    const { email, password } = person;
    const answer = await this.client.post("/sessions", { email, password });
    assert.equal(answer.status, 201, answer.text);
    return this.signedIn(person, answer.json);
  }

  // Made by the command, which wants the data folder to itself: the server is stopped meanwhile.
  async joinAdmin() {
    const person = newPerson("keeper");
    await this.server.stopOnly();
    await runMadang(
      ["admin", "create", "--email", person.email, "--handle", person.handle, "--data", this.data],
      {
        env: {
          ...this.env,
          ...(await storeSettings(this.data)),
          MADANG_ADMIN_PASSWORD: person.password,
        },
      },
    );
    await this.server.resume();
    this.connect();
    return this.signIn(person);
  }

  // Lets the server end, then proves its counters: the command's words, or an error.
  async recount() {
    return runMadang(["admin", "recount", "--data", this.data], {
      env: { ...this.env, ...(await storeSettings(this.data)) },
    });
  }

  async tables() {
    return onMariaDb ? MariaDbTables.open(await storeOf(this.data)) : Tables.open(this.data);
  }

  async close() {
    this.client.close();
    assert.equal(await this.server.stop(), 0, "the server ends cleanly");
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Until it holds; what happens in the background has no answer to wait for.
export async function eventually(what, holds, { withinMs = 20_000 } = {}) {
  const until = Date.now() + withinMs;
  for (;;) {
    if (await holds()) return;
    if (Date.now() > until) assert.fail(`not in time: ${what}`);
    await sleep(25);
  }
}

const members = ["type", "title", "status", "code", "detail", "request_id"];

// A refusal as it must look: status, code, and a complete problem document.
export function assertProblem(answer, status, code, field) {
  assert.equal(answer.status, status, `${answer.status} ${answer.text}`);
  assert.ok(answer.isProblem, `content type ${answer.headers["content-type"]}`);
  const problem = answer.json;
  for (const member of members)
    assert.ok(problem[member] !== undefined && problem[member] !== "", `${member}: ${answer.text}`);
  assert.equal(problem.status, status);
  assert.equal(problem.request_id, answer.headers["x-request-id"]);
  if (code) assert.equal(problem.code, code, answer.text);
  if (field)
    assert.ok(
      problem.errors?.some((error) => error.field === field && error.code && error.message),
      `names ${field}: ${answer.text}`,
    );
  return problem;
}
