#include "modules/identity/routes.hpp"

namespace madang::identity {

using http::Access;
using http::Call;
using http::Method;
using http::Nothing;

namespace {

Service::Device device_of(const Call& call) {
  return {std::string(call.request.header("user-agent")), call.request.remote_address};
}

Result<Nothing> nothing(Result<void> result) {
  if (!result) return std::unexpected(std::move(result.error()));
  return Nothing{};
}

}  // namespace

void Routes::mount(http::Api& api) {
  // No Idempotency-Key on these two: an answer with a token is never stored.
  api.add({Method::post,
           "/api/v1/accounts",
           Access::open,
           "Sign up",
           {.status = 201,
            .tag = "identity",
            .idempotent_by_key = false,
            .rate = "sign_up",
            .also = {409}}},
          *this, &Routes::sign_up);
  api.add({Method::post,
           "/api/v1/sessions",
           Access::open,
           "Sign in",
           {.status = 201,
            .tag = "identity",
            .idempotent_by_key = false,
            .rate = "sign_in",
            .also = {401, 403}}},
          *this, &Routes::sign_in);
  api.add({Method::get, "/api/v1/sessions", Access::user, "My devices", {.tag = "identity"}}, *this,
          &Routes::sessions);
  api.add({Method::del, "/api/v1/sessions/current", Access::user, "Sign out", {.tag = "identity"}},
          *this, &Routes::sign_out);
  api.add({Method::del,
           "/api/v1/sessions/{id}",
           Access::user,
           "Sign a device out",
           {.tag = "identity"}},
          *this, &Routes::revoke);
  api.add({Method::post,
           "/api/v1/me/password",
           Access::user,
           "Change my password",
           {.tag = "identity", .idempotent_by_key = false}},
          *this, &Routes::change_password);
  api.add({Method::get, "/api/v1/me", Access::user, "My account", {.tag = "identity"}}, *this,
          &Routes::me);
  api.add({Method::patch,
           "/api/v1/me",
           Access::user,
           "Edit my profile",
           {.tag = "identity", .also = {409}}},
          *this, &Routes::edit);
  api.add({Method::del, "/api/v1/me", Access::user, "Withdraw", {.tag = "identity"}}, *this,
          &Routes::withdraw);
}

/// By cookie when the caller asks so: the token then never reaches a script.
void Routes::hand_over(Call& call, SignedIn& signed_in) const {
  call.headers.emplace_back("Cache-Control", "no-store");
  if (call.request.header("madang-session") != "cookie") return;
  const auto life =
      std::chrono::duration_cast<std::chrono::seconds>(signed_in.expires_at - call.clock.now());
  call.headers.emplace_back("Set-Cookie",
                            http::session_cookie(public_url_, *signed_in.token, life));
  signed_in.token.reset();
}

void Routes::clear_cookie(Call& call) const {
  call.headers.emplace_back("Set-Cookie",
                            http::session_cookie(public_url_, "", std::chrono::seconds(0)));
}

Task<Result<SignedIn>> Routes::sign_up(Call& call, SignUp in) {
  Service::Device device = device_of(call);
  Result<SignedIn> done =
      co_await service_.sign_up(call.deadline(), std::move(in), std::move(device));
  if (done) hand_over(call, *done);
  co_return done;
}

Task<Result<SignedIn>> Routes::sign_in(Call& call, SignIn in) {
  Service::Device device = device_of(call);
  Result<SignedIn> done =
      co_await service_.sign_in(call.deadline(), std::move(in), std::move(device));
  if (done) hand_over(call, *done);
  co_return done;
}

Task<Result<Sessions>> Routes::sessions(Call& call) {
  Result<Sessions> found = co_await service_.sessions(call.deadline(), *call.principal);
  co_return found;
}

Task<Result<Nothing>> Routes::sign_out(Call& call) {
  Result<void> done =
      co_await service_.revoke(call.deadline(), call.account(), call.principal->session);
  clear_cookie(call);
  co_return nothing(std::move(done));
}

Task<Result<Nothing>> Routes::revoke(Call& call) {
  Result<void> done = co_await service_.revoke(call.deadline(), call.account(), call.id());
  co_return nothing(std::move(done));
}

Task<Result<Nothing>> Routes::change_password(Call& call, ChangePassword in) {
  Result<void> done =
      co_await service_.change_password(call.deadline(), *call.principal, std::move(in));
  co_return nothing(std::move(done));
}

Task<Result<Me>> Routes::me(Call& call) {
  Result<Me> found = co_await service_.me(call.deadline(), call.account());
  co_return found;
}

Task<Result<Me>> Routes::edit(Call& call, EditMe in) {
  Result<Me> done = co_await service_.edit(call.deadline(), call.account(), std::move(in));
  co_return done;
}

Task<Result<Nothing>> Routes::withdraw(Call& call, ConfirmPassword in) {
  Result<void> done = co_await service_.withdraw(call.deadline(), call.account(), std::move(in));
  if (done) clear_cookie(call);
  co_return nothing(std::move(done));
}

}  // namespace madang::identity
