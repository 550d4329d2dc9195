// What the database holds, seen from beside the server through Debian's sqlite3 command: row
// counts and content hashes of every table, so that a test can say that nothing changed.
import { execFile, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { onMariaDb, storeOf } from "./mariadb.mjs";

const patienceMs = 30_000;

// Changes rows beside the server of a data folder.
export async function changeTables(data, sql) {
  if (onMariaDb) {
    const { server, name } = await storeOf(data);
    return server.query(sql, name);
  }
  const file = path.join(data, "madang.sqlite");
  return promisify(execFile)("sqlite3", ["-batch", "-bail", "-cmd", ".timeout 10000", file, sql]);
}

export class Tables {
  // data: the server's data folder.
  static async open(data) {
    const tables = new Tables(path.join(data, "madang.sqlite"));
    const names = await tables.query(
      "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by name;",
    );
    tables.names = names.map(([name]) => name);
    return tables;
  }

  constructor(file) {
    this.child = spawn("sqlite3", ["-readonly", "-batch", "-list", "-bail", file], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.lines = [];
    this.waiting = undefined;
    this.turn = 0;
    this.queue = Promise.resolve();
    this.child.once("error", (error) => this.fail(error));
    this.child.stderr.on("data", (chunk) => this.fail(new Error(`sqlite3: ${chunk}`)));
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      if (this.waiting && line === this.waiting.end) this.waiting.resolve(this.lines.splice(0));
      else this.lines.push(line);
    });
    this.child.stdin.write(".timeout 5000\n");
  }

  fail(error) {
    this.error = error;
    this.waiting?.reject(error);
  }

  // Runs dot commands or SQL; one list of columns a row.
  query(text) {
    const result = this.queue.then(() => this.run(text));
    this.queue = result.catch(() => {});
    return result;
  }

  run(text) {
    if (this.error) throw this.error;
    const end = `-- end ${++this.turn} --`;
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`sqlite3 is silent after ${text}`)),
        patienceMs,
      );
      const settle = (act) => (value) => {
        clearTimeout(late);
        this.waiting = undefined;
        act(value);
      };
      this.waiting = {
        end,
        resolve: settle((lines) => resolve(lines.map((line) => line.split("|")))),
        reject: settle(reject),
      };
      this.child.stdin.write(`${text}\n.print ${end}\n`);
    });
  }

  async value(sql) {
    return Number((await this.query(sql))[0][0]);
  }

  // {table: "rows hash"} of one moment each; `except` names what moves by itself.
  async snapshot({ except = [] } = {}) {
    const names = this.names.filter((name) => !except.includes(name));
    const counts = names.map((name) => `select count(*) from "${name}";`).join("\n");
    const hashes = names.map((name) => `.sha3sum "${name}" --sha3-224`).join("\n");
    const rows = (await this.query(`${counts}\n${hashes}`)).map((row) => row.join("|"));
    return Object.fromEntries(
      names.map((name, i) => [name, `${rows[i]} rows, ${rows[names.length + i].slice(0, 16)}`]),
    );
  }

  // What is wrong with the files themselves; nothing, when all is well.
  async damage() {
    const lines = await this.query("pragma integrity_check;");
    return lines.flat().filter((line) => line !== "ok");
  }

  settled(options) {
    return settled(this, options);
  }

  async close() {
    this.child.stdin.end(".quit\n");
    if (this.child.exitCode === null) await new Promise((done) => this.child.once("exit", done));
  }
}

// Leases that a server prolongs every second or so: they say nothing about what was asked of it.
const prolonged = ["event_sequencer", "nodes"];

// The same of a MariaDB database.
export class MariaDbTables {
  static async open({ server, name }) {
    const tables = new MariaDbTables();
    tables.server = server;
    tables.name = name;
    const names = (await tables.query("show tables")).map(([table]) => table);
    tables.names = names.filter((table) => !prolonged.includes(table)).sort();
    return tables;
  }

  async query(sql) {
    const lines = (await this.server.query(sql, this.name)).split("\n").filter(Boolean);
    return lines.map((line) => line.split("\t"));
  }

  async value(sql) {
    return Number((await this.query(sql))[0][0]);
  }

  async snapshot({ except = [] } = {}) {
    const names = this.names.filter((name) => !except.includes(name));
    const counts = names.map((name) => `select count(*) from \`${name}\``).join(" union all ");
    const rows = await this.query(`${counts}; checksum table ${names.join(", ")}`);
    return Object.fromEntries(
      names.map((name, i) => [name, `${rows[i][0]} rows, ${rows[names.length + i][1]}`]),
    );
  }

  async damage() {
    const rows = await this.query(`check table ${this.names.join(", ")}`);
    return rows.filter(([, , , text]) => text !== "OK").map((row) => row.join(" "));
  }

  settled(options) {
    return settled(this, options);
  }

  async close() {}
}

// A snapshot once what runs in the background has settled: equal twice in a row.
async function settled(tables, options) {
  const until = Date.now() + patienceMs;
  let last = JSON.stringify(await tables.snapshot(options));
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    const snapshot = await tables.snapshot(options);
    const now = JSON.stringify(snapshot);
    if (now === last) return snapshot;
    if (Date.now() > until) throw new Error("the tables do not come to rest");
    last = now;
  }
}
