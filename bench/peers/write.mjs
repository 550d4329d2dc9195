// The peer of the rows `posts` and `likes`: Fastify and better-sqlite3, WAL, synchronous=FULL, one
// transaction a request, on a copy of the same seeded database.
//
//   node write.mjs SEEDED_DATABASE
import Database from 'better-sqlite3';
import fastify from 'fastify';
import {authenticator, unauthenticated} from './people.mjs';

const db = new Database(process.argv[2]);
db.pragma('journal_mode = wal');
db.pragma('synchronous = full');
db.pragma('mmap_size = 268435456');
db.pragma('cache_size = -65536');
db.pragma('wal_autocheckpoint = 4096');

const accountOf = authenticator(db);
const epoch = Date.UTC(2026, 0, 1);
let sequence = 0;
const nextId = (ms) => (ms - epoch) * 4096 + (sequence++ % 4096);

const insertPost = db.prepare(
  'insert into posts (id, author_id, body, state, like_count, comment_count, created_at) values (?, ?, ?, 0, 0, 0, ?)');
const countPost = db.prepare('update social_profiles set post_count = post_count + 1 where account_id = ?');
const append = db.prepare('insert into outbox (type, aggregate, payload, created_at) values (?, ?, ?, ?)');
const cardOf = db.prepare('select id, handle, name from accounts where id = ?');
const authorOf = db.prepare('select author_id from posts where id = ? and state = 0');
const insertLike = db.prepare(
  'insert or ignore into post_likes (post_id, account_id, created_at) values (?, ?, ?)');
const deleteLike = db.prepare('delete from post_likes where post_id = ? and account_id = ?');
const addLikes = db.prepare('update posts set like_count = like_count + ? where id = ?');
const likesOf = db.prepare('select like_count from posts where id = ?');

const write = db.transaction((author, text, now) => {
  const id = nextId(now);
  insertPost.run(id, author, text, now * 1000);
  countPost.run(author);
  append.run('post.created', id, JSON.stringify({version: 1, post: id, author, created_at: new Date(now)}), now * 1000);
  return {id, author: cardOf.get(author), text, media: [], like_count: 0, comment_count: 0, liked: false,
          created_at: new Date(now).toISOString()};
});

const like = db.transaction((post, account, wanted, now) => {
  const found = authorOf.get(post);
  if (!found) return undefined;
  const {changes} = wanted ? insertLike.run(post, account, now * 1000) : deleteLike.run(post, account);
  if (changes) {
    addLikes.run(wanted ? 1 : -1, post);
    append.run(wanted ? 'post.liked' : 'post.unliked', post,
               JSON.stringify({version: 1, post, author: found.author_id, actor: account}), now * 1000);
  }
  return {liked: wanted, like_count: likesOf.get(post).like_count};
});

const integer = {type: 'integer'}, string = {type: 'string'}, boolean = {type: 'boolean'};
const described = (properties) => ({type: 'object', properties});
const postShape = described({
  id: integer, author: described({id: integer, handle: string, name: string}), text: string,
  media: {type: 'array', items: integer}, like_count: integer, comment_count: integer, liked: boolean, created_at: string,
});

const server = fastify();
server.post('/api/v1/posts', {
  schema: {
    body: {type: 'object', required: ['text'], properties: {text: {type: 'string', minLength: 1, maxLength: 1000}}},
    response: {201: postShape},
  },
}, async (request, reply) => {
  const account = accountOf(request);
  if (!account) return unauthenticated(reply);
  reply.code(201);
  return write.immediate(account, request.body.text, Date.now());
});

for (const [method, wanted] of [['PUT', true], ['DELETE', false]]) {
  server.route({
    method,
    url: '/api/v1/posts/:id/like',
    schema: {params: described({id: integer}), response: {200: described({liked: boolean, like_count: integer})}},
    handler: async (request, reply) => {
      const account = accountOf(request);
      if (!account) return unauthenticated(reply);
      return like.immediate(request.params.id, account, wanted, Date.now()) ?? reply.code(404).send();
    },
  });
}

await server.listen({port: 0, host: '127.0.0.1'});
console.log(`peer ready on http://127.0.0.1:${server.server.address().port}`);
