#include "modules/media/processor.hpp"

#include <exception>

#include "platform/log/log.hpp"

namespace madang::media {

namespace {

/// A picture that ends its worker or the server so often is not tried again.
constexpr int max_attempts = 4;

std::string file_name(const imaging::Variant& variant) {
  return variant.name + (variant.format == imaging::Format::webp ? ".webp" : ".jpg");
}

bool is_verdict(const Problem& problem) {
  return problem.code == "not_an_image" || problem.code == "too_large" || problem.code == "damaged";
}

/// The worker died of it, or took too long or too much: perhaps the picture, perhaps the machine.
bool is_worker_failure(const Problem& problem) {
  return problem.code.starts_with("worker_");
}

/// Counts bytes while they are in memory.
class Held {
 public:
  Held(metrics::Gauge* gauge, std::size_t bytes)
      : gauge_(gauge), bytes_(static_cast<double>(bytes)) {
    if (gauge_ != nullptr) gauge_->Increment(bytes_);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (gauge_ != nullptr) gauge_->Decrement(bytes_);
  }

 private:
  metrics::Gauge* gauge_;
  double bytes_;
};

}  // namespace

Processor::Processor(ProcessorOptions options, db::Database& db, objects::ObjectStore& store,
                     workers::WorkerPool& pool, const Clock& clock)
    : options_(options), db_(db), store_(store), pool_(pool), clock_(clock) {}

Processor::~Processor() {
  stop();
}

void Processor::export_metrics(metrics::Registry& registry) {
  waiting_ = &registry.gauge("madang_media_waiting", "Pictures that wait to be worked on");
  held_bytes_ =
      &registry.gauge("madang_media_held_bytes", "Originals in memory while they are worked on");
}

void Processor::start() {
  if (options_.alone) take_up(clock_.now() + std::chrono::hours(1));
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { serve(); });
}

void Processor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  threads_.clear();
}

void Processor::enqueue_locked(Id id) {
  if (stopping_ || queue_.size() >= options_.queue || !known_.insert(id).second) return;
  queue_.push_back(id);
  if (waiting_ != nullptr) waiting_->Set(static_cast<double>(queue_.size()));
  wake_.notify_one();
}

void Processor::enqueue(Id id) {
  const std::lock_guard lock(mutex_);
  enqueue_locked(id);
}

std::shared_ptr<Notice> Processor::enqueue_with_notice(Id id, asio::any_io_executor executor) {
  auto notice = std::make_shared<Notice>(std::move(executor));
  const std::lock_guard lock(mutex_);
  enqueue_locked(id);
  if (known_.contains(id))
    notices_.emplace(id, notice);
  else
    notice->done();
  return notice;
}

void Processor::take_up(Time before) {
  const auto stale = db_.read_blocking([&](db::Transaction& tx) -> Result<std::vector<Id>> {
    return stale_processing(tx, before, 1000);
  });
  if (!stale) return;
  for (const Id id : *stale) enqueue(id);
}

void Processor::serve() {
  for (;;) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const Id id = queue_.front();
    queue_.pop_front();
    if (waiting_ != nullptr) waiting_->Set(static_cast<double>(queue_.size()));
    lock.unlock();
    try {
      process(id);
    } catch (const std::exception& error) {
      log::error("media", "processing_failed",
                 {{"media", id}, {"error", std::string_view(error.what())}});
    }
    lock.lock();
    known_.erase(id);
    const auto [first, last] = notices_.equal_range(id);
    for (auto at = first; at != last; ++at) at->second->done();
    notices_.erase(first, last);
  }
}

void Processor::process(Id id) {
  for (;;) {
    auto row = db_.write_blocking([&](db::Transaction& tx) -> Result<std::optional<Row>> {
      return attempt(tx, id, clock_.now());
    });
    if (!row || !*row) return;
    if ((*row)->attempts > max_attempts) return refuse_picture(**row, "damaged");
    const Result<void> done = process_row(**row);
    if (done) return;
    const Problem& problem = done.error();
    if (is_verdict(problem)) return refuse_picture(**row, problem.code);
    log::warn(
        "media", "processing_failed",
        {{"media", id}, {"code", problem.code}, {"detail", std::string_view(problem.detail)}});
    if (is_worker_failure(problem)) continue;
    // A full disk, a stopping pool: later.
    (void)db_.write_blocking([id](db::Transaction& tx) -> Result<void> {
      give_back_attempt(tx, id);
      return {};
    });
    return;
  }
}

Result<void> Processor::process_row(Row row) {
  auto original = load_original(row);
  if (!original) return fail(std::move(original.error()));
  const Held held(held_bytes_, original->bytes.size());
  auto image = run_worker(row, *original);
  if (!image) return fail(std::move(image.error()));
  if (auto stored = store_variants(row, *image); !stored) return stored;
  finish(row);
  return {};
}

/// What was uploaded, under the name that no upload can reach.
Result<objects::Object> Processor::load_original(const Row& row) {
  const std::string key = original_key(row);
  auto info = store_.head(key);
  if (!info && info.error().code == "no_such_object") info = store_.copy(incoming_key(row), key);
  if (!info && info.error().code == "no_such_object")
    return fail(Kind::invalid, "damaged", "The upload is gone.");
  if (!info) return fail(std::move(info.error()));
  // The signature bound both; a store of another make might not.
  if (info->size != static_cast<std::uint64_t>(row.bytes) || info->content_type != row.content_type)
    return fail(Kind::invalid, "not_an_image", "This is not what was announced.");
  return store_.get(key, static_cast<std::uint64_t>(row.bytes));
}

Result<imaging::ProcessedImage> Processor::run_worker(const Row& row,
                                                      const objects::Object& original) {
  const auto shape =
      row.purpose == Purpose::avatar ? imaging::Shape::square : imaging::Shape::widths;
  auto answer =
      pool_.run_blocking(Deadline::after(options_.patience), std::string(imaging::image_function),
                         imaging::make_request(shape, original.bytes), options_.limits);
  if (!answer) return fail(std::move(answer.error()));
  auto image = imaging::parse_answer(*answer);
  if (!image) return fail(Kind::internal, "worker_failed", "The worker's answer makes no sense.");
  if (imaging::content_type(image->format) != row.content_type)
    return fail(Kind::invalid, "not_an_image", "The picture is of another type than announced.");
  return std::move(*image);
}

Result<void> Processor::store_variants(Row& row, const imaging::ProcessedImage& image) {
  row.colour = image.colour;
  row.variants.clear();
  for (const imaging::Variant& variant : image.variants) {
    const std::string type(imaging::content_type(variant.format));
    row.variants.push_back({file_name(variant), variant.width, variant.height, type});
    auto put = store_.put(variant_key(row, row.variants.back().file), type, variant.bytes);
    if (!put) return fail(std::move(put.error()));
  }
  return {};
}

void Processor::finish(const Row& row) {
  const auto wanted = db_.write_blocking([&](db::Transaction& tx) -> Result<bool> {
    return make_ready(tx, row, clock_.now()) || find(tx, row.id);
  });
  if (!wanted) return;  // stays `processing`, is taken up again
  // Released meanwhile (the account is being erased): nobody else knows these names. When another
  // instance was faster it has made the same of the same.
  if (!*wanted)
    (void)remove_objects(store_, row);
  else
    (void)store_.remove(incoming_key(row));
}

void Processor::refuse_picture(const Row& row, std::string_view reason) {
  const auto refused = db_.write_blocking([&](db::Transaction& tx) -> Result<bool> {
    return refuse(tx, row.id, reason, clock_.now());
  });
  if (!refused || !*refused) return;
  (void)store_.remove(original_key(row));
  (void)store_.remove(incoming_key(row));
}

Result<void> remove_objects(objects::ObjectStore& store, const Row& row) {
  for (const StoredVariant& variant : row.variants)
    if (auto removed = store.remove(variant_key(row, variant.file)); !removed) return removed;
  if (auto removed = store.remove(original_key(row)); !removed) return removed;
  return store.remove(incoming_key(row));
}

}  // namespace madang::media
