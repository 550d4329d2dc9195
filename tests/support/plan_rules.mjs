// What the guard of query plans (tests/plans.test.mjs) lets pass, and why. An entry that nothing needs
// any more fails the test.

export const allowedPlans = [
  {
    sql: /^select (p\.id, p|s\.account_id, s)\.\w+_count, \(select count\(\*\)/,
    plan: /^SCAN [ps]$/,
    why: 'a recount reads everything: that is what an operator asks for',
  },
  {
    sql: /\bwhere state = (\?|4)( order by \w+)? limit (\?|1)$/,
    plan: /\(state=\?\)$/,
    why: 'what is about to go: the index gives it in order, the limit ends it, and a sweep empties it',
  },
  {
    sql: /^select id, user_agent, .* from sessions where account_id = \?/,
    plan: /^USE TEMP B-TREE FOR ORDER BY$/,
    why: 'an account has 50 sessions at most',
  },
  {
    sql: /^select id, created_at, followed_at from \(/,
    plan: /^USE TEMP B-TREE FOR ORDER BY$/,
    why: 'the posts of many authors become one list: no index has that order',
  },
  {
    sql: /^select post_id, count\(\*\) as likes from post_likes where created_at > \?/,
    plan: /^USE TEMP B-TREE FOR (GROUP|ORDER) BY$/,
    why: 'the ranking counts the likes of seven days, for one snapshot a minute',
  },
  {
    sql: /^select id from \(select id from accounts where handle_key >= \?.* hits /,
    plan: /^USE TEMP B-TREE FOR ORDER BY$/,
    why: 'beginnings are in the order of handles and of names, the page in that of ids',
  },
  {
    sql: /^(update event_parked set dead = 0|delete from event_parked where dead = 1$|select subscriber, seq, type from event_parked where)/,
    plan: /^(SCAN event_parked$|SEARCH event_parked .*\(dead=\?\)$)/,
    why: 'failures set aside are few or none; an operator or an erasure means all of them',
  },
  {
    sql: /^select subscriber from event_positions order by subscriber$/,
    plan: /^SCAN event_positions /,
    why: 'one row a subscriber',
  },
  {
    sql: /where not exists \(select 1 from accounts\)$/,
    plan: /^SCAN accounts /,
    why: 'whether anybody is there: the first row ends it',
  },
];

// Statements that no test runs on SQLite: by their beginning or by the file they are in.
export const notRun = [
  {
    file: 'platform/events/sequencer.cpp',
    why: "on MariaDB alone: SQLite's one writer numbers events as it commits them",
  },
  {
    file: 'app/store_migration.cpp',
    why: 'fits a store that was moved to MariaDB for its new life: nobody is served meanwhile',
  },
];
