#include "app/seed/gallery.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <thread>

#include "app/seed/scenes.hpp"
#include "platform/imaging/image_job.hpp"

namespace madang::app::seed {

namespace {

class NoProgress final : public workers::Progress {
 public:
  void report(double, std::string_view) override {}
};

imaging::ProcessedImage process(const Drawing& drawing) {
  const auto shape = drawing.kind == Kind::avatar ? imaging::Shape::square : imaging::Shape::widths;
  NoProgress progress;
  const auto answer =
      imaging::process_image(imaging::make_request(shape, draw(drawing).to_png()), progress);
  if (!answer) throw std::runtime_error("a drawing cannot be encoded: " + answer.error().detail);
  auto image = imaging::parse_answer(*answer);
  if (!image) throw std::runtime_error("a drawing cannot be encoded");
  return std::move(*image);
}

void check(const Result<objects::ObjectInfo>& stored) {
  if (!stored) throw std::runtime_error("a picture cannot be stored: " + stored.error().detail);
}

/// Works through the drawings with more threads than processors: most of the time one waits for
/// the disk.
class Gallery {
 public:
  Gallery(objects::ObjectStore& store, const Town& town, std::span<const Id> ids,
          std::span<const Id> owners)
      : store_(store), town_(town), users_(town.drawings.size()), rows_(town.pictures.size()) {
    for (std::size_t i = 0; i < town.pictures.size(); ++i) {
      const Picture& picture = town.pictures[i];
      users_[picture.drawing].push_back(i);
      rows_[i].id = ids[i];
      rows_[i].owner = owners[picture.owner];
      rows_[i].token = picture.token;
      rows_[i].purpose = picture.post ? media::Purpose::post : media::Purpose::avatar;
    }
  }

  std::vector<media::Row> run() {
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < thread_count; ++i) threads.emplace_back([this] { work(); });
    }
    if (!failure_.empty()) throw std::runtime_error(failure_);
    return std::move(rows_);
  }

 private:
  static constexpr int thread_count = 8;

  void work() {
    try {
      for (std::size_t i = next_++; i < town_.drawings.size() && !stopped_; i = next_++)
        if (!users_[i].empty()) publish(i);
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      failure_ = error.what();
      stopped_ = true;
    }
  }

  void publish(std::size_t drawing) {
    processors_.acquire();
    imaging::ProcessedImage image;
    try {
      image = process(town_.drawings[drawing]);
    } catch (...) {
      processors_.release();
      throw;
    }
    processors_.release();
    const std::vector<std::size_t>& users = users_[drawing];
    media::Row& first = rows_[users.front()];
    upload(first, image);
    for (std::size_t i = 1; i < users.size(); ++i) copy(first, rows_[users[i]]);
  }

  /// As the processor of uploads leaves it; the original is the largest JPEG, as a camera would
  /// have made it.
  void upload(media::Row& row, const imaging::ProcessedImage& image) {
    row.colour = image.colour;
    for (const imaging::Variant& variant : image.variants) {
      const std::string type(imaging::content_type(variant.format));
      const char* ending = variant.format == imaging::Format::webp ? ".webp" : ".jpg";
      row.variants.push_back({variant.name + ending, variant.width, variant.height, type});
      const media::StoredVariant& stored = row.variants.back();
      check(store_.put(media::variant_key(row, stored.file), type, variant.bytes));
      if (&stored != media::main_variant(row)) continue;
      row.content_type = type;
      row.bytes = static_cast<std::int64_t>(variant.bytes.size());
      check(store_.copy(media::variant_key(row, stored.file), media::original_key(row)));
    }
  }

  void copy(const media::Row& from, media::Row& to) {
    to.colour = from.colour;
    to.variants = from.variants;
    to.content_type = from.content_type;
    to.bytes = from.bytes;
    for (const media::StoredVariant& variant : from.variants)
      check(store_.copy(media::variant_key(from, variant.file),
                        media::variant_key(to, variant.file)));
    check(store_.copy(media::original_key(from), media::original_key(to)));
  }

  objects::ObjectStore& store_;
  const Town& town_;
  std::vector<std::vector<std::size_t>> users_;  // pictures, by drawing
  std::vector<media::Row> rows_;                 // by picture
  std::counting_semaphore<> processors_{
      std::max<std::ptrdiff_t>(1, std::thread::hardware_concurrency())};
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::string failure_;
};

}  // namespace

std::vector<media::Row> store_pictures(objects::ObjectStore& store, const Town& town,
                                       std::span<const Id> ids, std::span<const Id> owners) {
  if (town.pictures.empty()) return {};
  imaging::prepare_imaging();
  return Gallery(store, town, ids, owners).run();
}

}  // namespace madang::app::seed
