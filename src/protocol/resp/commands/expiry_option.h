#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/resp/call.h"

namespace leat::resp {

// EX, PX, EXAT and PXAT, as SET, GETEX and others take them.
class ExpiryOption {
 public:
  enum class Unit : std::uint8_t { seconds, milliseconds, unix_seconds, unix_milliseconds };

  [[nodiscard]] bool given() const { return given_; }
  // Takes the option at args[index] and the number behind it, unless one was taken before. False: it is none.
  [[nodiscard]] bool take(const Call& call, std::size_t index);
  // Takes a number whose unit the command implies.
  void set(std::string_view number, Unit unit);
  // Computes when(). False: it replied that the number is none, or cannot be.
  [[nodiscard]] bool resolve(Call& call);
  // The moment; nullopt: no option was given.
  [[nodiscard]] std::optional<keyspace::Millis> when() const { return when_; }

 private:
  bool given_ = false;
  std::string_view number_;
  Unit unit_ = Unit::seconds;
  std::optional<keyspace::Millis> when_;
};

// Makes the key of `entry` expire at that moment, or deletes it when that has passed, and tells and journals it.
void expire_at(Call& call, std::string_view key, keyspace::Entry& entry, keyspace::Millis when);

}  // namespace leat::resp
