#pragma once

#include <string_view>

namespace leat::resp {

// The Redis that leat behaves like; clients choose what they use by it.
inline constexpr std::string_view kRedisVersion = "7.0.15";

}  // namespace leat::resp
