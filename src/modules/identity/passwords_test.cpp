#include "modules/identity/passwords.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>

namespace madang::identity {
namespace {

template <class T>
T run(Task<Result<T>> task) {
  asio::io_context io;
  std::optional<Result<T>> out;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, Result<T> result) {
    if (error) std::rethrow_exception(error);
    out.emplace(std::move(result));
  });
  io.run();
  return std::move(**out);
}

TEST(Passwords, VerifyWhatTheyHashed) {
  metrics::Registry registry;
  Passwords passwords({.passes = 1, .memory = 8192}, registry);
  const auto deadline = Deadline::never();
  const std::string hash = run(passwords.hash(deadline, "마당에서 놀자"));
  EXPECT_TRUE(hash.starts_with("$argon2id$"));
  EXPECT_TRUE(run(passwords.verify(deadline, hash, "마당에서 놀자")));
  EXPECT_FALSE(run(passwords.verify(deadline, hash, "마당에서 놀지")));
  EXPECT_FALSE(run(passwords.verify(deadline, "", "마당에서 놀자")));
}

// Not a timed assertion: both must do the work. An argon2 string that cannot be read is refused in
// microseconds, a real verification here takes tens of milliseconds.
TEST(Passwords, ForNobodyCostAsMuchAsForSomebody) {
  metrics::Registry registry;
  Passwords passwords({.passes = 2, .memory = 32 << 20}, registry);
  const auto took = [&](const std::string& hash) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(run(passwords.verify(Deadline::never(), hash, "wrong password")));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const std::string hash = passwords.hash_now("right password");
  double somebody = 1e9;
  double nobody = 1e9;
  for (int i = 0; i < 3; ++i) {
    somebody = std::min(somebody, took(hash));
    nobody = std::min(nobody, took(""));
  }
  EXPECT_GT(nobody, somebody / 10);
}

TEST(Passwords, KnowCommonOnes) {
  EXPECT_TRUE(is_common_password("Password1"));
  EXPECT_TRUE(is_common_password("12345678"));
  EXPECT_FALSE(is_common_password("correct horse battery"));
}

}  // namespace
}  // namespace madang::identity
