// A real S3 of the test program's own on loopback: Ceph's gateway, started by script/cluster, ended
// with the program however that ends.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/encoding.hpp"
#include "platform/objects/http_transport.hpp"
#include "platform/objects/s3_store.hpp"
#include "platform/objects/sigv4.hpp"

namespace madang::test {

class S3Server {
 public:
  /// Started at the first call. Throws std::runtime_error with what script/cluster said.
  static S3Server& instance() {
    static S3Server server;
    return server;
  }
  S3Server(const S3Server&) = delete;

  const std::string& endpoint() const { return endpoint_; }
  /// The keys script/cluster makes (deploy/cluster/s3.mjs).
  static objects::sigv4::Credentials credentials() {
    return {"MADANGCLUSTERKEY", "madang-cluster-secret-of-this-machine-only", "us-east-1"};
  }

  /// Options for an empty bucket that nobody else has.
  objects::S3StoreOptions fresh_bucket() {
    static std::atomic<int> next = 0;
    objects::S3StoreOptions options{.endpoint = endpoint_,
                                    .public_endpoint = {},
                                    .bucket = "bucket-" + std::to_string(next++),
                                    .credentials = credentials(),
                                    .ca_file = {}};
    make_bucket(options.bucket);
    return options;
  }

  /// `kill s3-osd -STOP`, ...
  void control(const std::string& command) { run(command); }

  /// Starts a member that was told to end, as soon as it has.
  void start(const std::string& member) {
    for (int tries = 0;; ++tries) {
      try {
        return run("start " + member);
      } catch (const std::runtime_error&) {
        if (tries == 100) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
    }
  }

 private:
  S3Server() : script_(find_script()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-s3-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for S3");
    folder_ = pattern;
    watch();
    // A block of ports that was free may be taken by the time it is used.
    const std::string up =
        "up --base-port 0 --without mariadb,redis,haproxy,madang,prometheus,alertmanager,mail,"
        "exporters";
    try {
      run(up);
    } catch (const std::runtime_error&) {
      run(up);
    }
    std::ifstream state(folder_ + "/cluster.json");
    const std::string text(std::istreambuf_iterator<char>(state), {});
    const auto at = text.find("\"base\":");
    if (at == text.npos) throw std::runtime_error("no port in " + text);
    endpoint_ = "http://127.0.0.1:" + std::to_string(std::stoi(text.substr(at + 7)) + 40);
  }
  ~S3Server() {
    ::close(alive_);
    ::waitpid(watcher_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }

  static std::string find_script() {
    auto folder = std::filesystem::canonical("/proc/self/exe").parent_path();
    for (; folder.has_relative_path(); folder = folder.parent_path())
      if (std::filesystem::exists(folder / "script/cluster")) return folder / "script/cluster";
    throw std::runtime_error("script/cluster is not above this program");
  }

  void run(const std::string& command) const {
    const std::string log = folder_ + ".log";
    const std::string line =
        "'" + script_ + "' " + command + " --folder '" + folder_ + "' >'" + log + "' 2>&1";
    const int status = std::system(line.c_str());
    std::ifstream said(log);
    const std::string text(std::istreambuf_iterator<char>(said), {});
    std::filesystem::remove(log);
    if (status != 0) throw std::runtime_error("script/cluster " + command + ": " + text);
  }

  /// A process that takes the cluster down as soon as this one is gone.
  void watch() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    watcher_ = ::fork();
    if (watcher_ == 0) {
      ::setsid();
      ::dup2(ends[0], 0);
      ::execl("/bin/sh", "sh", "-c",
              "read -r _; \"$0\" down --folder \"$1\" >/dev/null 2>&1; rm -rf \"$1\"",
              script_.c_str(), folder_.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(ends[0]);
    alive_ = ends[1];
  }

  /// Takes half a minute when a gateway was killed just before: it is still waited for.
  void make_bucket(const std::string& bucket) const {
    const std::string host = endpoint_.substr(endpoint_.find("//") + 2);
    auto request = objects::sigv4::authorize({.method = "PUT",
                                              .path = "/" + bucket,
                                              .headers = {{"host", host}},
                                              .payload_hash = to_hex(sha256(""))},
                                             credentials(), SystemClock().now());
    objects::HttpTransport transport({});
    const auto made = transport.send({.method = "PUT",
                                      .url = endpoint_ + "/" + bucket,
                                      .headers = std::move(request.headers),
                                      .max_body = 1 << 16},
                                     Deadline::after(std::chrono::seconds(60)));
    if (!made || made->status != 200)
      throw std::runtime_error("no bucket: " +
                               (made ? std::string(as_text(made->body)) : made.error().detail));
  }

  const std::string script_;
  std::string folder_;
  std::string endpoint_;
  int alive_ = -1;
  pid_t watcher_ = -1;
};

}  // namespace madang::test
