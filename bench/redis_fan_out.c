// The peer of the fan-out rows: one post into its followers' sorted sets in Redis, from C, the way
// the SNS seed did it (member `postId:timestamp:viewed`, score the post's id).
//
//   redis_fan_out load PORT PEOPLE ENTRIES                  fills PEOPLE sorted sets of ENTRIES
//   each redis_fan_out store PORT PEOPLE FOLLOWERS POSTS         one JSON line: microseconds of
//   each post,
//                                                           pipelined and one by one
//   redis_fan_out commit PORT DATABASE AUTHOR POSTS         commits a post in SQLite (FULL), then
//                                                           reads the followers and pipelines: the
//                                                           microseconds from commit to last reply
#include <hiredis/hiredis.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(const char* what) {
  fprintf(stderr, "redis_fan_out: %s\n", what);
  exit(1);
}

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static redisContext* connect_to(const char* port) {
  redisContext* redis = redisConnect("127.0.0.1", atoi(port));
  if (redis == NULL || redis->err) die("cannot connect to Redis");
  return redis;
}

static void take_reply(redisContext* redis) {
  redisReply* reply = NULL;
  if (redisGetReply(redis, (void**)&reply) != REDIS_OK || reply->type == REDIS_REPLY_ERROR)
    die("Redis refused");
  freeReplyObject(reply);
}

/// splitmix64: the same followers in every run.
static uint64_t next_random(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

struct Zadd {
  char key[40], score[24], member[48];
  const char* parts[4];
  size_t sizes[4];
};

static void write_zadd(struct Zadd* command, int64_t user, int64_t post) {
  command->parts[0] = "ZADD";
  command->sizes[0] = 4;
  command->sizes[1] = (size_t)sprintf(command->key, "feed:userId:%lld", (long long)user);
  command->sizes[2] = (size_t)sprintf(command->score, "%lld", (long long)post);
  command->sizes[3] = (size_t)sprintf(command->member, "%lld:2026112200:false", (long long)post);
  command->parts[1] = command->key;
  command->parts[2] = command->score;
  command->parts[3] = command->member;
}

static double fan_out_pipelined(redisContext* redis, const int64_t* users, int count,
                                int64_t post) {
  const double start = now_us();
  struct Zadd command;
  for (int i = 0; i < count; ++i) {
    write_zadd(&command, users[i], post);
    redisAppendCommandArgv(redis, 4, command.parts, command.sizes);
  }
  for (int i = 0; i < count; ++i) take_reply(redis);
  return now_us() - start;
}

static double fan_out_one_by_one(redisContext* redis, const int64_t* users, int count,
                                 int64_t post) {
  const double start = now_us();
  struct Zadd command;
  for (int i = 0; i < count; ++i) {
    write_zadd(&command, users[i], post);
    redisAppendCommandArgv(redis, 4, command.parts, command.sizes);
    take_reply(redis);
  }
  return now_us() - start;
}

/// Distinct: a random place to begin and a step without a common divisor.
static void pick_followers(int64_t* users, int count, int people, uint64_t* random) {
  int step = 0;
  do {
    step = (int)(next_random(random) % (uint64_t)people) | 1;
  } while (step % 5 == 0);  // the numbers of people used here have no prime factors but 2 and 5
  int64_t at = (int64_t)(next_random(random) % (uint64_t)people);
  for (int i = 0; i < count; ++i, at = (at + step) % people) users[i] = at + 1;
}

static int load(char** argv) {
  redisContext* redis = connect_to(argv[2]);
  const int people = atoi(argv[3]), entries = atoi(argv[4]);
  const char* parts[2 + 2 * 256];
  char texts[2 * 256][48], key[40];
  if (entries > 256) die("at most 256 entries");
  for (int e = 0; e < entries; ++e) {
    sprintf(texts[2 * e], "%d", 1000 + e);
    sprintf(texts[2 * e + 1], "%d:2026112100:false", 1000 + e);
    parts[2 + 2 * e] = texts[2 * e];
    parts[3 + 2 * e] = texts[2 * e + 1];
  }
  parts[0] = "ZADD";
  parts[1] = key;
  int waiting = 0;
  for (int user = 1; user <= people; ++user) {
    sprintf(key, "feed:userId:%d", user);
    redisAppendCommandArgv(redis, 2 + 2 * entries, parts, NULL);
    if (++waiting == 1000 || user == people)
      for (; waiting > 0; --waiting) take_reply(redis);
  }
  redisFree(redis);
  return 0;
}

static int store(char** argv) {
  redisContext* redis = connect_to(argv[2]);
  const int people = atoi(argv[3]), followers = atoi(argv[4]), posts = atoi(argv[5]);
  int64_t* users = malloc(sizeof *users * (size_t)followers);
  uint64_t random = (uint64_t)time(NULL);
  int64_t post = (int64_t)time(NULL) * 1000;
  printf("{\"pipelined\":[");
  for (int i = 0; i < posts; ++i) {
    pick_followers(users, followers, people, &random);
    printf("%s%.1f", i ? "," : "", fan_out_pipelined(redis, users, followers, ++post));
  }
  printf("],\"one_by_one\":[");
  for (int i = 0; i < posts / 10 + 1; ++i) {
    pick_followers(users, followers, people, &random);
    printf("%s%.1f", i ? "," : "", fan_out_one_by_one(redis, users, followers, ++post));
  }
  printf("]}\n");
  free(users);
  redisFree(redis);
  return 0;
}

static sqlite3_stmt* prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) die(sqlite3_errmsg(db));
  return statement;
}

static void run(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) die(sqlite3_errmsg(db));
}

static int commit(char** argv) {
  redisContext* redis = connect_to(argv[2]);
  sqlite3* db = NULL;
  if (sqlite3_open(argv[3], &db) != SQLITE_OK) die("cannot open the database");
  const int64_t author = atoll(argv[4]);
  const int posts = atoi(argv[5]);
  run(db, "pragma journal_mode = wal; pragma synchronous = full; pragma mmap_size = 268435456");
  sqlite3_stmt* insert = prepare(
      db,
      "insert into posts (id, author_id, body, state, like_count, comment_count, created_at) "
      "values (?, ?, 'a post', 0, 0, 0, 1)");
  sqlite3_stmt* read =
      prepare(db, "select follower_id, created_at from follows where followee_id = ?");
  int64_t* users = malloc(sizeof *users * 1000000);
  int64_t post = (int64_t)time(NULL) * 1000;
  printf("{\"read\":[");
  double* totals = malloc(sizeof *totals * (size_t)posts);
  for (int i = 0; i < posts; ++i) {
    run(db, "begin immediate");
    sqlite3_bind_int64(insert, 1, ++post);
    sqlite3_bind_int64(insert, 2, author);
    if (sqlite3_step(insert) != SQLITE_DONE) die(sqlite3_errmsg(db));
    sqlite3_reset(insert);
    run(db, "commit");
    const double start = now_us();
    int count = 0;
    sqlite3_bind_int64(read, 1, author);
    while (sqlite3_step(read) == SQLITE_ROW && count < 1000000)
      users[count++] = sqlite3_column_int64(read, 0);
    sqlite3_reset(read);
    printf("%s%.1f", i ? "," : "", now_us() - start);
    fan_out_pipelined(redis, users, count, post);
    totals[i] = now_us() - start;
  }
  printf("],\"total\":[");
  for (int i = 0; i < posts; ++i) printf("%s%.1f", i ? "," : "", totals[i]);
  printf("]}\n");
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 5 && strcmp(argv[1], "load") == 0) return load(argv);
  if (argc == 6 && strcmp(argv[1], "store") == 0) return store(argv);
  if (argc == 6 && strcmp(argv[1], "commit") == 0) return commit(argv);
  die("usage: load PORT PEOPLE ENTRIES | store PORT PEOPLE FOLLOWERS POSTS | commit PORT DATABASE "
      "AUTHOR POSTS");
}
