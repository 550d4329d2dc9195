// Colours, and functions of a place that give one.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace madang::app::seed {

/// sRGB, each 0 to 1.
struct Colour {
  float r = 0;
  float g = 0;
  float b = 0;
};

constexpr Colour rgb(std::uint32_t hex) {
  return {static_cast<float>(hex >> 16 & 255) / 255, static_cast<float>(hex >> 8 & 255) / 255,
          static_cast<float>(hex & 255) / 255};
}

constexpr Colour mix(Colour a, Colour b, float part) {
  return {a.r + (b.r - a.r) * part, a.g + (b.g - a.g) * part, a.b + (b.b - a.b) * part};
}

inline Colour lighter(Colour colour, double part) {
  return mix(colour, {1, 1, 1}, static_cast<float>(part));
}
/// Keeps its hue; shadows are a little blue.
inline Colour darker(Colour colour, double part) {
  const auto left = static_cast<float>(1 - part);
  return {colour.r * left, colour.g * left, colour.b * (left + 0.12F * static_cast<float>(part))};
}

inline auto solid(Colour colour) {
  return [colour](double, double) { return colour; };
}

/// From one colour at a point to the other at another, and no further.
inline auto gradient(double x0, double y0, double x1, double y1, Colour from, Colour to) {
  const double dx = x1 - x0;
  const double dy = y1 - y0;
  const double length = std::max(dx * dx + dy * dy, 1e-9);
  return [=](double x, double y) {
    const double part = ((x - x0) * dx + (y - y0) * dy) / length;
    return mix(from, to, static_cast<float>(std::clamp(part, 0.0, 1.0)));
  };
}

inline auto radial(double cx, double cy, double radius, Colour middle, Colour rim) {
  return [=](double x, double y) {
    const double dx = x - cx;
    const double dy = y - cy;
    const double part = std::sqrt(dx * dx + dy * dy) / radius;
    return mix(middle, rim, static_cast<float>(std::clamp(part, 0.0, 1.0)));
  };
}

/// As a thing turned on a wheel is lit from the left: dark rims, a light place.
inline auto turned(double left, double right, Colour colour) {
  return [=](double x, double) {
    const double at = (x - left) / std::max(right - left, 1e-9);
    const double light = std::exp(-std::pow((at - 0.32) / 0.2, 2.0)) * 0.38;
    const double shade = std::pow(std::clamp(at, 0.0, 1.0), 2.2) * 0.42 +
                         std::pow(std::clamp(1 - at, 0.0, 1.0), 6.0) * 0.25;
    return lighter(darker(colour, shade), light);
  };
}

}  // namespace madang::app::seed
