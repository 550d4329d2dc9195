// Crashes, hanging workers, many pictures at once; and the workers, which this program plays
// itself.
#include "modules/media/media_fixture.hpp"

#include "../../../tests/support/uninstrumented_libraries.hpp"
#include "platform/workers/worker_main.hpp"

namespace madang::media {
namespace {

TEST_F(MediaTest, WhatWasBeingProcessedAtACrashIsTakenUpAtStart) {
  stop();
  worker_mode_ = "hang";
  ServiceOptions options;
  options.moment = 10ms;
  start(options);
  const Id id = uploaded(7, picture(".png", 40, 20));
  const Answer answer = complete(7, id);
  EXPECT_EQ(answer.status, 202u);
  EXPECT_EQ(text(answer, "state"), "processing");
  EXPECT_EQ(text(call("GET", "/media/" + std::to_string(id), 7), "state"), "processing");
  for (int restarts = 0; restarts < 6; ++restarts) {  // more than tries: a stop is not its fault
    stop();
    start(options);
    EXPECT_EQ(complete(7, id).status, 202u);
  }
  stop();
  worker_mode_ = "image";
  start(options);
  std::string state;
  while ((state = text(call("GET", "/media/" + std::to_string(id), 7), "state")) == "processing")
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(state, "ready");
}

TEST_F(MediaTest, APictureThatKillsItsWorkersIsRefusedInTheEnd) {
  stop();
  worker_mode_ = "crash";
  start();
  const Id id = uploaded(7, picture(".png", 40, 20));
  const Answer answer = finished(7, id);
  EXPECT_EQ(answer.status, 422u) << answer.body;
  EXPECT_EQ(text(call("GET", "/media/" + std::to_string(id), 7), "reason"), "damaged");
}

TEST_F(MediaTest, ManyAtOnceAllArrive) {
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> people;
    for (Id who = 1; who <= 6; ++who)
      people.emplace_back([&, who] {
        for (int i = 0; i < 3; ++i) {
          const std::string image = picture(".png", 60 + static_cast<int>(who), 30 + i);
          const Id id = uploaded(who, image);
          std::jthread twice([&] { (void)complete(who, id); });
          good += finished(who, id).status == 200;
        }
      });
  }
  EXPECT_EQ(good, 18);
}

}  // namespace

Result<imaging::Bytes> hang(imaging::BytesView, workers::Progress&) {
  for (;;) ::pause();
}

Result<imaging::Bytes> crash(imaging::BytesView, workers::Progress&) {
  ::_exit(1);
}

/// The worker this program is when it is started as one.
int play_worker(std::string_view mode) {
  const std::string name(imaging::image_function);
  if (mode == "hang") return workers::serve_jobs(3, {{name, hang}});
  if (mode == "crash") return workers::serve_jobs(3, {{name, crash}});
  return workers::serve_jobs(3, {{name, imaging::process_image}}, imaging::prepare_imaging);
}

}  // namespace madang::media

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "worker") return madang::media::play_worker(argv[2]);
  testing::InitGoogleMock(&argc, argv);
  madang::imaging::prepare_imaging();
  return RUN_ALL_TESTS();
}
