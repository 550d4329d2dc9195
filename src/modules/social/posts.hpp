// Posts and likes: routes and rules.
#pragma once

#include <functional>

#include "modules/social/context.hpp"
#include "platform/http/written_page.hpp"

namespace madang::social {

class Posts {
 public:
  using PostPage = http::WrittenPage<Post>;

  /// `on_created`: after the commit and before the answer; puts the post into its author's own
  /// feed.
  Posts(Context context, std::function<Task<>(Id post, Id author, Time created_at)> on_created)
      : context_(context), on_created_(std::move(on_created)) {}
  void mount(http::Api& api);

 private:
  Task<Result<Post>> create(http::Call& call, CreatePost in);
  Task<Result<json::Written<Post>>> get(http::Call& call);
  Task<Result<Post>> edit(http::Call& call, EditPost in);
  Task<Result<http::Nothing>> remove(http::Call& call);
  Task<Result<LikeState>> like(http::Call& call);
  Task<Result<LikeState>> unlike(http::Call& call);
  Task<Result<PostPage>> of_user(http::Call& call, http::PageQuery query);
  Task<Result<PostPage>> liked_by_me(http::Call& call, http::PageQuery query);

  Task<Result<LikeState>> set_like(http::Call& call, bool wanted);

  Context context_;
  std::function<Task<>(Id, Id, Time)> on_created_;
};

}  // namespace madang::social
