// The peer of the row `feed`: GET /api/v1/feed by Fastify and ioredis with the SNS seed's commands:
// the home feed is a sorted set (score the post's id, member `postId:stamp:viewed`), the posts are
// JSON under keys of their own, and what is seen for the first time is stamped anew.
//
//   node feed.mjs SEEDED_DATABASE REDIS_PORT [get|mget]
//
// get: one GET a post in one pipeline, as the seed does; mget: one MGET, which it could do.
// Everything else is as quick as it can be: tokens in a map, the page spliced from stored text.
import Database from 'better-sqlite3';
import fastify from 'fastify';
import {Redis} from 'ioredis';
import {authenticator, unauthenticated} from './people.mjs';

const [file, redisPort, how = 'get'] = process.argv.slice(2);
const hour = 3_600_000;
const life = 7 * 24;        // hours an item lives
const afterView = 6 * 24;   // its stamp goes back by this when it is seen
const stampOf = (ms) => Math.floor(ms / hour);
const redis = new Redis({port: Number(redisPort), host: '127.0.0.1', enableAutoPipelining: true});
const db = new Database(file, {readonly: true});

async function fill() {
  await redis.flushall();
  const cards = new Map(db.prepare('select id, handle, name from accounts').all().map((card) => [card.id, card]));
  let pipeline = redis.pipeline();
  for (const post of db.prepare('select * from posts').all()) {
    const json = JSON.stringify({
      id: post.id, author: cards.get(post.author_id), text: post.body, media: [], like_count: post.like_count,
      comment_count: post.comment_count, liked: false, created_at: new Date(post.created_at / 1000).toISOString(),
    });
    pipeline.set(`postId:${post.id}`, json);
  }
  await pipeline.exec();
  const byAuthor = new Map();
  for (const {id, author_id, created_at} of db.prepare('select id, author_id, created_at from posts').all()) {
    if (!byAuthor.has(author_id)) byAuthor.set(author_id, []);
    byAuthor.get(author_id).push(id, `${id}:${stampOf(created_at / 1000)}:0`);
  }
  const follows = db.prepare('select followee_id from follows where follower_id = ?');
  for (const {id} of db.prepare("select id from accounts where handle like 'person_%' order by id limit 2000").all()) {
    pipeline = redis.pipeline();
    for (const {followee_id} of follows.all(id)) pipeline.zadd(`feed:userId:${id}`, ...(byAuthor.get(followee_id) ?? []));
    await pipeline.exec();
  }
  pipeline = redis.pipeline();
  for (const like of db.prepare('select * from post_likes').all()) pipeline.sadd(`likes:userId:${like.account_id}`, like.post_id);
  await pipeline.exec();
}

const accountOf = authenticator(db);
const server = fastify();

server.get('/api/v1/feed', async (request, reply) => {
  const account = accountOf(request);
  if (!account) return unauthenticated(reply);
  const key = `feed:userId:${account}`;
  const now = stampOf(Date.now());
  const members = (await redis.zrevrange(key, 0, 20)).map((member) => member.split(':'));
  const more = members.length > 20;
  const page = members.slice(0, 20).filter(([, stamp]) => now - stamp < life);
  const ids = page.map(([id]) => id);
  const pipeline = redis.pipeline();
  if (how === 'mget') pipeline.mget(ids.map((id) => `postId:${id}`));
  else for (const id of ids) pipeline.get(`postId:${id}`);
  pipeline.smismember(`likes:userId:${account}`, ids);
  for (const [id, stamp, viewed] of page)
    if (viewed === '0') pipeline.zrem(key, `${id}:${stamp}:0`).zadd(key, id, `${id}:${now - afterView}:1`);
  const answers = await pipeline.exec();
  const posts = how === 'mget' ? answers[0][1] : answers.slice(0, ids.length).map(([, json]) => json);
  const liked = answers[how === 'mget' ? 1 : ids.length][1];
  let body = '';
  posts.forEach((json, i) => {
    if (json === null) return;
    const shown = liked[i] ? json.replace('"liked":false', '"liked":true') : json;
    body += `${body ? ',' : ''}{"post":${shown},"seen":${page[i][2] === '1'},"source":"live"}`;
  });
  const next = more ? `,"next_cursor":"${Buffer.from(`0:${ids.at(-1)}:${Date.now()}`).toString('base64url')}"` : '';
  reply.header('Cache-Control', 'private, no-store').type('application/json');
  return `{"items":[${body}]${next}}`;
});

await fill();
await server.listen({port: 0, host: '127.0.0.1'});
console.log(`peer ready on http://127.0.0.1:${server.server.address().port}`);
