#pragma once

#include <span>
#include <string>
#include <string_view>

namespace leat::server {

// The number of characters to insert, remove, replace or swap with their neighbour to make one text of the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// "; did you mean 'x'?" for the candidate that is nearest to `wanted`, or nothing when none is near.
[[nodiscard]] std::string suggestion(std::string_view wanted, std::span<const std::string> candidates);

}  // namespace leat::server
