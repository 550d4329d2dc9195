// Calls to the server with nothing between the test and the wire: any header, any bytes, no
// decompression, no redirects. `raw()` goes one step further down, to the socket.
import { randomUUID } from "node:crypto";
import http from "node:http";
import net from "node:net";

const timeoutMs = 60_000; // a sanitizer build on a busy machine must still fit

export class Answer {
  constructor(response, bytes) {
    this.status = response.statusCode;
    this.headers = response.headers;
    this.rawHeaders = response.rawHeaders;
    this.bytes = bytes;
  }
  get text() {
    return this.bytes.toString("utf8");
  }
  get json() {
    return this.bytes.length === 0 ? undefined : JSON.parse(this.text);
  }
  get code() {
    return this.isProblem ? this.json.code : undefined;
  }
  get isProblem() {
    return this.headers["content-type"] === "application/problem+json";
  }
}

export class Client {
  // sockets: how many connections at once; 0 for a new one each time. silence: how long an answer may
  // take to begin, or to go on.
  constructor(url, { sockets = 16, token, silence = timeoutMs } = {}) {
    this.base = new URL(url);
    this.silence = silence;
    this.agent = new http.Agent({ keepAlive: sockets > 0, maxSockets: sockets || Infinity });
    this.token = token;
  }

  // The same connections with another person's token; undefined: nobody's.
  as(token) {
    const other = Object.create(this);
    other.token = token;
    return other;
  }

  close() {
    this.agent.destroy();
  }

  // json: sent as a JSON body. body: bytes or text as they are. Of an event stream, which never
  // ends, only the head is waited for.
  request(method, path, { json, body, headers = {} } = {}) {
    const payload = json === undefined ? body : JSON.stringify(json);
    const sent = {
      ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(payload === undefined ? {} : { "content-length": Buffer.byteLength(payload) }),
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const request = http.request({
        host: this.base.hostname,
        port: this.base.port,
        method,
        path,
        headers: sent,
        agent: this.agent,
        timeout: this.silence,
      });
      request.once("timeout", () => request.destroy(new Error(`${method} ${path}: no answer`)));
      let answered = false;
      request.on("error", (error) => {
        if (!answered) reject(error);
      });
      request.once("response", (response) => {
        // A refused body may still be on its way: the answer counts, not the broken pipe.
        answered = true;
        if (response.headers["content-type"]?.startsWith("text/event-stream")) {
          resolve(new Answer(response, Buffer.alloc(0)));
          return request.destroy();
        }
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.once("end", () => resolve(new Answer(response, Buffer.concat(chunks))));
        response.once("error", reject);
        response.once("close", () => reject(new Error(`${method} ${path}: answer cut off`)));
      });
      request.end(payload);
    });
  }

  call(method, path, options) {
    return this.request(method, `/api/v1${path}`, options);
  }
  get(path, options) {
    return this.call("GET", path, options);
  }
  put(path, options) {
    return this.call("PUT", path, options);
  }
  delete(path, json, options) {
    return this.call("DELETE", path, { json, ...options });
  }
  post(path, json, options) {
    return this.call("POST", path, { json, ...options });
  }
  patch(path, json, options) {
    return this.call("PATCH", path, { json, ...options });
  }
  // With a key of its own, as a careful client does.
  create(path, json, key = randomUUID()) {
    return this.call("POST", path, { json, headers: { "idempotency-key": key } });
  }

  // Every page of a list: [{items, answer}].
  async pages(path, { limit = 100, most = 1000 } = {}) {
    const found = [];
    let cursor;
    do {
      const query = new URLSearchParams({ limit, ...(cursor ? { cursor } : {}) });
      const answer = await this.get(`${path}${path.includes("?") ? "&" : "?"}${query}`);
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
      found.push({ items: answer.json.items, answer });
      cursor = answer.json.next_cursor;
    } while (cursor && found.length < most);
    return found;
  }
  async all(path, options) {
    return (await this.pages(path, options)).flatMap((page) => page.items);
  }
}

// Sends bytes over a connection of their own and resolves with all that came back as text, once
// the server closed or nothing came for `quietMs` after the first byte.
export function raw(url, bytes, { quietMs = 400 } = {}) {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: hostname, port: Number(port) });
    const chunks = [];
    let quiet;
    const done = () => {
      clearTimeout(quiet);
      clearTimeout(late);
      socket.destroy();
      resolve(Buffer.concat(chunks).toString("latin1"));
    };
    const late = setTimeout(
      () => (chunks.length > 0 ? done() : reject(new Error("no answer"))),
      timeoutMs,
    );
    socket.once("connect", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      clearTimeout(quiet);
      quiet = setTimeout(done, quietMs);
    });
    socket.once("close", done);
    socket.once("error", (error) => (chunks.length > 0 ? done() : reject(error)));
  });
}
