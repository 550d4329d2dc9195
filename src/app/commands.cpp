#include "app/commands.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <iostream>
#include <map>
#include <set>

#include "app/application.hpp"
#include "app/inherited_socket.hpp"
#include "app/object_migration.hpp"
#include "app/object_place.hpp"
#include "app/options.hpp"
#include "app/seed/seed.hpp"
#include "app/settings.hpp"
#include "app/store_migration.hpp"
#include "base/text.hpp"
#include "modules/social/upkeep.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/imaging/image_job.hpp"
#include "platform/log/log.hpp"
#include "platform/workers/worker_main.hpp"

namespace madang::app {

namespace {

constexpr const char* usage = R"(madang: the yard's server

  madang serve   [--config FILE] [--data DIR] [--listen HOST:PORT]   serve until SIGTERM
  madang migrate [--config FILE] [--data DIR]                        bring the tables up to date
  madang seed    [--config FILE] [--data DIR] [--people N] [--seed N]  fill an empty store with a small town,
                 or finish one that was interrupted; --unless-inhabited: content when there are people already
  madang admin create  --email E --handle H [--name N] [--data DIR]  an account with the role admin;
                       the password comes from MADANG_ADMIN_PASSWORD or standard input
  madang admin recount [--fix] [--data DIR]                          prove every counter against its rows
  madang backup  --to FILE [--data DIR]                              copy the database while it is served
  madang restore --verify FILE                                       check a backup; exit 1 when it is unsound
  madang config  [--config FILE] [--markdown]                        what is in effect, or the documentation
  madang migrate-store --from sqlite:DIR --to mysql://... [--dry-run] copy a data folder's store into MariaDB, or say
                       what would be; its password: MADANG_DATABASE__PASSWORD
  madang migrate-objects [--dry-run] [--data DIR]                    copy every picture into objects.url, and again
                       what came meanwhile: also while the data folder is served
  madang openapi                                                     print the API's description
  madang worker  --fd N                                              (started by the server)
  madang --version | --help
)";

/// A wrong command line or configuration: exit code 2, one line.
struct Misuse {
  std::string message;
};

struct Arguments {
  std::vector<std::string> words;              // what is no option
  std::map<std::string, std::string> options;  // --name value
  std::set<std::string> flags;

  std::string option(const std::string& name, std::string fallback = {}) const {
    const auto found = options.find(name);
    return found == options.end() ? std::move(fallback) : found->second;
  }
};

Arguments parse(const std::vector<std::string>& raw, const std::set<std::string>& options,
                const std::set<std::string>& flags) {
  Arguments out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (!raw[i].starts_with("--")) {
      out.words.push_back(raw[i]);
      continue;
    }
    std::string name = raw[i].substr(2);
    const auto equals = name.find('=');
    const std::string key = name.substr(0, equals);
    if (flags.contains(name)) {
      out.flags.insert(name);
    } else if (!options.contains(key)) {
      throw Misuse{"unknown option --" + key + "; see madang --help"};
    } else if (equals != name.npos) {
      out.options[key] = name.substr(equals + 1);
    } else if (++i < raw.size()) {
      out.options[key] = raw[i];
    } else {
      throw Misuse{"--" + key + " needs a value"};
    }
  }
  return out;
}

config::Config load_config(const Arguments& arguments) {
  auto loaded =
      config::Config::load(settings(), arguments.option("config"), config::system_environment());
  if (!loaded) throw Misuse{loaded.error().detail};
  for (const auto& [option, key] :
       {std::pair("data", "server.data"), std::pair("listen", "http.listen")})
    if (arguments.options.contains(option))
      if (auto set = loaded->set(key, arguments.option(option)); !set)
        throw Misuse{set.error().detail};
  // Origins are compared as browsers send them: without a path.
  std::string url = loaded->text("http.public_url");
  while (url.ends_with('/')) url.pop_back();
  (void)loaded->set("http.public_url", url);
  if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://"))
    throw Misuse{"http.public_url must begin with https:// or http://"};
  if (!log::set_level(loaded->text("server.log_level")))
    throw Misuse{"server.log_level must be debug, info, warn, error or off"};
  return std::move(*loaded);
}

const std::set<std::string> store_options{"config", "data"};

/// Signals are taken by one thread that waits for them; all others block them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is a write that fails, not the end
  return signals;
}

int serve(const std::vector<std::string>& raw) {
  const sigset_t signals = block_signals();
  const Arguments arguments = parse(raw, {"config", "data", "listen"}, {});
  const config::Config config = load_config(arguments);
  const int inherited = inherited_socket();
  Store store(config);
  Application application(config, store, inherited);
  const std::string address = application.start();
  std::printf("madang ready on http://%s\n", address.c_str());
  std::fflush(stdout);
  int number = 0;
  sigwait(&signals, &number);
  log::info("server", "stopping", {{"signal", number}});
  application.stop();
  log::info("server", "stopped");
  log::flush();
  return 0;
}

int migrate(const std::vector<std::string>& raw) {
  const config::Config config = load_config(parse(raw, store_options, {}));
  const Store store(config);
  std::printf("%d migrations applied\n", store.migrated());
  return 0;
}

int openapi(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, store_options, {});
  config::Config config = load_config(arguments);
  // The document is written from the routes, and these want a store: an empty one for a moment.
  char folder[] = "/tmp/madang-openapi-XXXXXX";
  if (mkdtemp(folder) == nullptr) throw std::runtime_error("no temporary folder");
  (void)config.set("server.data", folder);
  (void)config.set("http.listen", "127.0.0.1:0");
  {
    Store store(config);
    const Application application(config, store);
    std::printf("%s\n", application.openapi().c_str());
  }
  std::filesystem::remove_all(folder);
  return 0;
}

std::string read_password() {
  if (const char* given = std::getenv("MADANG_ADMIN_PASSWORD")) return given;
  if (isatty(STDIN_FILENO) != 0) std::fprintf(stderr, "password: ");
  std::string password;
  std::getline(std::cin, password);
  return password;
}

int admin_create(const Arguments& arguments) {
  const config::Config config = load_config(arguments);
  std::string body = R"({"email":)" + json_string(arguments.option("email")) + R"(,"handle":)" +
                     json_string(arguments.option("handle")) + R"(,"name":)" +
                     json_string(arguments.option("name")) + R"(,"password":)" +
                     json_string(read_password()) + "}";
  auto in = json::from_json<identity::SignUp>(body);
  Store store(config);
  Application application(config, store);
  auto made =
      in ? application.identity().create_admin(std::move(*in)) : std::unexpected(in.error());
  if (made) {
    std::printf("admin %s (%lld)\n", made->handle.c_str(), static_cast<long long>(made->id));
    return 0;
  }
  std::fprintf(stderr, "madang: %s\n", made.error().detail.c_str());
  for (const FieldError& error : made.error().errors)
    std::fprintf(stderr, "  %s: %s\n", error.field.c_str(), error.message.c_str());
  return 1;
}

void print(const social::Miscount& m, const char* what) {
  std::printf("%s of %lld is %lld, its rows are %lld%s\n", m.counter.c_str(),
              static_cast<long long>(m.row), static_cast<long long>(m.stored),
              static_cast<long long>(m.counted), what);
}

/// Chunk by chunk, until every counter is true; how many were not.
std::size_t correct_counters(db::Database& db) {
  constexpr std::int64_t chunk = 100;
  for (std::size_t corrected = 0;;) {
    const auto found =
        db.write_blocking([](db::Transaction& tx) -> Result<std::vector<social::Miscount>> {
          auto miscounts = social::find_miscounts(tx, chunk);
          for (const social::Miscount& miscount : miscounts) social::correct(tx, miscount);
          return miscounts;
        });
    if (!found) throw std::runtime_error(found.error().detail);
    if (found->empty()) return corrected;
    for (const social::Miscount& miscount : *found) print(miscount, " (corrected)");
    corrected += found->size();
  }
}

int admin_recount(const Arguments& arguments) {
  const config::Config config = load_config(arguments);
  if (arguments.flags.contains("fix")) {
    Store store(config);
    std::printf("%zu counters were corrected\n", correct_counters(store.db()));
    return 0;
  }
  // Without the folder's lock: a server may be at work, and one read sees one moment.
  metrics::Registry registry;
  const auto file = std::filesystem::path(config.text("server.data")) / "madang.sqlite";
  if (config.text("database.url").empty() && !std::filesystem::exists(file))
    throw std::runtime_error("there is no store at " + file.string());
  const auto db = open_database(config, file, registry);
  const auto found =
      db->read_blocking([](db::Transaction& tx) -> Result<std::vector<social::Miscount>> {
        return social::find_miscounts(tx, 1000);
      });
  db->close();
  if (!found) throw std::runtime_error(found.error().detail);
  for (const social::Miscount& miscount : *found) print(miscount, "");
  std::printf("%zu counters differ from their rows\n", found->size());
  return found->empty() ? 0 : 1;
}

int admin(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, {"config", "data", "email", "handle", "name"}, {"fix"});
  const std::string verb = arguments.words.empty() ? "" : arguments.words.front();
  if (verb == "create") return admin_create(arguments);
  if (verb == "recount") return admin_recount(arguments);
  throw Misuse{"madang admin create | recount"};
}

int backup(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, {"config", "data", "to"}, {});
  const config::Config config = load_config(arguments);
  const std::string to = arguments.option("to");
  if (to.empty()) throw Misuse{"madang backup needs --to FILE"};
  if (!config.text("database.url").empty())
    throw std::runtime_error(
        "database.url names MariaDB: back it up with mariadb-backup or mariadb-dump "
        "--single-transaction");
  db::backup_sqlite(std::filesystem::path(config.text("server.data")) / "madang.sqlite", to);
  std::printf("backup written to %s\n", to.c_str());
  return 0;
}

int restore(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, {"verify"}, {});
  const std::string file = arguments.option("verify");
  if (file.empty()) throw Misuse{"madang restore --verify FILE"};
  const auto faults = db::verify_sqlite(file);
  for (const std::string& fault : faults) std::printf("%s\n", fault.c_str());
  std::printf(faults.empty()
                  ? "sound: put it in place of madang.sqlite while the server is stopped\n"
                  : "unsound\n");
  return faults.empty() ? 0 : 1;
}

/// The whole text as a number within the bounds.
std::uint64_t number(const Arguments& arguments, const std::string& name, std::uint64_t fallback) {
  const std::string text = arguments.option(name, std::to_string(fallback));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Misuse{"--" + name + " must be a number, not " + text};
  return value;
}

int seed_town(const std::vector<std::string>& raw) {
  const Arguments arguments =
      parse(raw, {"config", "data", "people", "seed"}, {"unless-inhabited"});
  const config::Config config = load_config(arguments);
  seed::TownOptions options;
  options.people = number(arguments, "people", options.people);
  options.seed = number(arguments, "seed", options.seed);
  Store store(config);
  options.now = store.clock().now();
  const identity::Passwords passwords(password_options(config), store.registry());
  ObjectPlace objects(config, store);
  seed::Summary made;
  try {
    made = seed::fill_store(store.db(), objects.store(), options,
                            passwords.hash_now(seed::town_password));
  } catch (const seed::Inhabited&) {
    if (!arguments.flags.contains("unless-inhabited")) throw;
    std::printf("(in the sample town: %.*s@town.example, %.*s)\n",
                static_cast<int>(seed::demo_handle.size()), seed::demo_handle.data(),
                static_cast<int>(seed::town_password.size()), seed::town_password.data());
    return 0;
  }
  std::printf(
      "a town of %zu people: %zu follows, %zu posts, %zu pictures, %zu comments, %zu likes\n"
      "sign in as %.*s@town.example with the password %.*s (everybody has it)\n",
      made.people, made.follows, made.posts, made.pictures, made.comments, made.likes,
      static_cast<int>(seed::demo_handle.size()), seed::demo_handle.data(),
      static_cast<int>(seed::town_password.size()), seed::town_password.data());
  return 0;
}

/// Without the folder's lock: a server may be at work, and objects never change in place.
int migrate_from_sqlite(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, {"config", "from", "to"}, {"dry-run"});
  constexpr std::string_view sqlite = "sqlite:";
  const std::string from = arguments.option("from");
  const std::string to = arguments.option("to");
  if (!from.starts_with(sqlite) || !to.starts_with("mysql://"))
    throw Misuse{
        "madang migrate-store wants --from sqlite:DIR and --to mysql://USER@HOST:PORT/NAME"};
  migrate_store(load_config(arguments), from.substr(sqlite.size()), to,
                arguments.flags.contains("dry-run"));
  return 0;
}

int migrate_objects(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, store_options, {"dry-run"});
  const config::Config config = load_config(arguments);
  if (config.text("objects.url").empty())
    throw Misuse{"madang migrate-objects copies into objects.url, which is not set"};
  const auto folder = std::filesystem::path(config.text("server.data")) / "objects";
  if (!std::filesystem::exists(folder))
    throw std::runtime_error("there are no objects at " + folder.string());
  const SystemClock clock;
  SystemRandom random;
  metrics::Registry registry;
  objects::DiskOptions options;
  options.root = folder;
  objects::DiskStore from(std::move(options), clock);
  const auto to = open_s3(config, clock, random, registry);
  const auto say = [](const ObjectMigration& so_far) {
    std::fprintf(stderr, "%zu objects seen, %zu copied\n", so_far.objects, so_far.copied);
  };
  const bool dry_run = arguments.flags.contains("dry-run");
  const auto done = copy_objects(
      from, *to,
      {.dry_run = dry_run, .threads = static_cast<int>(config.integer("objects.connections"))},
      say);
  if (!done) throw std::runtime_error(done.error().detail);
  std::printf("%zu objects, %zu %s (%llu bytes), the others were there\n", done->objects,
              done->copied, dry_run ? "to be copied" : "copied",
              static_cast<unsigned long long>(done->bytes));
  return 0;
}

int show_config(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, store_options, {"markdown"});
  const std::string text = arguments.flags.contains("markdown") ? config::documentation(settings())
                                                                : load_config(arguments).to_text();
  std::fputs(text.c_str(), stdout);
  return 0;
}

int worker(const std::vector<std::string>& raw) {
  const Arguments arguments = parse(raw, {"fd"}, {});
  const int socket = std::atoi(arguments.option("fd", "-1").c_str());
  if (socket < 3) throw Misuse{"madang worker is started by the server"};
  const workers::Functions functions{
      {std::string(imaging::image_function), imaging::process_image}};
  return workers::serve_jobs(socket, functions, imaging::prepare_imaging);
}

using Verb = int (*)(const std::vector<std::string>&);
const std::map<std::string, Verb> verbs{{"serve", serve},
                                        {"migrate", migrate},
                                        {"openapi", openapi},
                                        {"admin", admin},
                                        {"backup", backup},
                                        {"restore", restore},
                                        {"migrate-store", migrate_from_sqlite},
                                        {"migrate-objects", migrate_objects},
                                        {"config", show_config},
                                        {"worker", worker},
                                        {"seed", seed_town}};

}  // namespace

int run_command(const std::vector<std::string>& arguments) {
  const std::string verb = arguments.empty() ? "--help" : arguments.front();
  if (verb == "--help" || verb == "-h" || verb == "help")
    return std::fputs(usage, stdout) < 0 ? 1 : 0;
  if (verb == "--version") return std::printf("madang %s\n", MADANG_VERSION) < 0 ? 1 : 0;
  const auto found = verbs.find(verb);
  if (found == verbs.end()) {
    std::fprintf(stderr, "madang: unknown command %s; see madang --help\n", verb.c_str());
    return 2;
  }
  for (const std::string& argument : arguments)
    if (argument == "--help" || argument == "-h") return std::fputs(usage, stdout) < 0 ? 1 : 0;
  try {
    return found->second({arguments.begin() + 1, arguments.end()});
  } catch (const Misuse& misuse) {
    std::fprintf(stderr, "madang: %s\n", misuse.message.c_str());
    return 2;
  } catch (const std::exception& error) {
    log::flush();
    std::fprintf(stderr, "madang: %s\n", error.what());
    return 1;
  }
}

}  // namespace madang::app
