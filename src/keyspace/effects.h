#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace leat::keyspace {

// What one unit (a command, a transaction, a script) changed, as commands that make the same change again: each touches one
// key, depends on nothing but that key's own value, and leaves nothing to time or chance. In the layout of
// docs/formats/keyspace-journal.md.
class Effects {
 public:
  using Arguments = std::span<const std::string_view>;

  // Nothing, where the database's changes are not kept.
  void add(std::uint32_t database, Arguments arguments);
  void add(std::uint32_t database, std::initializer_list<std::string_view> arguments) {
    add(database, Arguments(arguments.begin(), arguments.size()));
  }

  // The same for what belongs to no database, or must be made again in one whose changes are not kept.
  void add_always(std::uint32_t database, Arguments arguments);
  void add_always(std::uint32_t database, std::initializer_list<std::string_view> arguments) {
    add_always(database, Arguments(arguments.begin(), arguments.size()));
  }

  // From here on the changes of this database are not kept.
  void drop(std::uint32_t database);

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  void clear();

 private:
  std::vector<bool> dropped_;  // by database; beyond its end: kept
  std::string bytes_;
};

// Reads effects one by one.
class EffectsReader {
 public:
  explicit EffectsReader(std::string_view bytes) : rest_(bytes) {}
  // False at the end, or when what follows is broken: see `broken`. What it gives lasts as long as the bytes.
  [[nodiscard]] bool next();
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] std::uint32_t database() const { return database_; }
  [[nodiscard]] Effects::Arguments arguments() const { return arguments_; }

 private:
  [[nodiscard]] bool read_number(std::uint64_t& number);

  std::string_view rest_;
  std::uint32_t database_ = 0;
  std::vector<std::string_view> arguments_;
  bool broken_ = false;
};

}  // namespace leat::keyspace
