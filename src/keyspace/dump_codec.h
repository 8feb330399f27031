#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// How Redis's RDB format writes lengths, strings and numbers, of which dumped values consist.
namespace leat::keyspace {

class DumpWriter {
 public:
  explicit DumpWriter(std::string& out) : out_(out) {}

  void byte(std::uint8_t value) { out_ += static_cast<char>(value); }
  void length(std::uint64_t value);
  // Short integers as such, and long texts compressed when that makes them shorter.
  void text(std::string_view text);
  void integer_text(std::int64_t value);  // what `text` makes of its digits
  void real(double value);
  void millis(std::int64_t value);

 private:
  [[nodiscard]] bool compressed(std::string_view text);

  std::string& out_;
};

// Reads what may come from anyone. After the first thing that is broken, everything is: reading returns nothing.
class DumpReader {
 public:
  explicit DumpReader(std::string_view bytes) : rest_(bytes) {}

  [[nodiscard]] std::optional<std::uint8_t> byte();
  [[nodiscard]] std::optional<std::uint64_t> length();
  // A view of the bytes being read, or of `buffer`.
  [[nodiscard]] std::optional<std::string_view> text(std::string& buffer);
  [[nodiscard]] std::optional<double> real();
  // As old sorted sets have it: its decimal text behind a byte that is its length.
  [[nodiscard]] std::optional<double> real_text();
  [[nodiscard]] std::optional<std::int64_t> millis();
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  struct Length {
    std::uint64_t value;
    bool is_encoding;  // then the value tells how a text is encoded
  };
  [[nodiscard]] std::optional<Length> length_or_encoding();
  [[nodiscard]] std::optional<std::string_view> take(std::uint64_t size);
  [[nodiscard]] std::optional<std::string_view> encoded(std::uint64_t encoding, std::string& buffer);
  [[nodiscard]] std::optional<std::string_view> compressed(std::string& buffer);

  std::string_view rest_;
};

}  // namespace leat::keyspace
