// A growing read buffer. Views of it live until the next prepare() or release().
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace madang::http {

class ByteBuffer {
 public:
  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::size_t capacity() const { return capacity_; }

  /// Room for at least `least` more bytes.
  std::span<char> prepare(std::size_t least) {
    if (empty()) begin_ = end_ = 0;
    if (capacity_ - end_ < least) make_room(least);
    return {data_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t count) { end_ += count; }
  void consume(std::size_t count) { begin_ += count; }

  /// Gives the memory back; only when empty.
  void release() {
    data_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  void make_room(std::size_t least) {
    const std::size_t held = size();
    if (held + least <= capacity_) {
      std::memmove(data_.get(), data_.get() + begin_, held);
    } else {
      const std::size_t wanted = held + least;
      const std::size_t grown = wanted > 2 * capacity_ ? wanted : 2 * capacity_;
      auto bigger = std::make_unique_for_overwrite<char[]>(grown);
      if (held > 0) std::memcpy(bigger.get(), data_.get() + begin_, held);
      data_ = std::move(bigger);
      capacity_ = grown;
    }
    begin_ = 0;
    end_ = held;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace madang::http
