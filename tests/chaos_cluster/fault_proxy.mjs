// Between two programs: passes bytes on, later (`delayMs`), not at all any more (`stall`), or ends
// what is open with a reset (`cut`). A process of its own (FaultProxy.start), told what to do over
// its parent's channel, so that the traffic of servers does not pass through the thread of a test.
import { fork } from "node:child_process";
import net from "node:net";
import { fileURLToPath } from "node:url";

class Link {
  constructor(target) {
    this.target = target;
    this.delayMs = 0;
    this.refusing = false; // new connections are reset
    this.pairs = new Set();
    this.dead = new Set(); // stalled: open, and nothing passes; neither side is told
  }

  async listen() {
    this.server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) =>
      this.accept(near),
    );
    await new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(0, "127.0.0.1", resolve);
    });
    return this.server.address().port;
  }

  accept(near) {
    if (this.refusing) return near.resetAndDestroy();
    const far = net.connect({ port: this.target, host: "127.0.0.1", allowHalfOpen: true });
    const pair = [near, far];
    this.pairs.add(pair);
    const gone = () => {
      this.pairs.delete(pair);
      this.dead.delete(pair);
    };
    for (const [from, to] of [pair, [far, near]]) {
      from.setNoDelay(true);
      from.on("data", (bytes) => this.pass(pair, to, () => to.write(bytes)));
      from.on("end", () => this.pass(pair, to, () => to.end()));
      from.on("error", () => {});
      from.on("close", () => {
        if (this.dead.has(pair)) return;
        gone();
        to.destroySoon();
      });
    }
    near.resume();
  }

  pass(pair, to, act) {
    const now = () => this.dead.has(pair) || to.destroyed || act();
    if (this.delayMs > 0) setTimeout(now, this.delayMs);
    else now();
  }

  // As when a box between them forgot the connection.
  stall() {
    for (const pair of this.pairs) {
      this.dead.add(pair);
      for (const socket of pair) socket.pause();
    }
    this.pairs.clear();
  }

  cut() {
    for (const pair of [...this.pairs, ...this.dead])
      for (const socket of pair) socket.resetAndDestroy();
    this.pairs.clear();
    this.dead.clear();
  }
}

if (process.argv[2] === "serve") {
  const links = new Map();
  const doings = {
    async listen({ name, target }) {
      const link = new Link(target);
      links.set(name, link);
      return link.listen();
    },
    set({ name, ...what }) {
      Object.assign(links.get(name), what);
    },
    stall({ name }) {
      links.get(name).stall();
    },
    cut({ name }) {
      links.get(name).cut();
    },
    count({ name }) {
      return links.get(name).pairs.size;
    },
  };
  process.on("message", async ({ id, what, ...arguments_ }) =>
    process.send({ id, result: await doings[what](arguments_) }),
  );
  process.on("disconnect", () => process.exit());
}

export class FaultProxy {
  static start() {
    const proxy = new FaultProxy();
    proxy.child = fork(fileURLToPath(import.meta.url), ["serve"]);
    proxy.asked = new Map();
    proxy.next = 1;
    proxy.child.on("message", ({ id, result }) => {
      proxy.asked.get(id)(result);
      proxy.asked.delete(id);
    });
    return proxy;
  }
  ask(what, name, arguments_ = {}) {
    const id = this.next++;
    return new Promise((resolve) => {
      this.asked.set(id, resolve);
      this.child.send({ id, what, name, ...arguments_ });
    });
  }
  // A port that leads to `target`; the link goes by `name` from then on.
  listen(name, target) {
    return this.ask("listen", name, { target });
  }
  set(name, what) {
    return this.ask("set", name, what);
  }
  stall(name) {
    return this.ask("stall", name);
  }
  cut(name) {
    return this.ask("cut", name);
  }
  // Connections that are open and alive.
  count(name) {
    return this.ask("count", name);
  }
  close() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.disconnect();
    return ended;
  }
}
