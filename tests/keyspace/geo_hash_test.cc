#include "keyspace/geo_hash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

namespace leat::keyspace::geo {
namespace {

constexpr Point kPalermo{.longitude = 13.361389, .latitude = 38.115556};
constexpr Point kCatania{.longitude = 15.087269, .latitude = 37.502669};

Point random_point(std::mt19937_64& random, double latitude_max) {
  return {.longitude = std::uniform_real_distribution<>(-kLongitudeMax, kLongitudeMax)(random),
          .latitude = std::uniform_real_distribution<>(-latitude_max, latitude_max)(random)};
}

// As GEOADD, GEOHASH and GEODIST of Redis 7.0.15 have them.
TEST(GeoHash, ScoresNamesAndDistancesAreThoseOfRedis) {
  EXPECT_EQ(score_of(kPalermo), 3479099956230698.0);
  EXPECT_EQ(score_of(kCatania), 3479447370796909.0);
  Name buffer;
  EXPECT_EQ(name_of(point_of(score_of(kPalermo)), buffer), "sqc8b49rny0");
  EXPECT_EQ(name_of(point_of(score_of(kCatania)), buffer), "sqdtr74hyu0");
  EXPECT_NEAR(distance(point_of(score_of(kPalermo)), point_of(score_of(kCatania))), 166274.1516, 0.00005);
}

TEST(GeoHash, APointComesBackFromItsScoreWithinAMetre) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const Point point = random_point(random, kLatitudeMax);
    const double score = score_of(point);
    EXPECT_LT(distance(point, point_of(score)), 1);
    EXPECT_EQ(score_of(point_of(score)), score);
  }
}

TEST(GeoHash, CellsHoldTheScoresOfTheirPoints) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 10000; ++i) {
    const Point point = random_point(random, kLatitudeMax);
    const Cell cell = cell_of(point, 1 + static_cast<unsigned>(random() % Cell::kStepMax));
    const auto score = static_cast<std::uint64_t>(score_of(point));
    EXPECT_GE(score, cell.first_score());
    EXPECT_LT(score, cell.end_score());
  }
}

// Away from the poles and the date line, and smaller than a hemisphere, where Redis's cells are known to be enough.
TEST(GeoHash, TheCellsOfAShapeHoldEveryPointInsideIt) {
  std::mt19937_64 random(3);
  int inside = 0;
  for (int i = 0; i < 2000; ++i) {
    Shape shape{.center = {.longitude = std::uniform_real_distribution<>(-120, 120)(random),
                           .latitude = std::uniform_real_distribution<>(-50, 50)(random)},
                .is_box = random() % 2 == 0};
    const double size = std::pow(10, std::uniform_real_distribution<>(0, 6)(random));
    shape.radius = size;
    shape.width = size;
    shape.height = size * std::uniform_real_distribution<>(0.1, 1)(random);
    const auto cells = cells_of(shape);
    for (int j = 0; j < 20; ++j) {
      const double reach = size / 111000;
      const Point near{.longitude = shape.center.longitude + std::uniform_real_distribution<>(-reach, reach)(random),
                       .latitude = shape.center.latitude + std::uniform_real_distribution<>(-reach, reach)(random)};
      if (!shape.distance_inside(near)) continue;
      ++inside;
      const auto score = static_cast<std::uint64_t>(score_of(near));
      bool found = false;
      for (const Cell& cell : cells) {
        found = found || (cell.step != 0 && score >= cell.first_score() && score < cell.end_score());
      }
      EXPECT_TRUE(found) << "seed 3, shape " << i << ", point " << j;
    }
  }
  EXPECT_GT(inside, 5000);
}

TEST(GeoHash, ScoresThatAreNoPlacesGiveSomePoint) {
  for (const double score : {-1.0, -1e300, 1e300, 9.3e18, std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity()}) {
    EXPECT_TRUE(is_valid(point_of(score))) << score;
  }
}

}  // namespace
}  // namespace leat::keyspace::geo
