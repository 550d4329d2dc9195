// Identity's routes.
#pragma once

#include "modules/identity/service.hpp"

namespace madang::identity {

class Routes {
 public:
  Routes(Service& service, std::string public_url)
      : service_(service), public_url_(std::move(public_url)) {}
  void mount(http::Api& api);

 private:
  Task<Result<SignedIn>> sign_up(http::Call& call, SignUp in);
  Task<Result<SignedIn>> sign_in(http::Call& call, SignIn in);
  Task<Result<Sessions>> sessions(http::Call& call);
  Task<Result<http::Nothing>> sign_out(http::Call& call);
  Task<Result<http::Nothing>> revoke(http::Call& call);
  Task<Result<http::Nothing>> change_password(http::Call& call, ChangePassword in);
  Task<Result<Me>> me(http::Call& call);
  Task<Result<Me>> edit(http::Call& call, EditMe in);
  Task<Result<http::Nothing>> withdraw(http::Call& call, ConfirmPassword in);

  void hand_over(http::Call& call, SignedIn& signed_in) const;
  void clear_cookie(http::Call& call) const;

  Service& service_;
  const std::string public_url_;
};

}  // namespace madang::identity
