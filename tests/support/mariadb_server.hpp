// A MariaDB server of the test's own on loopback: started from a data folder that is made once and
// copied, killed and removed at the end, also when the test program dies.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <mysql.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace madang::test {

class MariaDbServer {
 public:
  enum class Users { app, none };  // none: they come from a primary

  /// `settings`: more lines for its configuration.
  explicit MariaDbServer(int id = 1, std::string settings = {}, Users users = Users::app)
      : id_(id), settings_(std::move(settings)) {
    std::string pattern = (parent() / "madang-mariadb-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::copy(made_once(), folder_ / "data", std::filesystem::copy_options::recursive);
    std::filesystem::create_directory(folder_ / "tmp");
    port_ = free_port();
    start();
    if (users == Users::none) return;
    run("create user app identified by 'secret'");
    run("grant all on `madang%`.* to app");
  }
  ~MariaDbServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  MariaDbServer(const MariaDbServer&) = delete;
  MariaDbServer& operator=(const MariaDbServer&) = delete;

  std::uint16_t port() const { return port_; }

  void start() {
    std::ofstream(folder_ / "my.cnf") << configuration();
    const std::string defaults = "--defaults-file=" + (folder_ / "my.cnf").string();
    process_ = spawn({"/usr/sbin/mariadbd", defaults});
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!try_run("select 1")) {
      int status = 0;
      if (waitpid(process_, &status, WNOHANG) == process_) {
        process_ = -1;
        throw std::runtime_error("mariadbd ended: " + log());
      }
      if (std::chrono::steady_clock::now() > until)
        throw std::runtime_error("mariadbd is not ready: " + log());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  /// As a lost machine ends.
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
  }
  void pause() { ::kill(process_, SIGSTOP); }
  void resume() { ::kill(process_, SIGCONT); }

  /// As its administrator; the first column of the first row.
  std::string run(const std::string& sql) {
    std::string out;
    if (std::string fault; !try_run(sql, &out, &fault))
      throw std::runtime_error(fault + " in: " + sql);
    return out;
  }

  std::string fresh_database() {
    const std::string name = "madang" + std::to_string(++databases_);
    run("create database " + name + " character set utf8mb4 collate utf8mb4_nopad_bin");
    return name;
  }

 private:
  /// Its data outlives nothing, so it need not reach a disk: the many tables a test makes are a
  /// thousand forced writes, seconds on a slow one.
  static std::filesystem::path parent() {
    const std::filesystem::path memory = "/dev/shm";
    constexpr std::uintmax_t room = 1 << 30;  // below that the memory is somebody else's
    std::error_code none;
    const auto space = std::filesystem::space(memory, none);
    return !none && space.available >= room ? memory : std::filesystem::temp_directory_path();
  }

  static std::filesystem::path made_once() {
    const auto path = std::filesystem::temp_directory_path() /
                      ("madang-mariadb-empty-" + std::to_string(getuid()));
    if (std::filesystem::exists(path)) return path;
    const std::string making = path.string() + "." + std::to_string(getpid());
    int status = 0;
    const pid_t process =
        spawn({"/usr/bin/mariadb-install-db", "--no-defaults", user(), "--datadir=" + making,
               "--auth-root-authentication-method=normal", "--skip-test-db",
               "--innodb-flush-method=nosync", "--innodb-log-file-size=32M"});
    waitpid(process, &status, 0);
    if (status != 0)
      throw std::runtime_error("mariadb-install-db failed; is mariadb-server there?");
    std::error_code other_was_first;
    std::filesystem::rename(making, path, other_was_first);
    if (other_was_first) std::filesystem::remove_all(making);
    return path;
  }

  static std::string user() { return getuid() == 0 ? "--user=root" : "--skip-name-resolve"; }

  static pid_t spawn(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t parent = getpid();
    const pid_t process = fork();
    if (process != 0) return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int nowhere = open("/dev/null", O_RDWR);
    for (const int stream : {0, 1, 2}) dup2(nowhere, stream);
    execv(arguments[0], arguments.data());
    _exit(127);
  }

  static std::uint16_t free_port() {
    const int probe = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(probe, generic, size) != 0 || getsockname(probe, generic, &size) != 0)
      throw std::runtime_error("no free port");
    close(probe);
    return ntohs(address.sin_port);
  }

  std::string configuration() const {
    std::ostringstream out;
    const std::string in = folder_.string() + "/";
    out << "[mariadbd]\n"
        << (getuid() == 0 ? "user=root\n" : "") << "datadir=" << in << "data\nsocket=" << in
        << "s.sock\npid-file=" << in << "pid\nlog-error=" << in << "err.log\ntmpdir=" << in
        << "tmp\nbind-address=127.0.0.1\nport=" << port_ << "\nserver-id=" << id_
        << "\nreport-host=127.0.0.1\nreport-port=" << port_
        << "\nlog-bin=mariadb-bin\nlog-slave-updates=1\nbinlog-format=ROW\ngtid-strict-mode=1\n"
           "relay-log=relay\nskip-name-resolve=1\ncharacter-set-server=utf8mb4\n"
           "collation-server=utf8mb4_unicode_ci\ninnodb-buffer-pool-size=64M\n"
           "innodb-log-file-size=32M\ninnodb-flush-log-at-trx-commit=2\n"
           "innodb-flush-method=nosync\nsync-binlog=0\ninnodb-doublewrite=0\n"
           "log-bin-trust-function-creators=1\nperformance-schema=OFF\n"
           "aria-pagecache-buffer-size=8M\nkey-buffer-size=1M\nmax-connections=300\n"
        << settings_;
    return out.str();
  }

  std::string log() const {
    std::ifstream file(folder_ / "err.log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  bool try_run(const std::string& sql, std::string* out = nullptr, std::string* fault = nullptr) {
    MYSQL* connection = mysql_init(nullptr);
    bool done = mysql_real_connect(connection, nullptr, "root", "", nullptr, 0,
                                   (folder_ / "s.sock").c_str(), 0) != nullptr &&
                mysql_query(connection, sql.c_str()) == 0;
    if (done) {
      if (MYSQL_RES* rows = mysql_store_result(connection)) {
        const MYSQL_ROW row = mysql_fetch_row(rows);
        if (row != nullptr && row[0] != nullptr && out != nullptr) *out = row[0];
        mysql_free_result(rows);
      }
    } else if (fault != nullptr) {
      *fault = mysql_error(connection);
    }
    mysql_close(connection);
    return done;
  }

  const int id_;
  const std::string settings_;
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
  int databases_ = 0;
};

}  // namespace madang::test
