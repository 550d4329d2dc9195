#include "app/settings.hpp"

namespace madang::app {

using config::Key;
using config::Type;

const std::vector<Key>& settings() {
  static const std::vector<Key> keys{
      {"server.data", Type::text, "data",
       "The folder that holds the database, the objects and the secret key."},
      {"server.secret", Type::text, "",
       "What everything is signed with that others must recognize: the same for all instances, 32 "
       "characters at least. Empty: the secret.key that the data folder was given when it was "
       "made.",
       true},
      {"server.log_level", Type::text, "info", "debug, info, warn, error or off."},
      {"server.max_wait", Type::integer, "3",
       "Milliseconds it may go on that requests wait for an I/O thread or for the database (ten "
       "times "
       "that: for a thread that hashes or reads files) before some are answered 503.",
       false, 1, 60'000},
      {"server.warm_up", Type::integer, "100",
       "Milliseconds the start may spend on reading the feeds of those who were here last; the "
       "rest "
       "is read while serving. 0: none.",
       false, 0, 60'000},
      {"http.listen", Type::text, "127.0.0.1:8080",
       "HOST:PORT. Port 0 picks a free one. Not used when a listening socket is inherited "
       "(LISTEN_FDS)."},
      {"http.public_url", Type::text, "",
       "How browsers reach the server, such as https://yard.example. With https, cookies are "
       "`Secure` and "
       "`__Host-`. Empty: whatever Host a request names."},
      {"http.threads", Type::integer, "0", "I/O threads. 0: half the cores, at least one.", false,
       0, 64},
      {"http.max_connections", Type::integer, "10000", "Connections at once; beyond: 503.", false,
       1, 1'000'000},
      {"http.request_timeout", Type::seconds, "10s",
       "The deadline of a request, and of every wait below it.", false, 1, 600},
      {"http.idle_timeout", Type::seconds, "75s",
       "A connection without requests is closed after this.", false, 1, 3600},
      {"http.head_timeout", Type::seconds, "10s", "A request's head must be complete within this.",
       false, 1, 600},
      {"http.drain_timeout", Type::seconds, "20s",
       "How long a stopping server lets requests finish.", false, 0, 600},
      {"http.trusted_proxies", Type::list, "",
       "Addresses or networks whose X-Forwarded-For and X-Request-Id are believed."},
      {"http.metrics_from", Type::list, "127.0.0.0/8, ::1/128",
       "Who may read /metrics: addresses or networks."},
      {"rate.reads", Type::integer, "3000", "GETs one account may make in 10 seconds.", false, 1,
       100'000'000},
      {"rate.writes", Type::integer, "300", "Other calls one account may make in 10 seconds.",
       false, 1, 100'000'000},
      {"rate.searches", Type::integer, "100", "Searches one address may make in 10 seconds.", false,
       1, 100'000'000},
      {"rate.bad_tokens", Type::integer, "300",
       "Unknown tokens one address may present in 10 seconds.", false, 1, 100'000'000},
      {"rate.sign_up", Type::integer, "30", "Accounts one address may make in 10 minutes.", false,
       1, 100'000'000},
      {"rate.sign_in", Type::integer, "60", "Sign-ins one address may try in 10 minutes.", false, 1,
       100'000'000},
      {"rate.sign_in_account", Type::integer, "20",
       "Sign-ins that may be tried for one account in 10 minutes.", false, 1, 100'000'000},
      {"rate.uploads", Type::integer, "600", "Uploads one address may send in 10 seconds.", false,
       1, 100'000'000},
      {"rate.keys", Type::integer, "200000", "Accounts and addresses remembered for rate limits.",
       false, 1000, 100'000'000},
      {"database.url", Type::text, "",
       "mysql://USER@HOST:PORT,HOST:PORT/DATABASE: MariaDB, the primary and its replicas in any "
       "order. Empty: SQLite in server.data."},
      {"database.password", Type::text, "", "Of the user in database.url.", true},
      {"database.durability", Type::text, "replicated",
       "What an acknowledged write survives on MariaDB. `replicated`: the loss of any one machine; "
       "semi-sync replication is demanded, and without a replica writes are answered 503. "
       "`local_only`: the loss of the process; the primary's disk or a failover may take the last "
       "writes with it."},
      {"database.max_lag", Type::integer, "1000",
       "Milliseconds a replica may be behind and still be read from.", false, 50, 60'000},
      {"database.writers", Type::integer, "8",
       "Write connections to MariaDB's primary. SQLite has one, which commits in groups.", false, 1,
       256},
      {"database.readers", Type::integer, "2",
       "Read connections; on MariaDB as many to the primary and as many to replicas.", false, 1,
       64},
      {"database.queue", Type::integer, "4096", "Transactions that may wait; beyond: 503.", false,
       1, 1'000'000},
      {"database.max_group", Type::integer, "256", "Transactions committed as one group.", false, 1,
       4096},
      {"redis.nodes", Type::list, "",
       "HOST:PORT of some nodes of a Redis Cluster. With it, `database.url` and `objects.url` "
       "several instances may serve together. Empty: this instance is alone, and needs none."},
      {"redis.user", Type::text, "", "Whom to sign in to Redis as. Empty: its default user."},
      {"redis.password", Type::text, "", "The password that goes with it.", true},
      {"events.keep_dead", Type::seconds, "14d",
       "Dead letters are removed when they were last tried this long ago.", false, 3600,
       31'536'000},
      {"identity.password_memory", Type::bytes, "19m", "Memory of one argon2id hash.", false, 8192,
       1 << 30},
      {"identity.password_passes", Type::integer, "2", "Passes of one argon2id hash.", false, 1,
       20},
      {"identity.password_threads", Type::integer, "1", "Hashes at once.", false, 1, 64},
      {"identity.session_life", Type::seconds, "30d",
       "A session ends when it was not used for this long.", false, 60, 31'536'000},
      {"media.max_bytes", Type::bytes, "10m", "The largest picture.", false, 1024, 10 << 20},
      {"media.access_key", Type::text, "madang", "The access key id of presigned uploads."},
      {"media.secret_key", Type::text, "",
       "The secret that signs uploads. Empty: derived from the data folder's secret key.", true},
      {"media.workers", Type::integer, "1", "Processes that open strangers' pictures.", false, 1,
       64},
      {"media.worker_memory", Type::bytes, "512m", "Memory one of them may use.", false, 64 << 20,
       1LL << 36},
      {"media.worker_timeout", Type::seconds, "30s", "Time one picture may take.", false, 1, 600},
      {"media.min_free", Type::bytes, "256m",
       "Uploads are refused when the disk has less than this left.", false, 0, 1LL << 50},
      {"objects.url", Type::text, "",
       "https://HOST/BUCKET: pictures are kept in that S3 bucket, and browsers upload to it "
       "themselves. Empty: in server.data, behind /objects."},
      {"objects.public_url", Type::text, "",
       "Where browsers reach the S3 when that is not where the server does, without the bucket."},
      {"objects.style", Type::text, "path",
       "How a bucket is named: path (https://HOST/BUCKET/...) or virtual_host "
       "(https://BUCKET.HOST/...)."},
      {"objects.region", Type::text, "us-east-1", "The region that requests are signed for."},
      {"objects.access_key", Type::text, "", "The access key id for the S3."},
      {"objects.secret_key", Type::text, "", "The secret key that goes with it.", true},
      {"objects.ca_file", Type::text, "",
       "A PEM file of the authorities that vouch for the S3. Empty: the system's."},
      {"objects.connections", Type::integer, "8", "Requests to the S3 at once.", false, 1, 256},
      {"objects.timeout", Type::seconds, "5s", "One request to the S3 may take this long.", false,
       1, 60},
      {"social.cached_posts", Type::integer, "20000", "Posts kept ready to be shown.", false, 32,
       100'000'000},
      {"social.cached_viewers", Type::integer, "20000",
       "People whose blocks and likes are kept near.", false, 32, 100'000'000},
      {"social.feed_entries", Type::integer, "8000000",
       "Feed entries kept in memory, of all people together.", false, 1000, 1'000'000'000},
      {"social.ranking_interval", Type::seconds, "60s",
       "How old a ranking may be before it is counted anew.", false, 0, 3600},
      {"social.pull_followers", Type::integer, "5000",
       "From this many followers on, posts may be pulled when feeds are read instead of pushed.",
       false, 1, 1'000'000'000},
      {"realtime.streams", Type::integer, "5000", "Event streams open at once.", false, 1,
       1'000'000},
      {"realtime.heartbeat", Type::seconds, "15s",
       "A sign of life on an idle stream; at most 19 s.", false, 1, 19},
  };
  return keys;
}

}  // namespace madang::app
