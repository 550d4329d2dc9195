// A load generator that does not wait: requests leave at their times whether or not the earlier ones
// were answered (open loop), over as many connections as that takes, up to a bound.
import net from "node:net";

const mostConnections = 1000; // beyond, a request is not sent and counted as `missed`
const mostLateMs = 50; // what the generator itself could not send in time it does not send at once

const head = Buffer.from("\r\n\r\n");

class Connection {
  constructor(load) {
    this.load = load;
    this.left = Buffer.alloc(0);
    this.socket = net.connect(load.target);
    this.socket.setNoDelay(true);
    this.socket.on("data", (bytes) => this.read(bytes));
    this.socket.once("error", () => {});
    this.socket.once("close", () => this.lost());
  }

  send(bytes) {
    this.began = performance.now();
    this.socket.write(bytes);
  }

  read(bytes) {
    this.left = this.left.length > 0 ? Buffer.concat([this.left, bytes]) : bytes;
    const end = this.left.indexOf(head);
    if (end < 0) return;
    const text = this.left.toString("latin1", 0, end + 2);
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1] ?? 0);
    if (this.left.length < end + 4 + length) return;
    this.left = this.left.subarray(end + 4 + length);
    const closing = /\r\nconnection: close\r\n/i.test(text);
    this.load.answered(this, {
      status: Number(text.slice(9, 12)),
      retryAfter: Number(/\r\nretry-after: (\d+)\r\n/i.exec(text)?.[1] ?? 0),
      ms: performance.now() - this.began,
    });
    this.began = undefined;
    if (closing) this.socket.end();
    else this.load.idle.push(this);
  }

  lost() {
    this.gone = true;
    this.load.open.delete(this);
    if (this.began !== undefined)
      this.load.answered(this, { status: 0, ms: performance.now() - this.began });
    this.began = undefined;
  }
}

export class Load {
  // make(n): the bytes of the nth request.
  constructor(url, make) {
    const { hostname, port } = new URL(url);
    this.target = { host: hostname, port: Number(port) };
    this.make = make;
    this.idle = [];
    this.open = new Set();
    this.answers = [];
    this.sent = 0;
    this.missed = 0;
  }

  send() {
    let connection = this.idle.pop();
    while (connection?.gone) connection = this.idle.pop();
    if (!connection && this.open.size >= mostConnections) return ++this.missed;
    if (!connection) this.open.add((connection = new Connection(this)));
    connection.send(this.make(this.sent++));
  }

  answered(_, answer) {
    this.answers.push(answer);
    this.onAnswer?.(answer);
  }

  async drained() {
    const until = Date.now() + 60_000;
    while (this.answers.length < this.sent && Date.now() < until)
      await new Promise((r) => setTimeout(r, 10));
    for (const connection of this.open) connection.socket.destroy();
  }

  // Requests a second that are served when `connections` wait for their answers; who is refused comes
  // again when it was told to.
  static async closed(url, make, { connections, seconds }) {
    const load = new Load(url, make);
    const begin = performance.now();
    let over = false;
    const again = () => over || load.send();
    load.onAnswer = ({ retryAfter = 0 }) =>
      retryAfter > 0 ? setTimeout(again, retryAfter * 1000).unref() : setImmediate(again);
    for (let i = 0; i < connections; ++i) load.send();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    over = true;
    const rate = summary(load.answers).accepted.count / ((performance.now() - begin) / 1000);
    await load.drained();
    return { rate, ...summary(load.answers) };
  }

  // `rate` a second for `seconds`, whatever happens.
  static async open(url, make, { rate, seconds }) {
    const load = new Load(url, make);
    const begin = performance.now();
    const end = begin + seconds * 1000;
    let next = begin; // when the next request is due
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        const now = Math.min(performance.now(), end);
        for (next = Math.max(next, now - mostLateMs); next < now; next += 1000 / rate) load.send();
        if (performance.now() < end) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    const offered = load.sent / ((performance.now() - begin) / 1000);
    await load.drained();
    return {
      sent: load.sent,
      missed: load.missed,
      offered,
      answers: load.answers,
      ...summary(load.answers),
    };
  }
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

export function summary(answers) {
  const of = (some) => {
    const ms = some.map((answer) => answer.ms).sort((a, b) => a - b);
    return { count: some.length, p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) };
  };
  return {
    accepted: of(answers.filter(({ status }) => status >= 200 && status < 300)),
    refused: of(answers.filter(({ status }) => status === 503 || status === 429)),
    others: answers.filter(
      ({ status }) => !(status >= 200 && status < 300) && status !== 503 && status !== 429,
    ),
  };
}
