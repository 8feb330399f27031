#pragma once

#include <optional>

#include "keyspace/geo_hash.h"
#include "protocol/resp/call.h"

// What geo.cc and geo_search.cc share.
namespace leat::resp::geo {

// Longitude and latitude among the arguments, one behind the other; nullopt: it replied with an error.
[[nodiscard]] std::optional<keyspace::geo::Point> parse_point(Call& call, std::size_t index);
// How many metres the unit among the arguments is; nullopt: it replied with an error.
[[nodiscard]] std::optional<double> parse_unit(Call& call, std::size_t index);

void reply_point(Call& call, keyspace::geo::Point point);
// In the unit that it is to be shown in.
void reply_distance(Call& call, double distance);

// geo_search.cc
void georadius(Call& call);
void georadius_ro(Call& call);
void georadiusbymember(Call& call);
void georadiusbymember_ro(Call& call);
void geosearch(Call& call);
void geosearchstore(Call& call);

}  // namespace leat::resp::geo
