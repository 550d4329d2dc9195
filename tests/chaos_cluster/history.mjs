// What clients asked and what they were told, with the times of one clock: all that a checker needs,
// and all that it believes.
//
// A request: {who, what, via, begin, end, outcome, status, code, ...what was asked, ...what was told}.
//   outcome  "done" (2xx), "refused" (4xx: had no effect), "unknown" (no answer, or one that says the
//            server could not: it may have had its effect, or have it later)
//   failed   somebody would have noticed: unknown, or told to come back later
// A person's requests never overlap, so their order is the order of the list.
export class History {
  requests = [];
  heard = new Map(); // who -> [{id, type, data, at}], in the order of the stream

  // Runs `send` and writes down how it went; the request. `learn(answer, request)` adds what was told.
  async ask(asked, send, learn = () => {}) {
    const request = { ...asked, begin: performance.now(), outcome: "unknown", failed: true };
    this.requests.push(request);
    try {
      const answer = await send();
      request.status = answer.status;
      if (answer.status >= 200 && answer.status < 300) {
        learn(answer, request);
        Object.assign(request, { outcome: "done", failed: false });
      } else {
        request.code = answer.code ?? answer.headers["content-type"];
        // Somebody is still at work on the first attempt: nothing is known yet, nothing is wrong.
        const waiting = request.code === "idempotency_in_flight";
        const refused = answer.status < 500 && answer.status !== 429 && !waiting;
        Object.assign(request, {
          outcome: refused ? "refused" : "unknown",
          failed: !refused && !waiting,
        });
      }
      request.degraded = answer.headers["madang-degraded"];
    } catch (error) {
      request.lost = error.code ?? /[^:]*$/.exec(error.message)[0].trim();
    }
    request.end = performance.now();
    return request;
  }

  hear(who, event) {
    if (!this.heard.has(who)) this.heard.set(who, []);
    this.heard.get(who).push({ ...event, at: performance.now() });
  }
}
