// From the announced upload to the served picture, and everything that is refused on the way.
#include "modules/media/media_fixture.hpp"

namespace madang::media {
namespace {

TEST_F(MediaTest, FromTicketToServedPicture) {
  const std::string image = picture(".png");
  const Answer ticket = open(7, image.size());
  ASSERT_EQ(ticket.status, 201u) << ticket.body;
  EXPECT_THAT(ticket.body, HasSubstr(R"("method":"PUT")"));
  EXPECT_THAT(ticket.body, HasSubstr(R"("headers":{"Content-Type":"image/png"})"));
  EXPECT_THAT(ticket.body, HasSubstr(R"("expires_at":"2026-11-21T10:10:00.000Z")"));
  const Id id = id_of(ticket);
  const std::string path = "/media/" + std::to_string(id);
  EXPECT_EQ(text(call("GET", path, 7), "state"), "waiting");
  const Answer early = complete(7, id);
  EXPECT_EQ(early.status, 422u);
  EXPECT_EQ(text(early, "code"), "not_uploaded");
  ASSERT_EQ(put(ticket, image).status, 200u);
  const Answer done = finished(7, id);
  ASSERT_EQ(done.status, 200u) << done.body;
  EXPECT_EQ(text(done, "state"), "ready");
  EXPECT_EQ(json_of(done).at("width").as_int64(), 800);
  EXPECT_EQ(json_of(done).at("height").as_int64(), 400);
  EXPECT_EQ(json_of(done).at("variants").as_array().size(), 6u);
  EXPECT_EQ(call("GET", path, 7).body, done.body);
  const Answer served = ask("GET", text(done, "url"), "");
  EXPECT_EQ(served.status, 200u);
  EXPECT_TRUE(served.body.starts_with("\xff\xd8\xff"));
  EXPECT_THAT(served.head, HasSubstr("Content-Type: image/jpeg\r\n"));
  EXPECT_THAT(served.head, HasSubstr("Cache-Control: public, max-age=31536000, immutable\r\n"));
  EXPECT_THAT(served.head, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(served.head, HasSubstr("Content-Security-Policy: sandbox; default-src 'none'\r\n"));
  const auto etag = served.head.substr(served.head.find("ETag: ") + 6, 34);
  EXPECT_EQ(ask("GET", text(done, "url"), "If-None-Match: " + etag + "\r\n").status, 304u);
  EXPECT_EQ(files_in("incoming"), 0u) << "what was copied is gone from where it can be overwritten";
}

TEST_F(MediaTest, CompletingAgainIsTheSameAnswer) {
  const Id id = uploaded(7, picture(".jpg"), "image/jpeg");
  const Answer first = finished(7, id);
  EXPECT_EQ(first.status, 200u);
  EXPECT_EQ(finished(7, id).body, first.body);
}

TEST_F(MediaTest, AnotherUploadAfterCompletionChangesNothing) {
  const std::string image = picture(".png");
  const Answer ticket = open(7, image.size());
  ASSERT_EQ(put(ticket, image).status, 200u);
  const Answer done = finished(7, id_of(ticket));
  const std::string before = ask("GET", text(done, "url"), "").body;
  std::string other = image;
  other.back() ^= 1;
  EXPECT_EQ(put(ticket, other).status, 200u) << "the URL is valid until it expires";
  EXPECT_EQ(finished(7, id_of(ticket)).body, done.body);
  EXPECT_EQ(ask("GET", text(done, "url"), "").body, before);
}

TEST_F(MediaTest, OthersDoNotSeeItUntilItIsUsed) {
  const Id id = ready(7);
  const std::string path = "/media/" + std::to_string(id);
  EXPECT_EQ(call("GET", path, 8).status, 404u);
  EXPECT_EQ(complete(8, id).status, 404u);
  EXPECT_EQ(claim_code(7, {id}, Purpose::post, 100), "ok");
  EXPECT_EQ(call("GET", path, 8).status, 200u);
  EXPECT_EQ(complete(8, id).status, 404u);
  EXPECT_EQ(ask("GET", "/api/v1" + path, "").status, 401u);
  EXPECT_EQ(call("GET", "/media/999", 7).status, 404u);
}

TEST_F(MediaTest, BadAnnouncementsAreRefused) {
  for (const std::string_view type :
       {"image/gif", "image/svg+xml", "text/html", "", "image/png\\n"})
    EXPECT_EQ(open(7, 100, type).status, 422u) << type;
  EXPECT_EQ(open(7, 0).status, 422u);
  EXPECT_EQ(open(7, (10u << 20) + 1).status, 422u);
  EXPECT_EQ(open(7, 10u << 20).status, 201u);
  EXPECT_EQ(open(7, 100, "image/png", "nonsense").status, 422u);
  EXPECT_EQ(call("POST", "/media", 7, "{}").status, 422u);
}

TEST_F(MediaTest, WhatIsNoPictureIsRefusedByName) {
  const std::string html = "<!doctype html><script>alert(1)</script>";
  Id id = uploaded(7, html);
  Answer answer = finished(7, id);
  EXPECT_EQ(answer.status, 422u);
  EXPECT_EQ(text(answer, "code"), "not_an_image");
  answer = call("GET", "/media/" + std::to_string(id), 7);
  EXPECT_EQ(text(answer, "state"), "refused");
  EXPECT_EQ(text(answer, "reason"), "not_an_image");
  id = uploaded(7, picture(".jpg"), "image/png");  // not what it claims
  EXPECT_EQ(text(finished(7, id), "code"), "not_an_image");
  id = uploaded(7, picture(".png").substr(0, 400));
  EXPECT_EQ(text(finished(7, id), "code"), "not_an_image");
  EXPECT_EQ(text(call("GET", "/media/" + std::to_string(id), 7), "reason"), "damaged");
  id = uploaded(7, picture(".png", 12'001, 2));
  EXPECT_EQ(text(finished(7, id), "code"), "too_large");
  EXPECT_EQ(claim_code(7, {id}, Purpose::post, 100), "media_not_ready");
  EXPECT_EQ(files_in("originals"), 0u);
  EXPECT_EQ(files_in("incoming"), 0u);
}

TEST_F(MediaTest, OpenUploadsAreBounded) {
  stop();
  ServiceOptions options;
  options.max_uploading = 3;
  start(options);
  Answer last;
  for (int i = 0; i < 3; ++i) EXPECT_EQ((last = open(7, 100)).status, 201u);
  const Answer refused = open(7, 100);
  EXPECT_EQ(refused.status, 429u);
  EXPECT_EQ(text(refused, "code"), "too_many_uploads");
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: "));
  EXPECT_EQ(open(8, 100).status, 201u);
}

TEST_F(MediaTest, ARepeatedKeyGivesTheSameTicket) {
  const Answer first = open(7, 100, "image/png", "post", "Idempotency-Key: \"one\"\r\n");
  const Answer again = open(7, 100, "image/png", "post", "Idempotency-Key: \"one\"\r\n");
  EXPECT_EQ(first.status, 201u);
  EXPECT_EQ(again.status, 201u);
  EXPECT_EQ(first.body, again.body);
}

}  // namespace
}  // namespace madang::media
