#include "app/seed/canvas.hpp"

#include <array>

namespace madang::app::seed {

namespace {

/// Signed areas, summed from the left: the coverage of a pixel is the sum up to it.
class Accumulator {
 public:
  Accumulator(int width, int height)
      : width_(width),
        height_(height),
        sums_(static_cast<std::size_t>(width + 2) * static_cast<std::size_t>(height)) {}

  void edge(Point a, Point b) {
    if (a.y == b.y) return;
    const double direction = a.y < b.y ? 1 : -1;
    if (a.y > b.y) std::swap(a, b);
    const double slope = (b.x - a.x) / (b.y - a.y);
    double x = a.y < 0 ? a.x - a.y * slope : a.x;
    const int first = static_cast<int>(std::max(a.y, 0.0));
    const int last = static_cast<int>(std::min<double>(height_, std::ceil(b.y)));
    for (int y = first; y < last; ++y) {
      const double rise = std::min<double>(y + 1, b.y) - std::max<double>(y, a.y);
      const double next = x + slope * rise;
      row(y, x, next, direction * rise);
      x = next;
    }
  }

  std::vector<float> take() {
    std::vector<float> out(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_));
    float* to = out.data();
    for (int y = 0; y < height_; ++y) {
      const float* from = &sums_[static_cast<std::size_t>(y) * stride()];
      float sum = 0;
      for (int x = 0; x < width_; ++x) {
        sum += *from++;
        *to++ = std::min(std::abs(sum), 1.0F);
      }
    }
    return out;
  }

 private:
  std::size_t stride() const { return static_cast<std::size_t>(width_) + 2; }

  /// One edge's part in one row, spread over the pixels it crosses.
  void row(int y, double x, double next, double area) {
    const double left = std::clamp(std::min(x, next), 0.0, static_cast<double>(width_));
    const double right = std::clamp(std::max(x, next), 0.0, static_cast<double>(width_));
    float* sums = &sums_[static_cast<std::size_t>(y) * stride()];
    const int first = static_cast<int>(left);
    const int last = static_cast<int>(std::ceil(right));
    if (last <= first + 1) {
      const double middle = (left + right) / 2 - first;
      sums[first] += static_cast<float>(area * (1 - middle));
      sums[first + 1] += static_cast<float>(area * middle);
      return;
    }
    const double scale = 1 / (right - left);
    double before = 0;  // of the area that is to the left of the pixel's right border, summed
    for (int i = first; i < last; ++i) {
      const double from = std::max<double>(i, left);
      const double to = std::min<double>(i + 1, right);
      const double part = (to - from) * scale * area;
      const double middle = (from + to) / 2 - i;
      sums[i] += static_cast<float>(part * (1 - middle));
      sums[i + 1] += static_cast<float>(part * middle);
      before += part;
    }
    sums[last] += static_cast<float>(area - before);
  }

  const int width_;
  const int height_;
  std::vector<float> sums_;
};

/// Three running means make nearly a bell. `radius` in pixels of the mask.
void blur_lines(std::vector<float>& values, int lines, int length, int line_step, int step,
                int radius) {
  std::vector<float> line(static_cast<std::size_t>(length));
  const auto index = [](int i) { return static_cast<std::size_t>(i); };
  for (int l = 0; l < lines; ++l) {
    float* start = values.data() + index(l) * index(line_step);
    for (int i = 0; i < length; ++i) line[index(i)] = start[index(i) * index(step)];
    float sum = 0;
    for (int i = -radius; i <= radius; ++i) sum += line[index(std::clamp(i, 0, length - 1))];
    for (int i = 0; i < length; ++i) {
      start[index(i) * index(step)] = sum / static_cast<float>(2 * radius + 1);
      sum += line[index(std::min(i + radius + 1, length - 1))];
      sum -= line[index(std::max(i - radius, 0))];
    }
  }
}

void blur(Mask& mask, int radius) {
  if (mask.width == 0 || mask.height == 0) return;
  for (int pass = 0; pass < 3; ++pass) {
    blur_lines(mask.cover, mask.height, mask.width, mask.width, 1, radius);
    blur_lines(mask.cover, mask.width, mask.height, 1, mask.width, radius);
  }
}

struct Box {
  double left = 1e9;
  double top = 1e9;
  double right = -1e9;
  double bottom = -1e9;
};

Box bounds(const Path& path) {
  Box box;
  for (const auto& outline : path.outlines())
    for (const Point& point : outline) {
      box.left = std::min(box.left, point.x);
      box.right = std::max(box.right, point.x);
      box.top = std::min(box.top, point.y);
      box.bottom = std::max(box.bottom, point.y);
    }
  return box;
}

/// Coverage within a rectangle of the plane whose corner is (x, y), at `scale` pixels a unit.
Mask cover(const Path& path, int x, int y, int width, int height, double scale) {
  Accumulator sums(width, height);
  for (const auto& outline : path.outlines())
    for (std::size_t i = 0; i < outline.size(); ++i) {
      const Point& a = outline[i];
      const Point& b = outline[(i + 1) % outline.size()];
      sums.edge({(a.x - x) * scale, (a.y - y) * scale}, {(b.x - x) * scale, (b.y - y) * scale});
    }
  return {x, y, width, height, sums.take()};
}

}  // namespace

Mask Canvas::rasterise(const Path& path) const {
  const Box box = bounds(path);
  const int left = static_cast<int>(std::clamp(std::floor(box.left), 0.0, w()));
  const int top = static_cast<int>(std::clamp(std::floor(box.top), 0.0, h()));
  const int right = static_cast<int>(std::clamp(std::ceil(box.right), 0.0, w()));
  const int bottom = static_cast<int>(std::clamp(std::ceil(box.bottom), 0.0, h()));
  if (right <= left || bottom <= top) return {};
  return cover(path, left, top, right - left, bottom - top, 1);
}

void Canvas::limit(Mask& mask, const Mask& within) {
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) {
      const int wx = x + mask.x - within.x;
      const int wy = y + mask.y - within.y;
      const bool inside = wx >= 0 && wy >= 0 && wx < within.width && wy < within.height;
      float& value = mask.at(x, y);
      value *= inside ? within.at(wx, wy) : 0;
    }
}

void Canvas::soft(const Path& path, Colour colour, double alpha, double radius) {
  // A blurred shape has no detail: a quarter of the pixels each way is enough.
  constexpr int step = 4;
  const Box box = bounds(path);
  const double reach = radius * 2;
  const int left = static_cast<int>(std::clamp(std::floor(box.left - reach), -reach, w()));
  const int top = static_cast<int>(std::clamp(std::floor(box.top - reach), -reach, h()));
  const int right = static_cast<int>(std::clamp(std::ceil(box.right + reach), 0.0, w() + reach));
  const int bottom = static_cast<int>(std::clamp(std::ceil(box.bottom + reach), 0.0, h() + reach));
  if (right <= left || bottom <= top) return;
  Mask small =
      cover(path, left, top, (right - left) / step + 2, (bottom - top) / step + 2, 1.0 / step);
  blur(small, std::max(1, static_cast<int>(radius / step / 1.6)));
  for (int y = std::max(top, 0); y < std::min(bottom, height_); ++y)
    for (int x = std::max(left, 0); x < std::min(right, width_); ++x) {
      const float fx = static_cast<float>(x - left) / step;
      const float fy = static_cast<float>(y - top) / step;
      const auto ix = static_cast<std::size_t>(fx);
      const auto iy = static_cast<std::size_t>(fy);
      const float* row = &small.cover[iy * static_cast<std::size_t>(small.width) + ix];
      const float* below = row + small.width;
      const float px = fx - static_cast<float>(ix);
      const float py = fy - static_cast<float>(iy);
      const float upper = row[0] + (row[1] - row[0]) * px;
      const float lower = below[0] + (below[1] - below[0]) * px;
      const float part = (upper + (lower - upper) * py) * static_cast<float>(alpha);
      if (part > 0.002F) at(x, y) = mix(at(x, y), colour, part);
    }
}

double Noise::corner(std::int64_t x, std::int64_t y) const {
  std::uint64_t hash = seed_ ^ (static_cast<std::uint64_t>(x) * 0x9E3779B97F4A7C15ULL) ^
                       (static_cast<std::uint64_t>(y) * 0xC2B2AE3D27D4EB4FULL);
  hash = (hash ^ (hash >> 29)) * 0xBF58476D1CE4E5B9ULL;
  hash = (hash ^ (hash >> 32)) * 0x94D049BB133111EBULL;
  return static_cast<double>(hash >> 11) * 0x1p-52 - 1;
}

double Noise::at(double x, double y) const {
  const double fx = std::floor(x);
  const double fy = std::floor(y);
  const auto ease = [](double t) { return t * t * (3 - 2 * t); };
  const double px = ease(x - fx);
  const double py = ease(y - fy);
  const auto ix = static_cast<std::int64_t>(fx);
  const auto iy = static_cast<std::int64_t>(fy);
  const double upper = std::lerp(corner(ix, iy), corner(ix + 1, iy), px);
  const double lower = std::lerp(corner(ix, iy + 1), corner(ix + 1, iy + 1), px);
  return std::lerp(upper, lower, py);
}

double Noise::rough(double x, double y, int octaves) const {
  double sum = 0;
  double size = 0.5;
  for (int i = 0; i < octaves; ++i, size /= 2, x *= 2.03, y *= 2.03)
    sum += at(x + i * 17.3, y) * size;
  return sum;
}

}  // namespace madang::app::seed
