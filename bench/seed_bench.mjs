// Fills a data folder that `madang migrate` has made with the people, follows and posts the
// benchmarks need, straight into SQLite: what a hundred thousand requests would take minutes for.
//
//   node bench/seed_bench.mjs DATA_FOLDER OUT_FOLDER
//
// 500 authors with 25 posts each of the last six days; 10,000 people, of whom the first 2,000 follow
// 20 authors each, so that their home feeds hold 2,000 x 20 x 25 = 1,000,000 entries; one star whom
// all 10,000 follow, with four hot posts. OUT_FOLDER gets the session tokens, one a line, and facts.json.
import {createHash} from 'node:crypto';
import {mkdirSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';

const require = createRequire(new URL('./peers/package.json', import.meta.url));
const Database = require('better-sqlite3');

const [data, out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node bench/seed_bench.mjs DATA_FOLDER OUT_FOLDER');
  process.exit(2);
}

const authors = 500, postsEach = 25, people = 10_000, readers = 2_000;
const followsEach = 20, likesEach = 5, hotPosts = 4;
const day = 86_400_000;
const now = Date.now();

// Ids as the server makes them (src/base/ids.hpp), of a node number it does not use.
let sequence = 0;
const epoch = Date.UTC(2026, 0, 1);
const idAt = (ms) => (Math.floor(ms) - epoch) * 4096 + 31 * 128 + (sequence++ % 128);

// The same figures in every run: a linear congruential generator is random enough.
let state = 42;
const random = (below) => {
  state = (state * 1103515245 + 12345) % 2147483648;
  return Math.floor((state / 2147483648) * below);
};

const tokenOf = (account) => createHash('sha256').update(`bench ${account}`).digest('base64url');
const sha256 = (text) => createHash('sha256').update(text).digest();

const words = ('오늘 마당 에서 친구 들과 노을 을 보며 한참 을 걸었다 봄바람 이 참 좋다 the yard was full of people ' +
  'and music until late a new coat for the first cold day').split(' ');
function text() {
  let line = '';
  while (Buffer.byteLength(line) < 176) line += (line ? ' ' : '') + words[random(words.length)];
  return line;
}

const db = new Database(join(data, 'madang.sqlite'), {fileMustExist: true});
db.pragma('synchronous = off');  // the server's own setting is FULL; this is only the filling
mkdirSync(out, {recursive: true});

const micros = (ms) => BigInt(Math.floor(ms)) * 1000n;
const addAccount = db.prepare(
  "insert into accounts (id, email, email_key, handle, handle_key, name, name_key, bio, password_hash, is_admin, " +
  "state, created_at, updated_at) values (?, ?, ?, ?, ?, ?, ?, '', '-', 0, 0, ?, ?)");
const addProfile = db.prepare(
  'insert into social_profiles (account_id, visible, post_count, follower_count, following_count) values (?, 1, ?, ?, ?)');
const addSession = db.prepare(
  "insert into sessions (id, account_id, token_hash, created_at, last_used_at, expires_at, user_agent, address) " +
  "values (?, ?, ?, ?, ?, ?, 'bench', '127.0.0.1')");
const addFollow = db.prepare('insert into follows (follower_id, followee_id, created_at) values (?, ?, ?)');
const addPost = db.prepare(
  'insert into posts (id, author_id, body, state, like_count, comment_count, created_at) values (?, ?, ?, 0, 0, 0, ?)');
const addLike = db.prepare('insert or ignore into post_likes (post_id, account_id, created_at) values (?, ?, ?)');

let sessions = 0;
function account(name, born) {
  const id = idAt(born);
  const email = `${name}@bench.example`;
  addAccount.run(id, email, email, name, name, `${name} Kim`, `${name} kim`, micros(born), micros(born));
  const token = tokenOf(id);
  addSession.run(idAt(now - day + sessions++), id, sha256(token), micros(now), micros(now), micros(now + 30 * day));
  return {id, token};
}

const fill = db.transaction(() => {
  const born = now - 40 * day;
  const star = account('star', born);
  const writers = Array.from({length: authors}, (_, i) => account(`author_${i}`, born + 1000 + i));
  const crowd = Array.from({length: people}, (_, i) => account(`person_${i}`, born + 10_000 + i));

  const posts = [];
  for (let i = 0; i < authors * postsEach; ++i) {
    const at = now - 6 * day + (i * 5.9 * day) / (authors * postsEach);
    const id = idAt(at);
    addPost.run(id, writers[i % authors].id, text(), micros(at));
    posts.push(id);
  }
  const hot = Array.from({length: hotPosts}, (_, i) => idAt(now - day / 24 + i));
  for (const id of hot) addPost.run(id, star.id, text(), micros(now - day / 24));

  const followers = new Map(writers.map((writer) => [writer.id, 0]));
  const followed = micros(now - 30 * day);
  crowd.forEach((person, i) => {
    addFollow.run(person.id, star.id, followed);
    if (i >= readers) return;
    const mine = new Set();
    while (mine.size < followsEach) mine.add(random(authors));
    for (const at of mine) {
      addFollow.run(person.id, writers[at].id, followed);
      followers.set(writers[at].id, followers.get(writers[at].id) + 1);
    }
    // Of the newest posts, so that the first page shows some.
    for (let k = 0; k < likesEach; ++k) addLike.run(posts[posts.length - 1 - random(1000)], person.id, micros(now));
  });

  addProfile.run(star.id, hotPosts, people, 0);
  for (const writer of writers) addProfile.run(writer.id, postsEach, followers.get(writer.id), 0);
  crowd.forEach((person, i) => addProfile.run(person.id, 0, 0, i < readers ? followsEach + 1 : 1));
  db.exec('update posts set like_count = (select count(*) from post_likes where post_id = posts.id)');
  return {star, writers, crowd, hot, posts};
});

const {star, writers, crowd, hot, posts} = fill();
db.pragma('wal_checkpoint(truncate)');
db.close();

const lines = (list) => list.map((one) => one.token + '\n').join('');
writeFileSync(join(out, 'readers.txt'), lines(crowd.slice(0, readers)));
writeFileSync(join(out, 'people.txt'), lines(crowd));
writeFileSync(join(out, 'authors.txt'), lines(writers));
writeFileSync(join(out, 'star.txt'), lines([star]));
writeFileSync(join(out, 'facts.json'), JSON.stringify({
  hot: hot[0], hot_posts: hot, a_post: posts[0], readers, people, authors,
  feed_entries: readers * (followsEach * postsEach + hotPosts), posts: posts.length + hotPosts,
}));
