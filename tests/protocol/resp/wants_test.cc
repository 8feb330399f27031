#include "protocol/resp/acl/wants.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace leat::resp {
namespace {

// All commands. Whoever adds one says here what it wants of leat's grants, after a thought about what it tells and changes.
constexpr std::pair<Want, std::string_view> kExpected[] = {
    {Want::nothing,
     "acl|cat acl|genpass acl|help acl|whoami asking auth client|caching client|getname client|getredir "
     "client|help client|id client|info client|no-touch client|reply client|setinfo "
     "client|setname client|trackinginfo cluster|help cluster|info cluster|keyslot cluster|links "
     "cluster|myid cluster|nodes cluster|shards cluster|slots command command|count command|docs "
     "command|getkeys command|getkeysandflags command|help command|info command|list config|help discard "
     "echo exec function|help hello latency|help lolwut memory|help module|help multi object|help ping "
     "pubsub|help punsubscribe quit readonly readwrite reset script|help select slowlog|help sunsubscribe "
     "time unsubscribe unwatch wait waitaof xgroup|help xinfo|help"},
    {Want::keys,
     "append bitcount bitfield bitfield_ro bitop bitpos blmove blmpop blpop brpop brpoplpush bzmpop "
     "bzpopmax bzpopmin copy decr decrby del dump exists expire expireat expiretime geoadd geodist geohash "
     "geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore get "
     "getbit getdel getex getrange getset hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel "
     "hgetex hincrby hincrbyfloat hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl "
     "hrandfield hscan hset hsetex hsetnx hstrlen httl hvals incr incrby incrbyfloat lcs lindex linsert "
     "llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim memory|usage mget move mset msetnx "
     "object|encoding object|freq object|idletime object|refcount persist pexpire pexpireat pexpiretime "
     "pfadd pfcount pfmerge psetex pttl rename renamenx restore restore-asking rpop rpoplpush rpush rpushx "
     "sadd scard sdiff sdiffstore set setbit setex setnx setrange sinter sintercard sinterstore sismember "
     "smembers smismember smove sort sort_ro spop srandmember srem sscan strlen substr sunion sunionstore "
     "touch ttl type unlink xack xadd xautoclaim xclaim xdel xgroup|create xgroup|createconsumer "
     "xgroup|delconsumer xgroup|destroy xgroup|setid xinfo|consumers xinfo|groups xinfo|stream xlen "
     "xpending xrange xread xreadgroup xrevrange xsetid xtrim zadd zcard zcount zdiff zdiffstore zincrby "
     "zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex "
     "zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange "
     "zrevrangebylex zrevrangebyscore zrevrank zscan zscore zunion zunionstore"},
    {Want::watched_keys, "watch"},
    {Want::every_key, "cluster|countkeysinslot cluster|getkeysinslot dbsize keys randomkey scan"},
    {Want::broadcasts, "client|tracking"},
    {Want::some_key, "eval eval_ro evalsha evalsha_ro fcall fcall_ro script|exists script|load"},
    {Want::locks, "fence lock.acquire lock.extend lock.info lock.release"},
    {Want::channels, "psubscribe publish spublish ssubscribe subscribe"},
    {Want::known_channels, "pubsub|numsub pubsub|shardnumsub"},
    {Want::every_channel, "pubsub|channels pubsub|numpat pubsub|shardchannels"},
    {Want::describe_cluster,
     "client|list cluster|count-failure-reports cluster|replicas cluster|slaves config|get function|dump "
     "function|list function|stats info lastsave latency|doctor latency|graph latency|histogram "
     "latency|history latency|latest memory|doctor memory|malloc-stats memory|stats module|list role "
     "slowlog|get slowlog|len"},
    {Want::alter_cluster,
     "acl|deluser acl|dryrun acl|getuser acl|list acl|load acl|log acl|save acl|setuser acl|users "
     "bgrewriteaof bgsave client|kill client|no-evict client|pause client|unblock client|unpause cluster|addslots "
     "cluster|addslotsrange cluster|bumpepoch cluster|delslots cluster|delslotsrange cluster|failover "
     "cluster|flushslots cluster|forget cluster|meet cluster|replicate cluster|reset cluster|saveconfig "
     "cluster|set-config-epoch cluster|setslot config|resetstat config|rewrite config|set debug failover "
     "flushall flushdb function|delete function|flush function|kill function|load function|restore "
     "latency|reset memory|purge migrate module|load module|loadex module|unload monitor pfdebug "
     "pfselftest psync replconf replicaof save script|debug script|flush script|kill shutdown slaveof "
     "slowlog|reset swapdb sync"},
};

std::map<std::string, Want> expected() {
  std::map<std::string, Want> wants;
  for (const auto& [want, names] : kExpected) {
    std::istringstream stream{std::string(names)};
    for (std::string name; stream >> name;) EXPECT_TRUE(wants.emplace(name, want).second) << name << " comes twice";
  }
  return wants;
}

TEST(Wants, AreKnownOfEveryCommand) {
  std::map<std::string, Want> wants = expected();
  for (const RuledCommand& ruled : ruled_commands()) {
    if (ruled.command->handler == nullptr) continue;  // only its subcommands can be called
    const auto found = wants.find(ruled.name);
    ASSERT_NE(found, wants.end()) << ruled.name << ", which seems to want: " << to_string(want_of(ruled));
    EXPECT_EQ(to_string(want_of(ruled)), to_string(found->second)) << ruled.name;
    EXPECT_EQ(want_of(*ruled.command), want_of(ruled)) << ruled.name;
    wants.erase(found);
  }
  for (const auto& [name, want] : wants) ADD_FAILURE() << "there is no command " << name;
}

// What only reads keys is not for changing them, and the other way around: the table of commands must say what is done.
TEST(Wants, CommandsThatChangeSayWhichKeys) {
  for (const RuledCommand& ruled : ruled_commands()) {
    bool changes = false;
    for (const KeySpec& spec : ruled.command->keys)
      changes |= (spec.flags & (kKeyInsert | kKeyUpdate | kKeyDelete)) != 0;
    if (ruled.command->is(kReadonly)) EXPECT_FALSE(changes && want_of(ruled) == Want::keys) << ruled.name;
    const bool only_reads = ruled.name == "xreadgroup";  // of its keys: what it changes belongs to a group
    if (ruled.command->is(kWrite) && want_of(ruled) == Want::keys && !only_reads) EXPECT_TRUE(changes) << ruled.name;
  }
}

}  // namespace
}  // namespace leat::resp
