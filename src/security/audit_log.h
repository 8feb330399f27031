#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/line_file.h"
#include "base/metrics.h"
#include "base/types.h"
#include "security/authorize.h"

namespace leat::security {

// Who came in, who was refused what, and who changed users and grants: a line of JSON each (docs/security.md). Lines that are alike
// and come within kWindow on one shard are written once, and then once more with how often they came, so that nobody can drown
// what others did. One object serves all shards; each call is for the shard that makes it.
class AuditLog {
 public:
  static constexpr Milliseconds kWindow{10'000};
  static constexpr std::size_t kAlikeMax = 10'000;  // of one shard; what comes above it is written line by line
  // Of who is refused, or fails to come in, so many different lines are written in kWindow: what comes above it is counted in one.
  static constexpr std::size_t kDifferentMax = 50;
  // Of so many at a time; the others are counted as one.
  static constexpr std::size_t kSourcesMax = 1000;

  // `file` is nullptr when nothing is to be written.
  AuditLog(std::size_t shards, std::unique_ptr<LineFile> file) : file_(std::move(file)), shards_(shards) {}

  void came_in(std::string_view protocol, const Principal& who, std::string_view how);
  // `user`: the name that was given; empty: none.
  void failed_to_come_in(std::string_view protocol, std::string_view user, std::string_view host, std::string_view how);
  void refused(std::string_view protocol, const Principal& who, Operation operation, const Resource& resource);
  // The same of a command of Redis: `type` is what was not allowed, "command", "key" or "channel".
  void refused(std::string_view protocol, const Principal& who, std::string_view command, std::string_view type,
               std::string_view name);
  // `what`: "user", "grants"...; `name`: whose; `how`: in words.
  void changed(std::string_view protocol, const Principal& who, std::string_view what, std::string_view name,
               std::string_view how);

  // Writes what came more than once and has not been written for kWindow, or all of it. Of this shard.
  void sweep(bool all = false);

  struct Totals {
    std::uint64_t events = 0;
    std::uint64_t lost = 0;
  };
  // Of all shards.
  [[nodiscard]] Totals totals() const;

 private:
  struct Stats {
    Counter events;
    Counter lost;  // lines that the disk was too slow for
  };
  struct Alike {
    MonoTime since;
    std::uint64_t repeats = 0;
  };
  struct Source {
    MonoTime since;
    std::size_t lines = 0;
  };
  struct PerShard {
    std::unordered_map<std::string, Alike> recent;    // by the line, without its time
    std::unordered_map<std::string, Source> sources;  // of lines that are limited
    Stats stats;
  };

  void add(std::string line);
  // `others`: what is written instead when the source has too many lines.
  void add_limited(std::string line, const Principal& source, std::string_view event, std::string_view protocol);
  void write(std::string_view line, std::uint64_t repeats);
  PerShard& here();

  std::unique_ptr<LineFile> file_;
  std::vector<PerShard> shards_;
};

}  // namespace leat::security
