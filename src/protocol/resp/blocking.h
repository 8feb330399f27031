#pragma once

#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/resp/client.h"

namespace leat::resp {

// In place of a database's number: the keys are names of locks.
inline constexpr std::uint32_t kLockSpace = std::numeric_limits<std::uint32_t>::max();

// Clients that wait for keys, each key's in the order in which they came.
class Blocking {
 public:
  explicit Blocking(Executor& executor) : executor_(executor) {}

  // The client waits for one of `keys`, at most until `deadline`.
  void block(Client& client, std::unique_ptr<Blocked> blocked, std::optional<MonoTime> deadline);
  // The client waits no longer; it may be read from again.
  void unblock(Client& client);
  // The client is gone.
  void drop(Client& client) { forget(client); }
  // The wait is over without a key: by time, or by CLIENT UNBLOCK.
  void time_out(Client& client);

  // A key changed: whoever waits for it may find what it needs.
  void key_changed(std::uint32_t database, std::string_view key) {
    if (!keys_.empty()) [[unlikely]] {
      if (const auto found = keys_.find(KeyView(database, key)); found != keys_.end()) mark_ready(*found);
    }
  }
  // A database's keys may all have changed.
  void database_changed(std::uint32_t database);
  // Lets those who wait for keys that changed run again. To be called between units.
  void serve();
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }

 private:
  using KeyView = std::pair<std::uint32_t, std::string_view>;
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return view(a) < view(b);
    }
    static KeyView view(const KeyName& name) { return {name.database, name.key}; }
    static KeyView view(const KeyView& name) { return name; }
  };
  struct Waiting {
    std::deque<Client*> clients;
    bool ready = false;  // in ready_
  };
  using Keys = std::map<KeyName, Waiting, Less>;

  void mark_ready(Keys::value_type& key);
  void serve_key(const KeyName& name);
  void forget(Client& client);
  // Nobody behind a client may be served before it.
  [[nodiscard]] static bool is_strict(const KeyName& name) { return name.database == kLockSpace; }

  Executor& executor_;
  Keys keys_;
  std::vector<KeyName> ready_;  // in the order in which they changed
  bool serving_ = false;
};

}  // namespace leat::resp
