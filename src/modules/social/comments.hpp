// Comments: routes and rules.
#pragma once

#include "modules/social/context.hpp"

namespace madang::social {

class Comments {
 public:
  explicit Comments(Context context) : context_(context) {}
  void mount(http::Api& api);

 private:
  Task<Result<http::Page<Comment>>> list(http::Call& call, http::PageQuery query);
  Task<Result<Comment>> create(http::Call& call, WriteComment in);
  Task<Result<Comment>> edit(http::Call& call, WriteComment in);
  Task<Result<http::Nothing>> remove(http::Call& call);

  Context context_;
};

}  // namespace madang::social
