#include "modules/identity/passwords.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/text.hpp"

namespace madang::identity {

namespace {

std::string argon2id(std::string_view password, const PasswordOptions& options) {
  std::array<char, crypto_pwhash_STRBYTES> out{};
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), options.passes,
                            options.memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw std::runtime_error("argon2id: out of memory");
  return out.data();
}

/// Standard base64 without padding, as argon2's encoded hashes have it.
template <std::size_t N>
std::string random_base64() {
  SystemRandom random;
  const auto bytes = random.bytes<N>();
  std::array<char, N * 2> out{};
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), N,
                    sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  return out.data();
}

/// A hash that no password has, of the same cost as real ones: nothing has to be hashed for it.
std::string hash_of_nobody(const PasswordOptions& options) {
  return "$argon2id$v=19$m=" + std::to_string(options.memory / 1024) +
         ",t=" + std::to_string(options.passes) + ",p=1$" + random_base64<16>() + "$" +
         random_base64<32>();
}

}  // namespace

Passwords::Passwords(PasswordOptions options, metrics::Registry& registry)
    : options_(options),
      nobody_(hash_of_nobody(options)),
      pool_({.name = "passwords",
             .threads = options.threads,
             .queue = options.queue,
             .max_wait = options.max_wait},
            registry) {}

Task<Result<std::string>> Passwords::hash(Deadline deadline, std::string password) {
  const auto work = [this, &password]() -> Result<std::string> {
    return argon2id(password, options_);
  };
  Result<std::string> hashed = co_await pool_.run(deadline, work);
  co_return hashed;
}

Task<Result<bool>> Passwords::verify(Deadline deadline, std::string hash, std::string password) {
  const auto work = [this, &hash, &password]() -> Result<bool> {
    const std::string& against = hash.empty() ? nobody_ : hash;
    const bool matches =
        crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
    return matches && !hash.empty();
  };
  Result<bool> verified = co_await pool_.run(deadline, work);
  co_return verified;
}

std::string Passwords::hash_now(std::string_view password) const {
  return argon2id(password, options_);
}

bool is_common_password(std::string_view password) {
  // The ones of 8 characters and more that head every published list, and their Korean keyboard
  // kin.
  static constexpr std::array common{
      "000000000",     "0000000000",   "00000000",     "0123456789",   "0987654321", "1111111111",
      "11111111",      "111111111",    "11223344",     "1122334455",   "12121212",   "123123123",
      "12312312",      "123321123",    "12341234",     "1234512345",   "123454321",  "12345678",
      "123456781",     "1234567890",   "123456789",    "12345678910",  "1234567891", "123456789a",
      "12345678a",     "1234abcd",     "12344321",     "123698745",    "123qwe123",  "123qweasd",
      "123qweasdzxc",  "147258369",    "159357456",    "19871987",     "1q2w3e4r",   "1q2w3e4r5t",
      "1q2w3e4r5t6y",  "1qaz2wsx",     "1qaz2wsx3edc", "1qazxsw2",     "20202020",   "22222222",
      "33333333",      "44444444",     "55555555",     "66666666",     "77777777",   "87654321",
      "88888888",      "987654321",    "9876543210",   "98765432",     "99999999",   "a1234567",
      "a12345678",     "a123456789",   "aa123456",     "aaaaaaaa",     "abc12345",   "abcd1234",
      "abcdefgh",      "abcdefg1",     "abcdefghi",    "access14",     "admin123",   "admin1234",
      "administrator", "adminadmin",   "alexander",    "asdasdasd",    "asdf1234",   "asdfasdf",
      "asdfghjk",      "asdfghjkl",    "asdfqwer",     "babygirl",     "baseball",   "basketball",
      "butterfly",     "california",   "changeme",     "charlie1",     "chocolate",  "computer",
      "corvette",      "dkssudgktpdy", "dragon123",    "elephant",     "estrella",   "facebook",
      "football",      "football1",    "freedom1",     "gksrnrdj",     "hello123",   "iloveyou",
      "iloveyou1",     "internet",     "jennifer",     "jonathan",     "letmein1",   "liverpool",
      "lovelove",      "madang123",    "madangmadang", "manchester",   "marlboro",   "maverick",
      "mercedes",      "michael1",     "michelle",     "midnight",     "minecraft",  "mustang1",
      "myspace1",      "nicholas",     "nintendo",     "passw0rd",     "password",   "password!",
      "password1",     "password12",   "password123",  "password1234", "patricia",   "pokemon1",
      "portugal",      "princess",     "princess1",    "q1w2e3r4",     "q1w2e3r4t5", "qazwsxedc",
      "qkrwlsdn",      "qlalfqjsgh",   "qwaszx12",     "qwe123qwe",    "qwer1234",   "qwerasdf",
      "qwerqwer",      "qwert123",     "qwert12345",   "qwerty12",     "qwerty123",  "qwerty1234",
      "qwertyui",      "qwertyuiop",   "rainbow1",     "samantha",     "secret123",  "starwars",
      "starwars1",     "sunshine",     "sunshine1",    "superman",     "superman1",  "tkfkdgo",
      "tkfkdgody",     "trustno1",     "trustno1!",    "victoria",     "welcome1",   "welcome123",
      "whatever",      "william1",     "xxxxxxxx",     "zaq12wsx",     "zaq1zaq1",   "zxcvbnm1",
      "zxcvbnm123"};
  const std::string folded = fold_case(password);
  return std::ranges::find(common, folded) != common.end();
}

}  // namespace madang::identity
