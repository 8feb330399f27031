#include <algorithm>
#include <cstdio>
#include <vector>

#include "keyspace/geo_hash.h"
#include "keyspace/numbers.h"
#include "protocol/resp/commands/geo_search.h"
#include "protocol/resp/commands/sorted_sets.h"
#include "protocol/resp/registry.h"

namespace leat::resp {
namespace geo {

std::optional<keyspace::geo::Point> parse_point(Call& call, std::size_t index) {
  const auto longitude = call.real(index);
  if (!longitude) return std::nullopt;
  const auto latitude = call.real(index + 1);
  if (!latitude) return std::nullopt;
  const keyspace::geo::Point point{.longitude = *longitude, .latitude = *latitude};
  if (!keyspace::geo::is_valid(point)) {
    call.reply.error(fmt::format("ERR invalid longitude,latitude pair {:.6f},{:.6f}", point.longitude, point.latitude));
    return std::nullopt;
  }
  return point;
}

std::optional<double> parse_unit(Call& call, std::size_t index) {
  if (call.is(index, "M")) return 1;
  if (call.is(index, "KM")) return 1000;
  if (call.is(index, "FT")) return 0.3048;
  if (call.is(index, "MI")) return 1609.34;
  call.reply.error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return std::nullopt;
}

void reply_point(Call& call, keyspace::geo::Point point) {
  call.reply.array(2);
  for (const double degrees : {point.longitude, point.latitude}) {
    const std::string text = keyspace::format_long_double(degrees);
    if (!call.reply.is_resp3()) {
      call.reply.bulk(text);
    } else {
      call.reply.out().append(",").append(text).append("\r\n");
    }
  }
}

void reply_distance(Call& call, double distance) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%.4f", distance);
  call.reply.bulk({text, static_cast<std::size_t>(size)});
}

}  // namespace geo

namespace {

using geo::parse_point;
using geo::parse_unit;
using geo::reply_distance;
using geo::reply_point;
using keyspace::ZSet;

void geoadd(Call& call) {
  sorted_sets::AddOptions options;
  std::size_t first = 2;
  for (; first < call.size(); ++first) {
    if (call.is(first, "NX")) {
      options.if_absent = true;
    } else if (call.is(first, "XX")) {
      options.if_present = true;
    } else if (call.is(first, "CH")) {
      options.count_changed = true;
    } else {
      break;
    }
  }
  const std::size_t words = call.size() - first;
  if (words == 0 || words % 3 != 0 || (options.if_absent && options.if_present)) {
    return call.reply.error(errors::kSyntax);
  }
  std::vector<sorted_sets::NewMember> members;
  members.reserve(words / 3);
  for (std::size_t i = first; i < call.size(); i += 3) {
    const auto point = parse_point(call, i);
    if (!point) return;
    members.push_back({.score = keyspace::geo::score_of(*point), .member = call[i + 2]});
  }
  sorted_sets::add_members(call, options, members);
}

// The scores of the members from args[2] on go to `reply`, which is not called for those that are not there.
template <class F>
void reply_places(Call& call, void (*reply_none)(Reply&), F reply) {
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  call.reply.array(call.size() - 2);
  for (const std::string_view member : call.args.subspan(2)) {
    const auto score = found.value == nullptr ? std::nullopt : found.value->score(member);
    score ? reply(keyspace::geo::point_of(*score)) : reply_none(call.reply);
  }
}

void geohash(Call& call) {
  reply_places(
      call, [](Reply& reply) { reply.null(); },
      [&call](keyspace::geo::Point point) {
        keyspace::geo::Name buffer;
        call.reply.bulk(keyspace::geo::name_of(point, buffer));
      });
}

void geopos(Call& call) {
  reply_places(
      call, [](Reply& reply) { reply.null_array(); },
      [&call](keyspace::geo::Point point) { reply_point(call, point); });
}

void geodist(Call& call) {
  double unit = 1;
  if (call.size() == 5) {
    const auto given = parse_unit(call, 4);
    if (!given) return;
    unit = *given;
  } else if (call.size() > 5) {
    return call.reply.error(errors::kSyntax);
  }
  const auto found = call.read<ZSet>(call[1]);
  if (!found) return;
  if (found.value == nullptr) return call.reply.null();
  const auto from = found.value->score(call[2]);
  const auto to = found.value->score(call[3]);
  if (!from || !to) return call.reply.null();
  reply_distance(call, keyspace::geo::distance(keyspace::geo::point_of(*from), keyspace::geo::point_of(*to)) / unit);
}

constexpr KeySpec kGeoradiusKeys[] = {{.flags = kKeyRo | kKeyAccess, .index = 1},
                                      {.flags = kKeyOw | kKeyUpdate, .keyword = "STORE", .index = 6},
                                      {.flags = kKeyOw | kKeyUpdate, .keyword = "STOREDIST", .index = 6}};
constexpr KeySpec kGeoradiusbymemberKeys[] = {{.flags = kKeyRo | kKeyAccess, .index = 1},
                                              {.flags = kKeyOw | kKeyUpdate, .keyword = "STORE", .index = 5},
                                              {.flags = kKeyOw | kKeyUpdate, .keyword = "STOREDIST", .index = 5}};
constexpr KeySpec kGeosearchstoreKeys[] = {{.flags = kKeyOw | kKeyUpdate, .index = 1},
                                           {.flags = kKeyRo | kKeyAccess, .index = 2}};

constexpr Command kGeoCommands[] = {
    {.name = "geoadd",
     .handler = geoadd,
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kGeo,
     .keys = kRange < kKeyRw | kKeyUpdate >
     , .group = "geo", .since = "3.2.0", .summary = "Adds places.", .complexity = "O(log(N))"},
    {.name = "geodist",
     .handler = geodist,
     .arity = -4,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns the distance between two places.",
     .complexity = "O(log(N))"},
    {.name = "geohash",
     .handler = geohash,
     .arity = -2,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "geo", .since = "3.2.0", .summary = "Returns the geohash texts of places.", .complexity = "O(log(N))"},
    {.name = "geopos",
     .handler = geopos,
     .arity = -2,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = kRange < kKeyRo | kKeyAccess >
     , .group = "geo", .since = "3.2.0", .summary = "Returns the coordinates of places.", .complexity = "O(N)"},
    {.name = "georadius",
     .handler = geo::georadius,
     .arity = -6,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kGeo,
     .keys = kGeoradiusKeys,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns or stores the places within a radius of a point.",
     .complexity = "O(N+log(M))"},
    {.name = "georadius_ro",
     .handler = geo::georadius_ro,
     .arity = -6,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .group = "geo",
     .since = "3.2.10",
     .summary = "Returns the places within a radius of a point.",
     .complexity = "O(N+log(M))"},
    {.name = "georadiusbymember",
     .handler = geo::georadiusbymember,
     .arity = -5,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kGeo,
     .keys = kGeoradiusbymemberKeys,
     .group = "geo",
     .since = "3.2.0",
     .summary = "Returns or stores the places within a radius of another.",
     .complexity = "O(N+log(M))"},
    {.name = "georadiusbymember_ro",
     .handler = geo::georadiusbymember_ro,
     .arity = -5,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .group = "geo",
     .since = "3.2.10",
     .summary = "Returns the places within a radius of another.",
     .complexity = "O(N+log(M))"},
    {.name = "geosearch",
     .handler = geo::geosearch,
     .arity = -7,
     .flags = kReadonly,
     .categories = kGeo,
     .keys = kRange < kKeyRo | kKeyAccess >,
     .group = "geo",
     .since = "6.2.0",
     .summary = "Returns the places inside a circle or a box.",
     .complexity = "O(N+log(M))"},
    {.name = "geosearchstore",
     .handler = geo::geosearchstore,
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .categories = kGeo,
     .keys = kGeosearchstoreKeys,
     .group = "geo",
     .since = "6.2.0",
     .summary = "Stores the places inside a circle or a box.",
     .complexity = "O(N+log(M))"},
};

}  // namespace

std::span<const Command> geo_commands() { return kGeoCommands; }

}  // namespace leat::resp
