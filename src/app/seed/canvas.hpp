// A small rasteriser: filled shapes with exact coverage, soft ones, and nothing else. Pixels from
// the upper left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "app/seed/colour.hpp"

namespace madang::app::seed {

inline constexpr double pi = std::numbers::pi;

struct Point {
  double x = 0;
  double y = 0;
};

/// Closed outlines. What several of them cover is covered once.
class Path {
 public:
  Path& move(double x, double y);
  Path& line(double x, double y);
  Path& quad(double cx, double cy, double x, double y);
  Path& cubic(double ax, double ay, double bx, double by, double x, double y);
  Path& add(const Path& other);

  Path& circle(double x, double y, double radius);
  Path& ellipse(double x, double y, double rx, double ry, double angle = 0);
  Path& rect(double x, double y, double width, double height);
  Path& rounded(double x, double y, double width, double height, double radius);
  Path& polygon(std::span<const Point> points);
  /// A line that is `from` wide where it begins and `to` where it ends, with round ends.
  Path& stroke(std::span<const Point> points, double from, double to);
  /// Along a curve with that control point.
  Path& arc(Point from, Point control, Point to, double width);

  /// Turned about (0, 0), enlarged, then moved.
  Path placed(double x, double y, double scale, double angle = 0) const;

  const std::vector<std::vector<Point>>& outlines() const { return outlines_; }

 private:
  std::vector<std::vector<Point>> outlines_;
};

/// A curve through the points.
std::vector<Point> smooth(std::span<const Point> points);

/// How much of each pixel of a rectangle is covered.
struct Mask {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  std::vector<float> cover;

  float& at(int column, int row) { return cover[index(column, row)]; }
  float at(int column, int row) const { return cover[index(column, row)]; }

 private:
  std::size_t index(int column, int row) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(width) +
           static_cast<std::size_t>(column);
  }
};

class Canvas {
 public:
  Canvas(int width, int height) : width_(width), height_(height), pixels_(area()) {}

  int width() const { return width_; }
  int height() const { return height_; }
  /// As doubles, for sums.
  double w() const { return width_; }
  double h() const { return height_; }

  template <class Shader>
  void paint(Shader shader) {
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x) at(x, y) = shader(x + 0.5, y + 0.5);
  }

  template <class Shader>
  void fill(const Path& path, Shader shader, double alpha = 1) {
    blend(rasterise(path), shader, alpha);
  }
  void fill(const Path& path, Colour colour, double alpha = 1) { fill(path, solid(colour), alpha); }

  /// With edges that fade over about `radius` pixels: shadows, mist, glow.
  void soft(const Path& path, Colour colour, double alpha, double radius);

  /// Inside `outline` only.
  template <class Shader>
  void fill_within(const Path& outline, const Path& path, Shader shader, double alpha = 1) {
    Mask mask = rasterise(path);
    limit(mask, rasterise(outline));
    blend(mask, shader, alpha);
  }

  /// PNG, uncompressed: for a codec that makes better of it at once.
  std::vector<std::byte> to_png() const;

 private:
  std::size_t area() const {
    return static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_);
  }
  Colour& at(int x, int y) {
    return pixels_[static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
                   static_cast<std::size_t>(x)];
  }
  Mask rasterise(const Path& path) const;
  static void limit(Mask& mask, const Mask& within);

  template <class Shader>
  void blend(const Mask& mask, Shader shader, double alpha) {
    const float* cover = mask.cover.data();
    for (int y = mask.y; y < mask.y + mask.height; ++y)
      for (int x = mask.x; x < mask.x + mask.width; ++x) {
        const float part = *cover++ * static_cast<float>(alpha);
        if (part > 0.002F) at(x, y) = mix(at(x, y), shader(x + 0.5, y + 0.5), part);
      }
  }

  int width_;
  int height_;
  std::vector<Colour> pixels_;
};

/// Smooth noise, -1 to 1, one hill about a unit wide.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : seed_(seed) {}
  double at(double x, double y = 0) const;
  /// Hills on hills.
  double rough(double x, double y = 0, int octaves = 4) const;

 private:
  double corner(std::int64_t x, std::int64_t y) const;
  const std::uint64_t seed_;
};

}  // namespace madang::app::seed
