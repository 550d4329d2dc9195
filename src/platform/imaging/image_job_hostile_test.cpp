// What becomes of bombs, lies and damage; and the worker process, which this program plays itself.
#include <unistd.h>

#include "../../../tests/support/uninstrumented_libraries.hpp"
#include "platform/imaging/image_job_fixture.hpp"

namespace madang::imaging {
namespace {

TEST_F(ImageJob, BombsAndLiesAreRefusedByTheirHeaders) {
  EXPECT_EQ(code(png_bomb(30'000, 30'000)), "too_large");
  EXPECT_EQ(code(png_claiming(60'000, 60'000)), "too_large");
  EXPECT_EQ(code(png_claiming(0xffffffff, 0xffffffff)), "damaged");
  EXPECT_EQ(code(png_claiming(12'001, 10)), "too_large");
  EXPECT_EQ(code(png_claiming(10, 12'001)), "too_large");
  EXPECT_EQ(code(png_claiming(10'000, 5'001)), "too_large");
  EXPECT_EQ(code(jpeg_claiming(65'000, 65'000)), "too_large");
  EXPECT_EQ(code(png_claiming(9'000, 5'000)), "damaged") << "within bounds, and nothing behind it";
  // A JPEG that ends properly too early is filled with grey by every decoder.
  EXPECT_EQ(code(jpeg_claiming(9'000, 5'000)), "ok");
  EXPECT_EQ(code(png_claiming(0, 10)), "damaged");
  Bytes padded = jpeg(100, 100);
  padded.resize(max_encoded + 1);
  EXPECT_EQ(code(padded), "too_large");
}

TEST_F(ImageJob, TruncatedPicturesAreDamaged) {
  for (const Bytes& whole : {jpeg(900, 700), png(900, 700), webp(900, 700)}) {
    ASSERT_EQ(code(whole), "ok");
    for (const double part : {0.02, 0.3, 0.6, 0.9}) {
      const auto keep =
          std::max<std::size_t>(20, static_cast<std::size_t>(double(whole.size()) * part));
      EXPECT_EQ(code(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(keep))),
                "damaged")
          << int(whole[0]) << " " << part;
    }
  }
}

TEST_F(ImageJob, OtherFilesAreNoImages) {
  Bytes svg, html, empty, junk(5000, std::byte{0x5a}), gif, almost;
  put(svg, "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
  put(html, "<!doctype html><script>alert(1)</script>");
  put(gif, "GIF89a");
  gif.resize(100);
  put(almost, "RIFF....WEBP");
  for (const Bytes& file : {svg, html, empty, junk, gif, almost})
    EXPECT_EQ(code(file), "not_an_image");
  Bytes named_so;
  put(named_so, "\xff\xd8\xff and then nothing like it");
  EXPECT_EQ(code(named_so), "damaged");
}

TEST_F(ImageJob, WhatHangsOnAPolyglotIsNotServed) {
  Bytes polyglot = jpeg(400, 300);
  put(polyglot, "<script>alert('still here')</script>");
  const auto image = process(polyglot);
  ASSERT_TRUE(image);
  for (const Variant& variant : image->variants)
    EXPECT_FALSE(as_text(variant.bytes).contains("script"));
}

TEST_F(ImageJob, NoDamageAnywhereInAFileBreaksIt) {
  for (const Bytes& whole : {jpeg(300, 200), png(300, 200), webp(300, 200)}) {
    for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 150) {
      Bytes changed = whole;
      changed[at] ^= std::byte{0xff};
      const std::string outcome = code(changed);
      EXPECT_TRUE(outcome == "ok" || outcome == "damaged" || outcome == "not_an_image" ||
                  outcome == "too_large")
          << outcome << " at " << at;
    }
  }
}

TEST_F(ImageJob, AnswersOfAWorkerAreChecked) {
  const ProcessedImage good{.format = Format::jpeg,
                            .width = 10,
                            .height = 10,
                            .colour = 1,
                            .variants = {{"w10", Format::webp, 10, 10, webp(10, 10)}}};
  const Bytes answer = make_answer(good);
  ASSERT_TRUE(parse_answer(answer));
  for (std::size_t cut = 0; cut < answer.size(); ++cut)
    EXPECT_FALSE(parse_answer(BytesView(answer).first(cut)));
  ProcessedImage bad = good;
  bad.variants[0].name = "../x";
  EXPECT_FALSE(parse_answer(make_answer(bad)));
  bad = good;
  bad.variants[0].width = -1;
  EXPECT_FALSE(parse_answer(make_answer(bad)));
  bad = good;
  put(bad.variants[0].bytes = {}, "<script>");
  EXPECT_FALSE(parse_answer(make_answer(bad)));
  bad = good;
  bad.variants.clear();
  EXPECT_FALSE(parse_answer(make_answer(bad)));
}

TEST_F(ImageJob, RunsInAWorkerProcessWithItsDoorsClosed) {
  metrics::Registry registry;
  workers::WorkerPool pool({.name = "image"}, registry);
  for (const Bytes& original : {jpeg(3000, 2000), png(3000, 2000), webp(3000, 2000)}) {
    const auto answer = pool.run_blocking(Deadline::after(60s), std::string(image_function),
                                          make_request(Shape::widths, original), image_limits());
    ASSERT_TRUE(answer) << answer.error().code << " " << answer.error().detail;
    const auto image = parse_answer(*answer);
    ASSERT_TRUE(image);
    EXPECT_EQ(image->variants.size(), 8u);
  }
  const auto refused = pool.run_blocking(Deadline::after(60s), std::string(image_function),
                                         make_request(Shape::widths, Bytes(100)), image_limits());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "not_an_image");
  EXPECT_EQ(refused.error().kind, Kind::invalid);
}

}  // namespace
}  // namespace madang::imaging

int main(int argc, char** argv) {
  using namespace madang;
  if (argc > 1 && std::string_view(argv[1]) == "worker")
    return workers::serve_jobs(3, {{std::string(imaging::image_function), imaging::process_image}},
                               imaging::prepare_imaging);
  testing::InitGoogleTest(&argc, argv);
  imaging::prepare_imaging();
  return RUN_ALL_TESTS();
}
