// The house rules that the compiler does not know (ARCHITECTURE.md): an include may only point down,
// modules see each other through one public header, adapters are known to app/ alone, and heavy headers
// stay where they are needed.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'src');
const files = readdirSync(root, { recursive: true })
  .map(String)
  .filter((name) => /\.(cpp|hpp)$/.test(name));

const includes = files.flatMap((file) =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/^\s*#\s*include\s+([<"])([^>"]+)[>"]/gm)].map((m) => ({
    file,
    own: m[1] === '"',
    target: m[2],
  })),
);

const level = (file) => ['base/', 'platform/', 'modules/', 'app/', 'main.cpp'].findIndex((p) => file.startsWith(p));
const isTest = (file) => /_(test|bench)\.cpp$|_(model|fixture|test_store)\.hpp$/.test(file);
const folder = (file) => file.split('/').slice(0, 2).join('/');

const report = (faults) => assert.deepEqual(faults.map((i) => `${i.file} includes ${i.target}`), []);

test('every source is found', () => assert.ok(files.length > 100 && includes.length > 500));

test('an include points down, never up', () => {
  report(includes.filter((i) => i.own && level(i.target) > level(i.file)));
});

test('modules know each other by their public header and their events only', () => {
  const foreign = includes.filter(
    (i) => i.own && i.file.startsWith('modules/') && i.target.startsWith('modules/') && folder(i.file) !== folder(i.target),
  );
  report(
    foreign.filter((i) => {
      const [, module, header] = i.target.split('/');
      return !isTest(i.file) && header !== `${module}.hpp` && header !== 'events.hpp';
    }),
  );
});

test('the public headers of modules form no circle', () => {
  const order = ['identity', 'media', 'social', 'notifications'];
  const modules = [...new Set(files.filter((f) => f.startsWith('modules/')).map((f) => f.split('/')[1]))];
  assert.deepEqual([...modules].sort(), [...order].sort(), 'a new module has its place in this list');
  report(
    includes.filter(
      (i) =>
        i.own && !isTest(i.file) && i.file.startsWith('modules/') && i.target.startsWith('modules/') &&
        order.indexOf(i.target.split('/')[1]) > order.indexOf(i.file.split('/')[1]),
    ),
  );
});

test('adapters are chosen in app/ alone', () => {
  const adapters = [
    'platform/db/sqlite.hpp', 'platform/db/mariadb.hpp', 'modules/social/feed_store_memory.hpp', 'modules/social/feed_store_redis.hpp', 'modules/social/post_cache_redis.hpp', 'platform/objects/disk_store.hpp',
    'platform/objects/s3_store.hpp', 'platform/realtime/relay_redis.hpp', 'platform/http/rate_share_redis.hpp',
  ];
  report(
    includes.filter(
      (i) => adapters.includes(i.target) && !i.file.startsWith('app/') && folder(i.file) !== folder(i.target) && !isTest(i.file),
    ),
  );
});

test('sockets, parsers and SQL engines are included where they live', () => {
  const homes = [
    [/^boost\/beast/, /^platform\/http\//],
    [/^boost\/json\.hpp/, /^platform\/json\//],
    [/^(sqlite3|mysql)\.h$/, /^platform\/db\//],
    [/^vips\//, /^(platform\/imaging|app\/seed)\//],
    [/^spdlog\//, /^platform\/log\//],
    [/^curl\//, /^platform\/objects\//],
  ];
  report(
    includes.filter((i) => homes.some(([header, home]) => header.test(i.target) && !home.test(i.file)) && !isTest(i.file)),
  );
});
