// The peer of the rows `feed` and `cluster_feed`: GET /api/v1/feed by Fastify and ioredis with the SNS seed's commands:
// the home feed is a sorted set (score the post's id, member `postId:stamp:viewed`), the posts are
// JSON under keys of their own, and what is seen for the first time is stamped anew.
//
//   node feed.mjs SEEDED_DATABASE REDIS_PORT[,REDIS_PORT...] [get|mget]
//
// get: one GET a post in one pipeline, as the seed does; mget: one MGET, which it could do.
// Several ports: nodes of a Redis Cluster. There a pipeline goes to one node only, so commands are
// issued together and ioredis pipelines them by node; there is no MGET over all nodes.
// Everything else is as quick as it can be: tokens in a map, the page spliced from stored text.
import Database from 'better-sqlite3';
import fastify from 'fastify';
import {Cluster, Redis} from 'ioredis';
import {authenticator, unauthenticated} from './people.mjs';

const [file, redisPorts, how = 'get'] = process.argv.slice(2);
const hour = 3_600_000;
const life = 7 * 24;        // hours an item lives
const afterView = 6 * 24;   // its stamp goes back by this when it is seen
const stampOf = (ms) => Math.floor(ms / hour);
const nodes = redisPorts.split(',').map((port) => ({port: Number(port), host: '127.0.0.1'}));
const clustered = nodes.length > 1;
const redis = clustered ? new Cluster(nodes, {enableAutoPipelining: true})
                        : new Redis({...nodes[0], enableAutoPipelining: true});

/** The answers of commands, each [name, ...arguments]. */
async function together(commands) {
  if (clustered) return Promise.all(commands.map(([name, ...words]) => redis[name](...words)));
  return (await redis.pipeline(commands).exec()).map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
}
const db = new Database(file, {readonly: true});

async function fill() {
  if (!clustered) await redis.flushall();
  const cards = new Map(db.prepare('select id, handle, name from accounts').all().map((card) => [card.id, card]));
  await together(db.prepare('select * from posts').all().map((post) => ['set', `postId:${post.id}`, JSON.stringify({
    id: post.id, author: cards.get(post.author_id), text: post.body, media: [], like_count: post.like_count,
    comment_count: post.comment_count, liked: false, created_at: new Date(post.created_at / 1000).toISOString(),
  })]));
  const byAuthor = new Map();
  for (const {id, author_id, created_at} of db.prepare('select id, author_id, created_at from posts').all()) {
    if (!byAuthor.has(author_id)) byAuthor.set(author_id, []);
    byAuthor.get(author_id).push(id, `${id}:${stampOf(created_at / 1000)}:0`);
  }
  const follows = db.prepare('select followee_id from follows where follower_id = ?');
  for (const {id} of db.prepare("select id from accounts where handle like 'person_%' order by id limit 2000").all()) {
    await together(follows.all(id).filter(({followee_id}) => byAuthor.has(followee_id))
                       .map(({followee_id}) => ['zadd', `feed:userId:${id}`, ...byAuthor.get(followee_id)]));
  }
  await together(db.prepare('select * from post_likes').all()
                     .map((like) => ['sadd', `likes:userId:${like.account_id}`, like.post_id]));
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
  const commands = how === 'mget' ? [['mget', ids.map((id) => `postId:${id}`)]] : ids.map((id) => ['get', `postId:${id}`]);
  commands.push(['smismember', `likes:userId:${account}`, ids]);
  for (const [id, stamp, viewed] of page)
    if (viewed === '0') commands.push(['zrem', key, `${id}:${stamp}:0`], ['zadd', key, id, `${id}:${now - afterView}:1`]);
  const answers = await together(commands);
  const posts = how === 'mget' ? answers[0] : answers.slice(0, ids.length);
  const liked = answers[how === 'mget' ? 1 : ids.length];
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
