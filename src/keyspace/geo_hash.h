#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

// Places on earth as sorted sets keep them: the score of a member is its geohash of 52 bits. All figures and the order of
// computation are Redis's, so that what is computed is equal to the last digit.
namespace leat::keyspace::geo {

struct Point {
  double longitude = 0;
  double latitude = 0;
};

inline constexpr double kLongitudeMax = 180;
// Of the Mercator projection.
inline constexpr double kLatitudeMax = 85.05112878;

[[nodiscard]] inline bool is_valid(Point point) {
  return point.longitude >= -kLongitudeMax && point.longitude <= kLongitudeMax && point.latitude >= -kLatitudeMax &&
         point.latitude <= kLatitudeMax;
}

// A cell of the grid: the ranges of both halved `step` times, the bits of the longitude before those of the latitude.
struct Cell {
  static constexpr unsigned kStepMax = 26;

  std::uint64_t bits = 0;
  unsigned step = 0;
  friend bool operator==(const Cell&, const Cell&) = default;

  // The scores of the places in it are in [first, end).
  [[nodiscard]] std::uint64_t first_score() const { return bits << (2 * (kStepMax - step)); }
  [[nodiscard]] std::uint64_t end_score() const { return (bits + 1) << (2 * (kStepMax - step)); }
};

// Needs a valid point.
[[nodiscard]] Cell cell_of(Point point, unsigned step = Cell::kStepMax);
[[nodiscard]] inline double score_of(Point point) { return static_cast<double>(cell_of(point).bits); }
// The middle of the smallest cell; of a score that is no place, some point.
[[nodiscard]] Point point_of(double score);
// The name that others know the place by (https://en.wikipedia.org/wiki/Geohash), of 11 characters. `buffer` holds it.
using Name = std::array<char, 11>;
[[nodiscard]] std::string_view name_of(Point point, Name& buffer);

// In metres, on a sphere.
[[nodiscard]] double distance(Point from, Point to);

// What is searched: a circle or a box, around a point. Metres.
struct Shape {
  Point center;
  bool is_box = false;
  double radius = 0;
  double width = 0;
  double height = 0;

  // The distance from the center, when the point is inside.
  [[nodiscard]] std::optional<double> distance_inside(Point point) const;
};

// The cells that all places inside the shape are in, with others: first the one of the center, then those around it. Those
// that are not needed have step 0.
[[nodiscard]] std::array<Cell, 9> cells_of(const Shape& shape);

}  // namespace leat::keyspace::geo
