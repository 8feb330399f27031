#include "keyspace/evictor.h"

#include <gtest/gtest.h>

namespace leat::keyspace {
namespace {

struct Silent : Observer {
  void modified(Database& /*database*/, std::string_view /*key*/) override {}
  void removed(Database& /*database*/, std::string_view /*key*/, Removal /*why*/) override {}
  void fields_expired(Database& /*database*/, std::string_view /*key*/, bool /*emptied*/) override {}
};

TEST(Evictor, FindsEveryKeyAlsoInATableThatLostMostOfThem) {
  for (const EvictionPolicy policy : {EvictionPolicy::allkeys_lru, EvictionPolicy::allkeys_lfu,
                                      EvictionPolicy::allkeys_fifo, EvictionPolicy::allkeys_random}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Silent silent;
      Keyspace keyspace{2, seed, silent};
      keyspace.set_policy(policy);
      Database& database = keyspace.database(0);
      constexpr std::size_t kKeys = 4096;
      for (std::size_t i = 0; i < kKeys; ++i) database.set_text(fmt::format("key-{}", i), "v");
      for (std::size_t i = 0; i < kKeys * 6 / 7; ++i) database.erase(fmt::format("key-{}", i));
      while (database.size() > 0) {
        const std::size_t before = database.size();
        // One that remembers no candidates from before.
        ASSERT_TRUE(Evictor(keyspace).evict_one()) << before << " keys are left, seed " << seed;
        ASSERT_EQ(database.size(), before - 1);
      }
      EXPECT_FALSE(Evictor(keyspace).evict_one());
    }
  }
}

}  // namespace
}  // namespace leat::keyspace
