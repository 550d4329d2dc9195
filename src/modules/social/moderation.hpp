// Reports and the admins' queue: hide and show again.
#pragma once

#include "modules/social/context.hpp"

namespace madang::social {

class Moderation {
 public:
  explicit Moderation(Context context) : context_(context) {}
  void mount(http::Api& api);

 private:
  Task<Result<ReportReceived>> report(http::Call& call, WriteReport in);
  Task<Result<http::Page<Report>>> list(http::Call& call, ReportsQuery query);
  Task<Result<Report>> resolve(http::Call& call, ResolveReport in);

  Context context_;
};

}  // namespace madang::social
