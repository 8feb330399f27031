#include "protocol/resp/registry.h"

#include <array>
#include <cstdint>
#include <vector>

namespace leat::resp {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is_name(std::string_view word, std::string_view name) {
  if (word.size() != name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (lower(word[i]) != name[i]) return false;
  }
  return true;
}

// Commands by name, in a table that is never more than a quarter full.
class Index {
 public:
  Index() {
    for (const auto family :
         {acl_commands(),        bitmap_commands(),     client_commands(),      command_info_commands(),
          connection_commands(), database_commands(),   generic_commands(),     geo_commands(),
          hash_commands(),       hash_field_commands(), hyperloglog_commands(), list_commands(),
          pubsub_commands(),     script_commands(),     server_commands(),      set_commands(),
          sorted_set_commands(), stream_commands(),     string_commands(),      transaction_commands(),
          time_commands(),       memory_commands(),     node_commands(),        cluster_commands(),
          lock_commands()}) {
      for (const Command& command : family) add(command);
    }
  }
  [[nodiscard]] const Command* find(std::string_view name) const {
    for (std::size_t at = hash(name);; ++at) {
      const Command* command = slots_[at % kSlots];
      if (command == nullptr || is_name(name, command->name)) return command;
    }
  }
  [[nodiscard]] std::span<const Command* const> all() const { return all_; }

 private:
  static constexpr std::size_t kSlots = 2048;

  static std::size_t hash(std::string_view name) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(lower(c))) * 0x100000001b3;
    return hash ^ (hash >> 32);
  }
  void add(const Command& command) {
    std::size_t at = hash(command.name);
    while (slots_[at % kSlots] != nullptr) ++at;
    slots_[at % kSlots] = &command;
    all_.push_back(&command);
  }

  std::array<const Command*, kSlots> slots_{};
  std::vector<const Command*> all_;
};

const Index& index() {
  static const Index index;
  return index;
}

}  // namespace

std::span<const Command* const> all_commands() { return index().all(); }

const Command* find_command(std::string_view name) { return index().find(name); }

const Command* find_subcommand(const Command& container, std::string_view name) {
  for (const Command& command : container.subcommands) {
    if (is_name(name, command.name)) return &command;
  }
  return nullptr;
}

}  // namespace leat::resp
