#pragma once

#include <string_view>

namespace leat::resp {

// The Redis that leat behaves like; clients choose what they use by it.
inline constexpr std::string_view kRedisVersion = "7.0.15";
inline constexpr int kRedisVersionNumber = 0x07000f;  // a byte for each part

}  // namespace leat::resp
