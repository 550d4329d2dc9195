// Events that were set aside, put into the database beside the server: no subscriber fails by itself.
import { changeTables } from "./tables.mjs";

let last = 9_000_000_000;

const quoted = (value) => (typeof value === "number" ? value : `'${value.replaceAll("'", "''")}'`);

// Of a subscriber that no server has, unless one is named: nobody handles it then. Its sequence.
export async function park(data, event = {}) {
  const now = Date.now() * 1000;
  const row = {
    subscriber: "tests",
    seq: ++last,
    aggregate: last,
    type: "tests.event",
    payload: "{}",
    created_at: now,
    reason: "broken: on purpose",
    attempts: 12,
    next_attempt_at: now,
    dead: 1,
    parked_at: now,
    last_attempt_at: now,
    ...event,
  };
  const sql = `
    insert into event_positions (subscriber, seq, holder, lease_until)
      select 'tests', ${last}, 'nobody', 0
      where not exists (select 1 from event_positions where subscriber = 'tests');
    insert into event_parked (${Object.keys(row).join(", ")})
      values (${Object.values(row).map(quoted).join(", ")});`;
  await changeTables(data, sql);
  return row.seq;
}
