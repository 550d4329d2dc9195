// Whose a picture is, what uses it, and when it goes.
#include "modules/media/media_fixture.hpp"

namespace madang::media {
namespace {

TEST_F(MediaTest, ClaimsAreOwnReadyAndOnce) {
  const Id mine = ready(7), other = ready(8), avatar = ready(7, {}, "avatar");
  const Id waiting = uploaded(7, picture(".png"));
  EXPECT_EQ(claim_code(7, {mine, other}, Purpose::post, 100), "media_not_yours");
  EXPECT_EQ(claim_code(7, {mine, 12345}, Purpose::post, 100), "media_not_yours");
  EXPECT_EQ(claim_code(7, {mine, waiting}, Purpose::post, 100), "media_not_ready");
  EXPECT_EQ(claim_code(7, {mine, avatar}, Purpose::post, 100), "media_not_ready");
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 100), "ok") << "failed claims had changed nothing";
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 101), "media_not_ready");
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 100), "ok");
  EXPECT_EQ(claim_code(7, {avatar}, Purpose::avatar, 7), "ok");
  EXPECT_EQ(claim_code(7, {}, Purpose::post, 100), "ok");
}

TEST_F(MediaTest, RacingClaimsHaveOneWinner) {
  const Id id = ready(7);
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> threads;
    for (Id user = 100; user < 108; ++user)
      threads.emplace_back(
          [&, user] { winners += claim_code(7, {id}, Purpose::post, user) == "ok"; });
  }
  EXPECT_EQ(winners, 1);
}

TEST_F(MediaTest, ViewsAreOneStatement) {
  std::vector<Id> ids{ready(7), ready(7), ready(7), 999};
  ids.push_back(uploaded(7, picture(".png")));
  const auto counted = *db_->read_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
    views(tx, ids);
    return tx.statements();
  });
  EXPECT_EQ(counted, 1);
  const auto seen = views_of(ids);
  ASSERT_EQ(seen.size(), 3u);
  const View& view = seen.at(ids[0]);
  EXPECT_EQ(view.width, 40);
  EXPECT_TRUE(view.url.ends_with("/w40.jpg")) << view.url;
  EXPECT_EQ(view.variants.size(), 2u);
}

TEST_F(MediaTest, ReleasedPicturesGoWithTheirObjects) {
  const Id id = ready(7), kept = ready(7);
  const std::string url = views_of({id}).at(id).url;
  EXPECT_EQ(claim_code(7, {id}, Purpose::post, 100), "ok");
  EXPECT_EQ(claim_code(7, {kept}, Purpose::post, 101), "ok");
  (void)write([&](db::Transaction& tx) -> Result<void> {
    release(tx, 100, clock_.now());
    return {};
  });
  EXPECT_TRUE(views_of({id}).empty());
  service_->sweep();
  EXPECT_EQ(ask("GET", url, "").status, 404u);
  EXPECT_EQ(ask("GET", views_of({kept}).at(kept).url, "").status, 200u);
  EXPECT_EQ(files_in("media"), 2u);
  EXPECT_EQ(files_in("originals"), 1u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(id), 7).status, 404u);
  service_->sweep();
}

TEST_F(MediaTest, ANewAvatarReplacesTheOldOne) {
  const Id first = ready(7, {}, "avatar"), second = ready(7, {}, "avatar");
  const auto set = [&](Id id) {
    return write([&](db::Transaction& tx) -> Result<void> {
      auto claimed = claim(tx, 7, std::span(&id, 1), Purpose::avatar, 7, clock_.now());
      if (claimed) release_others(tx, 7, id, clock_.now());
      return claimed;
    });
  };
  ASSERT_TRUE(set(first));
  ASSERT_TRUE(set(second));
  ASSERT_TRUE(set(second)) << "again";
  EXPECT_TRUE(views_of({first}).empty());
  EXPECT_TRUE(views_of({second}).at(second).url.ends_with("/s20.jpg"));
}

TEST_F(MediaTest, WhatNobodyUsesGoesAfterADay) {
  const Id used = ready(7), unused = ready(7), waiting = uploaded(7, picture(".png"));
  EXPECT_EQ(claim_code(7, {used}, Purpose::post, 100), "ok");
  clock_.advance(23h);
  service_->sweep();
  EXPECT_EQ(call("GET", "/media/" + std::to_string(unused), 7).status, 200u);
  clock_.advance(2h);
  const Id young = ready(7);
  service_->sweep();
  EXPECT_EQ(call("GET", "/media/" + std::to_string(used), 7).status, 200u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(young), 7).status, 200u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(unused), 7).status, 404u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(waiting), 7).status, 404u);
  EXPECT_EQ(files_in("incoming"), 0u);
  EXPECT_EQ(files_in("media"), 4u);
}

TEST_F(MediaTest, ErasureLeavesNothing) {
  const Id mine = ready(7), others = ready(8);
  uploaded(7, picture(".png"));
  EXPECT_EQ(claim_code(7, {mine}, Purpose::post, 100), "ok");
  const auto erase_some = [&] {
    return *write(
        [&](db::Transaction& tx) -> Result<bool> { return erase(tx, 7, 1, clock_.now()); });
  };
  EXPECT_FALSE(erase_some());
  EXPECT_FALSE(erase_some());
  service_->sweep();
  EXPECT_TRUE(erase_some());
  EXPECT_EQ(files_in("incoming"), 0u);
  EXPECT_EQ(files_in("originals"), 1u);
  EXPECT_EQ(call("GET", "/media/" + std::to_string(others), 8).status, 200u);
}

TEST_F(MediaTest, PrivatePicturesHaveOnlySignedUrls) {
  const Id id = ready(7, {}, "selfie");
  const Answer answer = call("GET", "/media/" + std::to_string(id), 7);
  const std::string url = text(answer, "url");
  ASSERT_TRUE(url.starts_with("http://" + host_ + "/objects/madang/private/")) << url;
  const std::string path = url.substr(("http://" + host_).size());
  EXPECT_EQ(ask("GET", path, "").status, 200u);
  EXPECT_EQ(ask("GET", path.substr(0, path.find('?')), "").status, 403u);
  const std::string folder = path.substr(path.find("/private/") + 9);
  EXPECT_EQ(ask("GET", "/media/" + folder.substr(0, folder.find('?')), "").status, 404u);
  EXPECT_EQ(claim_code(7, {id}, Purpose::selfie, 100), "ok");
  EXPECT_EQ(call("GET", "/media/" + std::to_string(id), 8).status, 404u);
  EXPECT_TRUE(views_of({id}).empty());
  clock_.advance(601s);
  EXPECT_EQ(ask("GET", path, "").status, 403u);
}

TEST_F(MediaTest, OriginalsAndOddNamesAreNotServed) {
  const Id id = ready(7);
  const std::string url = views_of({id}).at(id).url;
  const std::string folder = url.substr(7, url.rfind('/') - 7);
  const std::vector<std::string> paths{"/media/" + folder + "/original",
                                       "/media/..%2foriginals/" + folder,
                                       "/media/%2e%2e/" + folder,
                                       "/media/" + folder + "/w40.jpg%00",
                                       "/media/" + folder + "/..%2f..%2foriginals%2f" + folder,
                                       "/media/x/y"};
  for (const std::string& path : paths) EXPECT_EQ(ask("GET", path, "").status, 404u) << path;
}

}  // namespace
}  // namespace madang::media
