#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "keyspace/keyspace.h"

namespace leat::keyspace {

// Makes room by removing keys, as the keyspace's policy says. LRU, LFU and FIFO look at a few random keys at a time and keep
// the best candidates for the next time: nearly as good as looking at all, and as cheap for any number of keys.
class Evictor {
 public:
  // Keys looked at for each removal, in each database.
  static constexpr std::size_t kSamplesDefault = 5;

  explicit Evictor(Keyspace& keyspace) : keyspace_(keyspace) {}

  void set_samples(std::size_t samples) { samples_ = samples; }
  [[nodiscard]] std::size_t samples() const { return samples_; }
  // Removes one key, which is journalled and told. False: the policy allows none to go.
  bool evict_one();

 private:
  // The larger the score, the sooner it goes.
  struct Candidate {
    std::uint64_t score = 0;
    std::uint32_t database = 0;
    std::string key;
  };
  static constexpr std::size_t kPoolMax = 16;

  bool evict_best();
  bool evict_random();
  bool evict_earliest();
  void fill_pool();
  void consider(Database& database, const Entry& entry);
  [[nodiscard]] std::uint64_t score_of(const Entry& entry) const;
  [[nodiscard]] bool is_candidate(const Entry& entry) const;

  Keyspace& keyspace_;
  std::size_t samples_ = kSamplesDefault;
  std::array<Candidate, kPoolMax> pool_;  // by score, the least first
  std::size_t pool_size_ = 0;
  std::uint32_t next_database_ = 0;  // for random policies, in turn
};

}  // namespace leat::keyspace
