// People who live on a stage: made anew for each trial, so that what a trial broke is its own.
import { Client } from "../e2e/support/client.mjs";
import { newPerson } from "../e2e/support/people.mjs";
import { readAll } from "../chaos/verify.mjs";
import { randomOf } from "../chaos/random.mjs";
import { checkEnd, checkMeanwhile } from "./checker.mjs";
import { History } from "./history.mjs";
import { Person } from "./person.mjs";
import { sleep } from "../cluster/support.mjs";

const silence = 15_000; // longer than a request may take (http.request_timeout)
const settleMs = 20_000; // what lags behind an answer: feeds, counts, notifications

export class Town {
  // direct: whether some requests go straight to an instance, past HAProxy.
  static async open(stage, { people = 12, pauseMs = [30, 90], part = 0, direct = true } = {}) {
    const town = new Town();
    const instances = direct ? stage.instances : [];
    Object.assign(town, {
      stage,
      pauseMs,
      history: new History(),
      people: [],
      posts: [],
      instances,
    });
    town.ways = new Map(
      ["haproxy", ...instances].map((name) => [
        name,
        new Client(stage.url(name), { sockets: 64, silence }),
      ]),
    );
    town.storages = new Map();
    for (let i = 0; i < people; ++i) {
      const answer = await town.ways.get("haproxy").post("/accounts", newPerson("walker"));
      if (answer.status !== 201) throw new Error(`sign-up: ${answer.status} ${answer.text}`);
      const { account, token } = answer.json;
      town.people.push(new Person(town, { id: account.id, token, random: randomOf(part, i) }));
    }
    return town;
  }

  storage(host) {
    if (!this.storages.has(host))
      this.storages.set(host, new Client(`http://${host}`, { silence }));
    return this.storages.get(host);
  }

  start() {
    this.over = false;
    this.deaf = false;
    this.walking = Promise.all(this.people.map((person) => person.walk(() => this.over)));
    this.listening = Promise.all(this.people.map((person) => person.listen(() => this.deaf)));
  }

  // Until nothing failed for as long; whether that came within the limit.
  async calm({ forMs = 2000, withinMs = 30_000 }) {
    const since = performance.now();
    for (;;) {
      const now = performance.now();
      const last = this.history.requests.reduce(
        (at, { failed, end }) => (failed && end > at ? end : at),
        0,
      );
      const waiting = this.history.requests.some(
        ({ begin, end }) => end === undefined && now - begin > forMs,
      );
      if (!waiting && now - Math.max(since, last) > forMs) return true;
      if (now - since > withinMs) return false;
      await sleep(50);
    }
  }

  // Ends the load, settles what was never answered, reads everything and checks.
  async end() {
    this.over = true;
    await this.walking;
    const late = performance.now() + settleMs;
    await Promise.all(this.people.map((person) => person.settle(() => performance.now() > late)));
    let violations;
    do {
      if (violations) await sleep(300);
      violations = await this.verdict();
    } while (violations.length > 0 && performance.now() < late + settleMs);
    violations.push(...checkMeanwhile(this.history));
    this.deaf = true;
    await this.listening;
    for (const person of this.people)
      if (person.unanswered.length > 0)
        violations.push({ rule: "unsettled", text: `${person.unanswered.length} of ${person.id}` });
    return violations;
  }

  leave() {
    this.over = this.deaf = true;
    for (const client of [...this.ways.values(), ...this.storages.values()]) client.close();
  }

  async verdict() {
    let final;
    try {
      final = await this.read();
    } catch (error) {
      return [{ rule: "unreadable", text: error.message }];
    }
    return checkEnd(this.history, final);
  }

  async read() {
    const client = this.ways.get("haproxy");
    const final = await readAll({ client }, this.people);
    const each = async (read) =>
      new Map(
        await Promise.all(
          this.people.map(async (one) => [one.id, await read(client.as(one.token), one)]),
        ),
      );
    final.users = await each(async (to, { id }) => (await to.get(`/users/${id}`)).json);
    final.notifications = await each((to) => to.all("/notifications"));
    final.feeds = await each(async (to) =>
      (await to.all("/feed?mark_seen=0")).map(({ post }) => post.id),
    );
    return final;
  }
}
