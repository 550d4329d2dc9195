// An EventSource for tests: the parsed events of one stream, waited for by name.
import http from "node:http";

export function openEvents(url, { token, lastEventId, query = "", headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/api/v1/events${query}`, {
      headers: {
        accept: "text/event-stream",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) }),
        ...headers,
      },
      agent: false,
    });
    request.once("error", reject);
    request.once("response", (response) => resolve(new Events(request, response)));
    request.end();
  });
}

class Events {
  constructor(request, response) {
    this.request = request;
    this.status = response.statusCode;
    this.headers = response.headers;
    this.all = [];
    this.comments = 0;
    this.ended = false;
    this.waiters = [];
    this.text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => this.read(chunk));
    response.on("error", () => {});
    request.on("error", () => {});
    response.once("close", () => {
      this.ended = true;
      this.wake();
    });
  }

  read(chunk) {
    this.text += chunk;
    for (let end = this.text.indexOf("\n\n"); end >= 0; end = this.text.indexOf("\n\n")) {
      const block = this.text.slice(0, end);
      this.text = this.text.slice(end + 2);
      const fields = block.split("\n").map((line) => /^(\w*): ?(.*)$/.exec(line) ?? []);
      const of = (name) => fields.filter(([, field]) => field === name).map(([, , value]) => value);
      if (block.startsWith(":")) ++this.comments;
      if (of("data").length === 0) continue;
      const envelope = JSON.parse(of("data").join("\n"));
      this.all.push({ ...envelope, field: { id: of("id").at(-1), event: of("event").at(-1) } });
    }
    this.wake();
  }

  wake() {
    for (const waiter of this.waiters.splice(0)) waiter();
  }

  // The first event that fits, of those that came and those to come.
  async find(fits, { withinMs = 15_000 } = {}) {
    const late = Date.now() + withinMs;
    for (;;) {
      const found = this.all.find(fits);
      if (found) return found;
      if (this.ended || Date.now() > late)
        throw new Error(`${this.ended ? "ended" : "not in time"}: ${JSON.stringify(this.all)}`);
      await new Promise((resolve) => {
        this.waiters.push(resolve);
        setTimeout(resolve, 500);
      });
    }
  }

  close() {
    this.request.destroy();
  }
}
