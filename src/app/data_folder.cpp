#include "app/data_folder.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/encoding.hpp"
#include "base/ids.hpp"
#include "base/unique_fd.hpp"

namespace madang::app {

namespace {

struct LockContent {
  std::int64_t ceiling = 0;  // microseconds since 1970
  std::int64_t clean = 1;
};

[[noreturn]] void refuse(const std::filesystem::path& path, const char* what) {
  throw std::runtime_error("data folder " + path.string() + ": " + what + ": " +
                           std::strerror(errno));
}

/// The whole file, or nothing when it is not there.
std::vector<std::byte> read_all(int file, std::size_t size) {
  std::vector<std::byte> out(size);
  const ssize_t got = pread(file, out.data(), size, 0);
  out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return out;
}

}  // namespace

DataFolder::DataFolder(std::filesystem::path path, Random& random, std::string_view secret)
    : path_(std::move(path)) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) throw std::runtime_error("data folder " + path_.string() + ": " + error.message());
  chmod(path_.c_str(), 0700);
  lock();
  load_secret(random, secret);
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) close(lock_);
}

void DataFolder::lock() {
  lock_ = open((path_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0) refuse(path_, "cannot be written");
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error("data folder " + path_.string() +
                             " is used by another madang process");
  const auto bytes = read_all(lock_, sizeof(LockContent));
  if (bytes.size() != sizeof(LockContent)) return;
  LockContent content;
  std::memcpy(&content, bytes.data(), sizeof content);
  ceiling_ = content.ceiling;
  clean_ = content.clean == 1;
}

std::vector<std::byte> DataFolder::read_or_make(const char* name, std::size_t size,
                                                Random& random) const {
  const auto file_path = path_ / name;
  const UniqueFd file(open(file_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) refuse(file_path, "cannot be opened");
  auto bytes = read_all(file.get(), size);
  if (bytes.empty()) {
    bytes.resize(size);
    random.fill(bytes);
    if (pwrite(file.get(), bytes.data(), size, 0) != static_cast<ssize_t>(size) ||
        fsync(file.get()) != 0)
      refuse(file_path, "cannot be written");
  }
  if (bytes.size() != size)
    throw std::runtime_error(file_path.string() + " is damaged: " + std::to_string(size) +
                             " bytes are expected");
  return bytes;
}

void DataFolder::load_secret(Random& random, std::string_view given) {
  secret_ = given.empty() ? read_or_make("secret.key", 32, random) : sha256(given);
  mark_ = read_or_make("folder.id", 16, random);
}

std::string DataFolder::place() const {
  char host[256] = {};
  gethostname(host, sizeof host - 1);
  std::error_code ignored;
  const std::string text = to_hex(mark_) + '\n' + host + '\n' +
                           std::filesystem::weakly_canonical(path_, ignored).string();
  return to_hex(sha256(text)).substr(0, 32);
}

std::vector<std::byte> DataFolder::key_for(std::string_view purpose) const {
  std::vector<std::byte> out(32);
  crypto_generichash(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                     reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(),
                     reinterpret_cast<const unsigned char*>(secret_.data()), secret_.size());
  return out;
}

Time DataFolder::id_floor(Time now) const {
  const Time stored = from_micros(ceiling_);
  // After a crash of the whole machine the stored ceiling may be an old one.
  return clean_ ? stored : std::max(stored, std::min(now, stored + std::chrono::hours(1)));
}

void DataFolder::reserve_ids(Time ceiling) {
  const LockContent content{to_micros(ceiling), 0};
  if (pwrite(lock_, &content, sizeof content, 0) != static_cast<ssize_t>(sizeof content))
    refuse(path_, "the id ceiling cannot be written");
}

void DataFolder::release_ids(Time used_until) {
  const LockContent content{to_micros(used_until), 1};
  if (pwrite(lock_, &content, sizeof content, 0) == static_cast<ssize_t>(sizeof content))
    fsync(lock_);
}

}  // namespace madang::app
