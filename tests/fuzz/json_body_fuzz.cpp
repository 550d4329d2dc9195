// Request bodies and query strings of the real routes: whatever comes in is decoded or refused with
// fields, and what was decoded obeys the rules and survives being written again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.hpp"
#include "modules/identity/types.hpp"
#include "modules/social/types.hpp"

namespace {

using namespace madang;

void require(bool holds) {
  if (!holds) std::abort();
}

template <class T>
void decode(std::string_view text) {
  const auto value = json::from_json<T>(text);
  if (value) return;
  require(value.error().code == "malformed_json" || !value.error().errors.empty());
}

template <class T>
void query(std::string_view text) {
  const auto value = http::read_query<T>(text);
  if (!value) require(!value.error().errors.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  decode<identity::SignUp>(text);
  decode<identity::EditMe>(text);
  decode<identity::ChangePassword>(text);
  decode<social::WriteReport>(text);
  query<http::PageQuery>(text);
  query<social::FeedQueryParameters>(text);
  query<social::PeopleQuery>(text);
  const auto post = json::from_json<social::CreatePost>(text);
  if (!post) return 0;
  require(is_utf8(post->text.value) && code_points(post->text.value) <= 1000);
  require(!post->media || post->media->items.size() <= 10);
  const auto again = json::from_json<social::CreatePost>(json::to_json(*post));
  require(again && again->text.value == post->text.value);
  return 0;
}
