// No statement may read more of a table than it needs. The unit tests and the API suite are run with
// MADANG_STATEMENT_LOG (src/platform/db/sqlite_statement_log.hpp), which keeps every text the program
// prepared and the plan SQLite has for it; this holds the plans against the rules below, and the texts
// against the sources: a statement in the sources that no test ran is a fault too.
//
//   MADANG_STATEMENT_LOG=/tmp/s.log ctest --test-dir build/dev -L unit
//   MADANG_STATEMENT_LOG=/tmp/s.log MADANG_BINARY=$PWD/build/dev/madang node --test tests/e2e/api*.test.mjs
//   MADANG_STATEMENT_LOG=/tmp/s.log node --test tests/plans.test.mjs
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { allowedPlans, notRun } from './support/plan_rules.mjs';
import { statementsIn } from './support/sql_sources.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
// script/test keeps one log of each stage.
const logs = process.env.MADANG_STATEMENT_LOG
  ? [process.env.MADANG_STATEMENT_LOG]
  : ['unit', 'api'].map((stage) => path.join(root, 'build', `statements-${stage}.log`));

const isTest = (file) => /_(test|bench)\.cpp$|_(model|fixture|oracle|reference|test_store)\.hpp$/.test(file);
// The adapters' own statements are about the engine, not about the product's tables.
const folders = ['modules', 'platform/http', 'platform/events', 'app'];
const sources = folders
  .flatMap((folder) => readdirSync(path.join(root, 'src', folder), { recursive: true }).map((file) => `${folder}/${file}`))
  .filter((file) => /\.(cpp|hpp)$/.test(file) && !isTest(file));
const { statements, fragments } = statementsIn(
  sources.map((file) => ({ file, text: readFileSync(path.join(root, 'src', file), 'utf8') })),
);

// A list of ids is spelled out with 1, 2, 4, ... places: one statement to us.
const plain = (sql) => sql.replace(/\?(,\?)+|\(\?\)/g, (places) => (places.startsWith('(') ? '(?*)' : '?*')).replace(/\s+/g, ' ').trim();
const records = logs
  .map((log) => readFileSync(log, 'utf8'))
  .join('')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
  .map((record) => ({ ...record, sql: plain(record.sql) }));
const schemas = readdirSync(path.join(root, 'src'), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.sql'))
  .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'));
const isData = (sql) => /^(select|insert|update|delete|with)\b/i.test(sql);
const product = records.filter(({ sql }) => statements.some(({ pattern }) => pattern.test(sql)));

// {text, plans: [...]}: what was seen of each text; tests with part of the tables may have another plan.
const seen = new Map();
for (const { sql, plan } of product) seen.set(sql, new Set([...(seen.get(sql) ?? []), ...plan]));

test('the log and the sources are there', () => {
  assert.ok(statements.length > 100, `${statements.length} statements in the sources`);
  assert.ok(seen.size >= statements.length * 0.9, `${seen.size} statements were run`);
  assert.ok(records.some(({ program }) => program === 'madang'), 'the API suite was run');
  assert.ok(records.some(({ program }) => program.startsWith('modules_')), 'the unit tests were run');
});

const explains = (known, { file, text }) => (known.file ? file === known.file : text.startsWith(known.sql));

test('every statement in the sources was run by a test', () => {
  const missing = [
    ...statements.filter(({ pattern }) => ![...seen.keys()].some((sql) => pattern.test(sql))),
    ...fragments.filter(({ text }) => ![...seen.keys()].some((sql) => sql.includes(text))),
  ].filter((missed) => !notRun.some((known) => explains(known, missed)));
  assert.deepEqual(missing.map(({ file, line, text }) => `${file}:${line}: ${text}`), []);
});

test('every statement the server ran is found in the sources', () => {
  const unknown = records.filter(({ program, sql }) => program === 'madang' && isData(sql) && !seen.has(sql));
  const ofTheAdapter = (sql) => /\b(schema_migrations|pragma_foreign_key_check)\b/.test(sql);
  const ofAMigration = (sql) => schemas.some((text) => plain(text).includes(sql));
  assert.deepEqual(
    [...new Set(unknown.map(({ sql }) => sql))].filter((sql) => !ofTheAdapter(sql) && !ofAMigration(sql)),
    [],
  );
});

// Columns with a handful of values: to find rows by one of them alone is to read the table.
const fewValues = new Set(['state', 'active', 'visible', 'dead', 'is_admin', 'type', 'purpose']);
function faultsOf(sql, detail) {
  const [, scanned] = /^SCAN (?!CONSTANT ROW)(\w+)/.exec(detail) ?? [];
  // A subquery's rows are read as they come; its own reads have lines of their own. And where nothing is
  // left out and the order is the index's, the limit ends the reading.
  const ofASubquery = new RegExp(`\\) (as )?${scanned}\\b`).test(sql);
  const upToALimit = / USING /.test(detail) && /^select [\w, ]+ from \w+ order by [\w ]+ limit \?$/.test(sql);
  if (scanned && !ofASubquery && !upToALimit) return 'reads the whole of it';
  if (/USE TEMP B-TREE/.test(detail)) return 'sorts what an index could give in order';
  if (/AUTOMATIC/.test(detail)) return 'builds an index for one use';
  const [, columns] = /^SEARCH .* INDEX .*\((.*)\)$/.exec(detail) ?? [];
  if (columns?.split(' AND ').every((term) => fewValues.has(/^\w+/.exec(term)[0]))) return 'finds rows by a column of few values';
  return undefined;
}
const faults = [...seen].flatMap(([sql, plans]) =>
  [...plans].map((detail) => ({ sql, detail, fault: faultsOf(sql, detail) })).filter(({ fault }) => fault),
);
const allows = (allowed, { sql, detail }) => allowed.sql.test(sql) && allowed.plan.test(detail);

test('plans are as they should be', () => {
  const bad = faults.filter((fault) => !allowedPlans.some((allowed) => allows(allowed, fault)));
  assert.deepEqual(bad.map(({ sql, detail, fault }) => `${detail} (${fault}): ${sql}`), []);
});

test('no exception is left over', () => {
  const idle = allowedPlans.filter((allowed) => !faults.some((fault) => allows(allowed, fault)));
  assert.deepEqual(idle.map(({ sql, plan }) => `${sql} ${plan}`), []);
  const missed = notRun.filter((known) => !statements.some((statement) => explains(known, statement)));
  assert.deepEqual(missed.map(({ file, sql }) => file ?? sql), []);
});

test('no index is of nothing but columns of few values', () => {
  const indexes = schemas.flatMap((text) => [...text.matchAll(/create (?:unique )?index (\w+) on \w+ \(([^)]*)\)/g)]);
  assert.ok(indexes.length > 20, `${indexes.length} indexes`);
  const useless = indexes.filter(([, , columns]) => columns.split(', ').every((column) => fewValues.has(column)));
  assert.deepEqual(useless.map(([, name]) => name), []);
});
