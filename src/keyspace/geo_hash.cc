#include "keyspace/geo_hash.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace leat::keyspace::geo {
namespace {

constexpr double kEarthRadius = 6372797.560856;
constexpr double kMercatorMax = 20037726.37;
constexpr double kRadiansPerDegree = std::numbers::pi / 180.0;
constexpr std::uint64_t kEvenBits = 0x5555555555555555;

double radians(double degrees) { return degrees * kRadiansPerDegree; }
double degrees(double radians) { return radians / kRadiansPerDegree; }

// Every bit moves to twice its place.
std::uint64_t spread(std::uint64_t bits) {
  bits = (bits | (bits << 16)) & 0x0000ffff0000ffff;
  bits = (bits | (bits << 8)) & 0x00ff00ff00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x3333333333333333;
  return (bits | (bits << 1)) & kEvenBits;
}
std::uint64_t gather(std::uint64_t bits) {
  bits &= kEvenBits;
  bits = (bits | (bits >> 1)) & 0x3333333333333333;
  bits = (bits | (bits >> 2)) & 0x0f0f0f0f0f0f0f0f;
  bits = (bits | (bits >> 4)) & 0x00ff00ff00ff00ff;
  bits = (bits | (bits >> 8)) & 0x0000ffff0000ffff;
  return (bits | (bits >> 16)) & 0x00000000ffffffff;
}

Cell encode(Point point, double latitude_max, unsigned step) {
  const auto part = [step](double value, double max) {
    const double offset = (value - -max) / (max - -max) * static_cast<double>(std::uint64_t{1} << step);
    // The upper end of the range itself is no part of a cell; what it gives is Redis's.
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(offset));
  };
  return {.bits = spread(part(point.latitude, latitude_max)) | spread(part(point.longitude, kLongitudeMax)) << 1,
          .step = step};
}

struct Area {
  Point min;
  Point max;
};

Area area_of(Cell cell) {
  const auto at = [&cell](std::uint64_t index, double max) {
    return -max +
           (static_cast<double>(index) * 1.0 / static_cast<double>(std::uint64_t{1} << cell.step)) * (max - -max);
  };
  const std::uint64_t latitude = gather(cell.bits);
  const std::uint64_t longitude = gather(cell.bits >> 1);
  return {.min = {.longitude = at(longitude, kLongitudeMax), .latitude = at(latitude, kLatitudeMax)},
          .max = {.longitude = at(longitude + 1, kLongitudeMax), .latitude = at(latitude + 1, kLatitudeMax)}};
}

// As a conversion does on machines of today, for scores that are no geohash too.
std::uint64_t to_bits(double score) {
  constexpr double kSigned = 9223372036854775808.0;
  constexpr std::uint64_t kHighest = std::uint64_t{1} << 63;
  if (score >= -kSigned && score < kSigned) return static_cast<std::uint64_t>(static_cast<std::int64_t>(score));
  if (score < 0) return kHighest;
  return score < 2 * kSigned ? static_cast<std::uint64_t>(score) : 0;
}

// The cell so many steps away; at the end of the range it begins anew.
Cell moved(Cell cell, int east, int north) {
  const auto shifted = [&cell](std::uint64_t index, int by) {
    const std::uint64_t mask = (std::uint64_t{1} << cell.step) - 1;
    return by == 0 ? index : (index + static_cast<std::uint64_t>(by)) & mask;
  };
  const std::uint64_t longitude = shifted(gather(cell.bits >> 1), east);
  const std::uint64_t latitude = shifted(gather(cell.bits), north);
  return {.bits = spread(latitude) | spread(longitude) << 1, .step = cell.step};
}

double latitude_distance(double from, double to) { return kEarthRadius * std::fabs(radians(to) - radians(from)); }

// So small that the shape is inside a cell and those around it.
unsigned step_for(double radius, double latitude) {
  if (radius == 0) return Cell::kStepMax;
  int step = 1;
  for (; radius < kMercatorMax; radius *= 2) ++step;
  step -= 2;
  // Cells are narrower towards the poles.
  if (latitude > 66 || latitude < -66) --step;
  if (latitude > 80 || latitude < -80) --step;
  return static_cast<unsigned>(std::clamp(step, 1, static_cast<int>(Cell::kStepMax)));
}

Area bounds_of(const Shape& shape) {
  const Point& center = shape.center;
  const double height = shape.is_box ? shape.height / 2 : shape.radius;
  const double width = shape.is_box ? shape.width / 2 : shape.radius;
  const double latitude_delta = degrees(height / kEarthRadius);
  const auto longitude_delta = [&](double latitude) {
    return degrees(width / kEarthRadius / std::cos(radians(latitude)));
  };
  // The side that is nearer to a pole is the wider one.
  const double delta =
      longitude_delta(center.latitude < 0 ? center.latitude - latitude_delta : center.latitude + latitude_delta);
  return {.min = {.longitude = center.longitude - delta, .latitude = center.latitude - latitude_delta},
          .max = {.longitude = center.longitude + delta, .latitude = center.latitude + latitude_delta}};
}

// Whether the cells around this one reach as far as the bounds.
bool reaches(Cell cell, const Area& bounds) {
  return area_of(moved(cell, 0, 1)).max.latitude >= bounds.max.latitude &&
         area_of(moved(cell, 0, -1)).min.latitude <= bounds.min.latitude &&
         area_of(moved(cell, 1, 0)).max.longitude >= bounds.max.longitude &&
         area_of(moved(cell, -1, 0)).min.longitude <= bounds.min.longitude;
}

}  // namespace

Cell cell_of(Point point, unsigned step) { return encode(point, kLatitudeMax, step); }

Point point_of(double score) {
  const Area area = area_of({.bits = to_bits(score), .step = Cell::kStepMax});
  return {
      .longitude = std::clamp((area.min.longitude + area.max.longitude) / 2, -kLongitudeMax, kLongitudeMax),
      .latitude = std::clamp((area.min.latitude + area.max.latitude) / 2, -kLatitudeMax, kLatitudeMax),
  };
}

std::string_view name_of(Point point, Name& buffer) {
  constexpr std::string_view kAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
  const std::uint64_t bits = encode(point, 90, Cell::kStepMax).bits;
  // 52 bits are ten characters of 5 bits, and the rest is too little for one more.
  for (unsigned i = 0; i < 10; ++i) buffer[i] = kAlphabet[(bits >> (52 - (i + 1) * 5)) & 0x1f];
  buffer[10] = kAlphabet[0];
  return {buffer.data(), buffer.size()};
}

double distance(Point from, Point to) {
  const double v = std::sin((radians(to.longitude) - radians(from.longitude)) / 2);
  if (v == 0) return latitude_distance(from.latitude, to.latitude);
  const double from_latitude = radians(from.latitude);
  const double to_latitude = radians(to.latitude);
  const double u = std::sin((to_latitude - from_latitude) / 2);
  const double a = u * u + std::cos(from_latitude) * std::cos(to_latitude) * v * v;
  return 2.0 * kEarthRadius * std::asin(std::sqrt(a));
}

std::optional<double> Shape::distance_inside(Point point) const {
  if (is_box) {
    if (latitude_distance(point.latitude, center.latitude) > height / 2) return std::nullopt;
    if (distance(point, {.longitude = center.longitude, .latitude = point.latitude}) > width / 2) return std::nullopt;
    return distance(center, point);
  }
  const double away = distance(center, point);
  return away > radius ? std::nullopt : std::optional(away);
}

std::array<Cell, 9> cells_of(const Shape& shape) {
  const Area bounds = bounds_of(shape);
  const double radius = shape.is_box
                            ? std::sqrt((shape.width / 2) * (shape.width / 2) + (shape.height / 2) * (shape.height / 2))
                            : shape.radius;
  unsigned step = step_for(radius, shape.center.latitude);
  Cell center = cell_of(shape.center, step);
  if (step > 1 && !reaches(center, bounds)) center = cell_of(shape.center, --step);

  std::array<Cell, 9> cells = {center,
                               moved(center, 0, 1),
                               moved(center, 0, -1),
                               moved(center, 1, 0),
                               moved(center, -1, 0),
                               moved(center, 1, 1),
                               moved(center, -1, 1),
                               moved(center, 1, -1),
                               moved(center, -1, -1)};
  if (step < 2) return cells;
  enum : std::uint8_t { kNorth = 1, kSouth, kEast, kWest, kNorthEast, kNorthWest, kSouthEast, kSouthWest };
  const auto drop = [&cells](auto... which) { ((cells[which] = {}), ...); };
  const Area area = area_of(center);
  if (area.min.latitude < bounds.min.latitude) drop(kSouth, kSouthWest, kSouthEast);
  if (area.max.latitude > bounds.max.latitude) drop(kNorth, kNorthEast, kNorthWest);
  if (area.min.longitude < bounds.min.longitude) drop(kWest, kSouthWest, kNorthWest);
  if (area.max.longitude > bounds.max.longitude) drop(kEast, kSouthEast, kNorthEast);
  return cells;
}

}  // namespace leat::keyspace::geo
