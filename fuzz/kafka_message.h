#pragma once

#include <cstdio>
#include <cstdlib>

#include "protocol/kafka/messages/all.h"

namespace leat::kafka {

inline void must(bool condition, std::string_view message, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%.*s: not true: %s\n", static_cast<int>(message.size()), message.data(), what);
  std::abort();
}

template <class T>
std::optional<Bytes> decoded_and_encoded(BytesView bytes, std::int16_t version) {
  Reader reader(bytes);
  T message;
  const Status status = decode(reader, version, message);
  must(status.has_value() == reader.ok() || !status, T::kName, "a message that breaks the format is an error");
  if (!status) return std::nullopt;
  Writer writer(64);
  encode(writer, version, std::move(message));
  auto encoded = writer.take();
  must(encoded.has_value(), T::kName, "what was decoded can be encoded in the same version");
  return std::move(*encoded);
}

// What is accepted says the same after it was encoded and decoded again.
template <class T>
void check_message(BytesView bytes, std::int16_t version) {
  const auto once = decoded_and_encoded<T>(bytes, version);
  if (!once) return;
  const auto twice = decoded_and_encoded<T>(*once, version);
  must(twice.has_value(), T::kName, "what was encoded can be decoded");
  must(as_text(*once) == as_text(*twice), T::kName, "a second round gives the same bytes");
}

}  // namespace leat::kafka
