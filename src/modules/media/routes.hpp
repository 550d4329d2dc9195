// Media's routes.
#pragma once

#include "modules/media/service.hpp"

namespace madang::media {

class Routes {
 public:
  explicit Routes(Service& service) : service_(service) {}
  void mount(http::Api& api);

 private:
  Task<Result<Ticket>> open(http::Call& call, OpenUpload in);
  Task<Result<MediaState>> complete(http::Call& call);
  Task<Result<MediaState>> get(http::Call& call);
  Task<http::Response> serve(http::Call& call);

  Service& service_;
};

}  // namespace madang::media
