#include <algorithm>

#include "app/seed/canvas.hpp"

namespace madang::app::seed {

namespace {

/// Enough straight pieces that nobody sees them.
int pieces(double length) {
  return std::clamp(static_cast<int>(length / 5), 8, 64);
}

}  // namespace

Path& Path::move(double x, double y) {
  outlines_.push_back({{x, y}});
  return *this;
}

Path& Path::line(double x, double y) {
  outlines_.back().push_back({x, y});
  return *this;
}

Path& Path::quad(double cx, double cy, double x, double y) {
  const Point from = outlines_.back().back();
  return cubic(from.x + (cx - from.x) * 2 / 3, from.y + (cy - from.y) * 2 / 3, x + (cx - x) * 2 / 3,
               y + (cy - y) * 2 / 3, x, y);
}

Path& Path::cubic(double ax, double ay, double bx, double by, double x, double y) {
  const Point from = outlines_.back().back();
  const int count = pieces(std::hypot(ax - from.x, ay - from.y) + std::hypot(bx - ax, by - ay) +
                           std::hypot(x - bx, y - by));
  for (int i = 1; i <= count; ++i) {
    const double t = static_cast<double>(i) / count;
    const double u = 1 - t;
    line(u * u * u * from.x + 3 * u * u * t * ax + 3 * u * t * t * bx + t * t * t * x,
         u * u * u * from.y + 3 * u * u * t * ay + 3 * u * t * t * by + t * t * t * y);
  }
  return *this;
}

Path& Path::add(const Path& other) {
  outlines_.insert(outlines_.end(), other.outlines_.begin(), other.outlines_.end());
  return *this;
}

Path& Path::circle(double x, double y, double radius) {
  return ellipse(x, y, radius, radius);
}

Path& Path::ellipse(double x, double y, double rx, double ry, double angle) {
  const int count = pieces(2 * pi * std::max(rx, ry)) + 6;
  std::vector<Point> outline;
  outline.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    const double turn = 2 * pi * i / count;
    const double ex = rx * std::cos(turn);
    const double ey = ry * std::sin(turn);
    outline.push_back({x + ex * std::cos(angle) - ey * std::sin(angle),
                       y + ex * std::sin(angle) + ey * std::cos(angle)});
  }
  outlines_.push_back(std::move(outline));
  return *this;
}

Path& Path::rect(double x, double y, double width, double height) {
  outlines_.push_back({{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}});
  return *this;
}

Path& Path::rounded(double x, double y, double width, double height, double radius) {
  const double r = std::min({radius, width / 2, height / 2});
  move(x + r, y).line(x + width - r, y).quad(x + width, y, x + width, y + r);
  line(x + width, y + height - r).quad(x + width, y + height, x + width - r, y + height);
  line(x + r, y + height).quad(x, y + height, x, y + height - r);
  return line(x, y + r).quad(x, y, x + r, y);
}

Path& Path::polygon(std::span<const Point> points) {
  outlines_.emplace_back(points.begin(), points.end());
  return *this;
}

Path& Path::stroke(std::span<const Point> points, double from, double to) {
  // One quadrilateral a piece and a disc a joint, all turning the same way: no gaps, no holes.
  const auto count = static_cast<double>(points.size() - 1);
  const auto half = [&](std::size_t i) {
    return std::lerp(from, to, static_cast<double>(i) / std::max(count, 1.0)) / 2;
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    circle(points[i].x, points[i].y, half(i));
    if (i + 1 == points.size()) break;
    const Point a = points[i];
    const Point b = points[i + 1];
    const double length = std::max(std::hypot(b.x - a.x, b.y - a.y), 1e-9);
    const double nx = (b.y - a.y) / length;
    const double ny = -(b.x - a.x) / length;
    const double p = half(i);
    const double q = half(i + 1);
    outlines_.push_back({{a.x + nx * p, a.y + ny * p},
                         {b.x + nx * q, b.y + ny * q},
                         {b.x - nx * q, b.y - ny * q},
                         {a.x - nx * p, a.y - ny * p}});
  }
  return *this;
}

Path& Path::arc(Point from, Point control, Point to, double width) {
  Path curve;
  curve.move(from.x, from.y).quad(control.x, control.y, to.x, to.y);
  return stroke(curve.outlines().front(), width, width);
}

Path Path::placed(double x, double y, double scale, double angle) const {
  Path out = *this;
  const double c = std::cos(angle) * scale;
  const double s = std::sin(angle) * scale;
  for (auto& outline : out.outlines_)
    for (Point& point : outline)
      point = {x + point.x * c - point.y * s, y + point.x * s + point.y * c};
  return out;
}

std::vector<Point> smooth(std::span<const Point> points) {
  std::vector<Point> out;
  const auto at = [&](std::ptrdiff_t i) {
    const auto last = static_cast<std::ptrdiff_t>(points.size()) - 1;
    return points[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(i, 0, last))];
  };
  for (std::ptrdiff_t i = 0; i + 1 < static_cast<std::ptrdiff_t>(points.size()); ++i) {
    const Point a = at(i - 1), b = at(i), c = at(i + 1), d = at(i + 2);
    const int count = pieces(std::hypot(c.x - b.x, c.y - b.y));
    for (int k = 0; k < count; ++k) {  // Catmull-Rom
      const double t = static_cast<double>(k) / count;
      const auto blend = [t](double p, double q, double r, double s) {
        return 0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t +
                      (3 * q - p - 3 * r + s) * t * t * t);
      };
      out.push_back({blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)});
    }
  }
  out.push_back(points.back());
  return out;
}

}  // namespace madang::app::seed
