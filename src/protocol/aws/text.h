#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

// Texts: memory for them, what its services take as one, and the encodings they travel in.
namespace leat::aws {

// A text that is there, even when it is empty.
[[nodiscard]] inline bool is_set(std::string_view text) { return text.data() != nullptr; }
inline constexpr std::string_view kEmptyText{""};

// Keeps the bytes of texts that are borrowed until a request is answered.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // A copy of `text`.
  std::string_view keep(std::string_view text);
  // `size` bytes of unspecified content.
  char* allocate(std::size_t size);

 private:
  static constexpr std::size_t kBlockSize = 1000;  // what malloc has at hand
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  std::size_t left_ = 0;
};

// UTF-8 of nothing but #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD and #x10000 to #x10FFFF.
[[nodiscard]] bool is_aws_text(std::string_view text);
// The same for a text that is known to be UTF-8.
[[nodiscard]] bool has_aws_characters(std::string_view utf8);

[[nodiscard]] std::string to_base64(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
// RFC 4648 section 5, without padding.
[[nodiscard]] std::string to_base64url(std::string_view bytes);
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

// "%41" and "+" (as in forms) to what they stand for. A "%" that begins nothing stays.
[[nodiscard]] std::string_view form_decoded(std::string_view text, Arena& arena);
// Everything but letters, digits, "-", "_", "." and "~" as "%XX".
[[nodiscard]] std::string percent_encoded(std::string_view text);

using Md5 = std::array<std::uint8_t, 16>;
[[nodiscard]] Md5 md5_of(std::string_view bytes);
[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);

[[nodiscard]] std::optional<std::int64_t> to_integer(std::string_view text);

}  // namespace leat::aws
