#include "catalog/topic_config.h"

#include <gtest/gtest.h>

#include "tests/catalog/support.h"

namespace leat::catalog {
namespace {

const ServerDefaults kNoDefaults;

TEST(TopicConfig, EveryKeyTakesItsDefaultAndRefusesGarbage) {
  ASSERT_FALSE(topic_config_keys().empty());
  for (const TopicConfigKey& key : topic_config_keys()) {
    const auto valid = validate_topic_config(key.name, key.default_value);
    EXPECT_TRUE(valid) << message_of(valid);
    for (const char* garbage :
         {"", " ", "garbage", "-2", "1x", "0x10", "nan", "true false", "99999999999999999999", ","}) {
      const auto refused = validate_topic_config(key.name, garbage);
      EXPECT_FALSE(refused) << key.name << "=" << garbage;
      if (!refused) {
        EXPECT_EQ(refused.error().code, Errc::invalid_config);
        EXPECT_NE(refused.error().message.find(key.name), std::string::npos);
      }
    }
    EXPECT_FALSE(key.documentation.empty()) << key.name;
    EXPECT_FALSE(key.server_name.empty()) << key.name;
    EXPECT_EQ(key.apply == nullptr, key.documentation.starts_with("No effect")) << key.name;
    EXPECT_EQ(find_topic_config(key.name), &key);
  }
}

TEST(TopicConfig, UnknownKeysAreRefused) {
  EXPECT_EQ(find_topic_config("retention.m"), nullptr);
  EXPECT_EQ(error_of(validate_topic_config("retention.m", "1")), Errc::invalid_config);
  EXPECT_EQ(error_of(resolve_topic_config(kNoDefaults, {{"zzz", "1"}})), Errc::invalid_config);
}

TEST(TopicConfig, NumbersEndAtTheirLimits) {
  const auto takes = [](std::string_view key, std::string_view value) {
    return validate_topic_config(key, value).has_value();
  };
  EXPECT_TRUE(takes("retention.ms", "-1"));
  EXPECT_FALSE(takes("retention.ms", "-2"));
  EXPECT_TRUE(takes("retention.ms", "9223372036854775807"));
  EXPECT_FALSE(takes("retention.ms", "9223372036854775808"));
  EXPECT_TRUE(takes("segment.bytes", "1048576"));
  EXPECT_FALSE(takes("segment.bytes", "1048575"));
  EXPECT_TRUE(takes("segment.bytes", "2147483647"));
  EXPECT_FALSE(takes("segment.bytes", "2147483648"));
  EXPECT_TRUE(takes("min.insync.replicas", "1"));
  EXPECT_FALSE(takes("min.insync.replicas", "0"));
  EXPECT_TRUE(takes("min.cleanable.dirty.ratio", "0"));
  EXPECT_TRUE(takes("min.cleanable.dirty.ratio", "1.0"));
  EXPECT_FALSE(takes("min.cleanable.dirty.ratio", "1.01"));
  EXPECT_TRUE(takes("segment.ms", " 1 "));
  EXPECT_FALSE(takes("segment.ms", "0"));
  EXPECT_TRUE(takes("preallocate", "TRUE"));
  EXPECT_FALSE(takes("preallocate", "1"));
}

TEST(TopicConfig, ListsHoldKnownItemsOnce) {
  EXPECT_TRUE(validate_topic_config("cleanup.policy", "compact"));
  EXPECT_TRUE(validate_topic_config("cleanup.policy", " compact , delete "));
  EXPECT_FALSE(validate_topic_config("cleanup.policy", "compact,compact"));
  EXPECT_FALSE(validate_topic_config("cleanup.policy", "compact,remove"));
}

TEST(TopicConfig, NothingSetIsTheLogsOwnDefaultButForTimestampsOfTheFuture) {
  const auto resolved = resolve_topic_config(kNoDefaults, {});
  ASSERT_TRUE(resolved) << message_of(resolved);
  const log::LogConfig plain;
  EXPECT_EQ(resolved->segment_bytes, plain.segment_bytes);
  EXPECT_EQ(resolved->segment_ms, plain.segment_ms);
  EXPECT_EQ(resolved->index_interval_bytes, plain.index_interval_bytes);
  EXPECT_EQ(resolved->delete_old, plain.delete_old);
  EXPECT_EQ(resolved->compact, plain.compact);
  EXPECT_EQ(resolved->retention_bytes, plain.retention_bytes);
  EXPECT_EQ(resolved->retention_ms, plain.retention_ms);
  EXPECT_EQ(resolved->delete_retention_ms, plain.delete_retention_ms);
  EXPECT_EQ(resolved->min_compaction_lag_ms, plain.min_compaction_lag_ms);
  EXPECT_EQ(resolved->max_compaction_lag_ms, plain.max_compaction_lag_ms);
  EXPECT_EQ(resolved->min_cleanable_dirty_ratio, plain.min_cleanable_dirty_ratio);
  EXPECT_EQ(resolved->batch_size_max, plain.batch_size_max);
  EXPECT_EQ(resolved->timestamp_type, plain.timestamp_type);
  EXPECT_EQ(resolved->timestamp_before_max_ms, plain.timestamp_before_max_ms);
  EXPECT_EQ(resolved->timestamp_after_max_ms, 3'600'000);  // Kafka 4's
  EXPECT_EQ(resolved->codec, plain.codec);
  EXPECT_EQ(resolved->fence, plain.fence);
  EXPECT_EQ(resolved->flush, plain.flush);
}

TEST(TopicConfig, EveryKeyWithAnEffectReachesItsField) {
  const ConfigMap set = {
      {"cleanup.policy", "compact"},
      {"compression.type", "zstd"},
      {"delete.retention.ms", "11"},
      {"index.interval.bytes", "12"},
      {"leat.fence", "true"},
      {"leat.flush", "interval"},
      {"max.compaction.lag.ms", "13"},
      {"max.message.bytes", "14"},
      {"message.timestamp.after.max.ms", "15"},
      {"message.timestamp.before.max.ms", "16"},
      {"message.timestamp.type", "LogAppendTime"},
      {"min.cleanable.dirty.ratio", "0.25"},
      {"min.compaction.lag.ms", "10"},
      {"retention.bytes", "17"},
      {"retention.ms", "18"},
      {"segment.bytes", "1900000"},
      {"segment.ms", "20"},
  };
  for (const TopicConfigKey& key : topic_config_keys()) {
    EXPECT_EQ(set.contains(key.name), key.apply != nullptr) << key.name << " is missing from this test";
  }
  const auto resolved = resolve_topic_config(kNoDefaults, set);
  ASSERT_TRUE(resolved) << message_of(resolved);
  EXPECT_TRUE(resolved->compact);
  EXPECT_TRUE(resolved->fence);
  EXPECT_FALSE(resolved->delete_old);
  EXPECT_EQ(resolved->codec, log::Codec::zstd);
  EXPECT_EQ(resolved->delete_retention_ms, 11);
  EXPECT_EQ(resolved->index_interval_bytes, 12);
  EXPECT_EQ(resolved->flush, log::FlushPolicy::interval);
  EXPECT_EQ(resolved->max_compaction_lag_ms, 13);
  EXPECT_EQ(resolved->batch_size_max, 14);
  EXPECT_EQ(resolved->timestamp_after_max_ms, 15);
  EXPECT_EQ(resolved->timestamp_before_max_ms, 16);
  EXPECT_EQ(resolved->timestamp_type, log::TimestampType::append_time);
  EXPECT_EQ(resolved->min_cleanable_dirty_ratio, 0.25);
  EXPECT_EQ(resolved->min_compaction_lag_ms, 10);
  EXPECT_EQ(resolved->retention_bytes, 17);
  EXPECT_EQ(resolved->retention_ms, 18);
  EXPECT_EQ(resolved->segment_bytes, 1'900'000);
  EXPECT_EQ(resolved->segment_ms, 20);
}

TEST(TopicConfig, EveryCodecAndFlushPolicyIsUnderstood) {
  const auto codec = [](const char* name) {
    return resolve_topic_config(kNoDefaults, {{"compression.type", name}})->codec;
  };
  EXPECT_EQ(codec("producer"), std::nullopt);
  EXPECT_EQ(codec("uncompressed"), log::Codec::none);
  EXPECT_EQ(codec("gzip"), log::Codec::gzip);
  EXPECT_EQ(codec("snappy"), log::Codec::snappy);
  EXPECT_EQ(codec("lz4"), log::Codec::lz4);
  const auto flush = [](const char* name) { return resolve_topic_config(kNoDefaults, {{"leat.flush", name}})->flush; };
  EXPECT_EQ(flush("commit"), log::FlushPolicy::commit);
  EXPECT_EQ(flush("os"), log::FlushPolicy::os);
}

TEST(TopicConfig, TheTopicWinsOverTheServerAndTheServerOverTheBuiltin) {
  const ServerDefaults defaults{{{"retention.ms", "1000"}, {"segment.ms", "500"}}};
  const auto resolved = resolve_topic_config(defaults, {{"retention.ms", "2000"}});
  ASSERT_TRUE(resolved) << message_of(resolved);
  EXPECT_EQ(resolved->retention_ms, 2000);
  EXPECT_EQ(resolved->segment_ms, 500);
  EXPECT_EQ(resolved->retention_bytes, -1);
  EXPECT_EQ(error_of(resolve_topic_config({{{"retention.ms", "x"}}}, {})), Errc::invalid_config);
}

TEST(TopicConfig, CompactionLagsMustNotCross) {
  EXPECT_EQ(
      error_of(validate_topic_config(kNoDefaults, {{"min.compaction.lag.ms", "20"}, {"max.compaction.lag.ms", "10"}})),
      Errc::invalid_config);
  const ServerDefaults defaults{{{"max.compaction.lag.ms", "10"}}};
  EXPECT_EQ(error_of(validate_topic_config(defaults, {{"min.compaction.lag.ms", "20"}})), Errc::invalid_config);
}

Result<ConfigMap> change(const ConfigMap& config, std::vector<ConfigChange> changes) {
  return apply_config_changes(kNoDefaults, config, changes);
}

TEST(TopicConfig, ChangesSetRemoveAppendAndSubtract) {
  auto config =
      change({}, {{"cleanup.policy", ConfigOperation::append, "compact"}, {"retention.ms", ConfigOperation::set, "5"}});
  ASSERT_TRUE(config) << message_of(config);
  EXPECT_EQ(*config, (ConfigMap{{"cleanup.policy", "delete,compact"}, {"retention.ms", "5"}}));
  config = change(*config, {{"cleanup.policy", ConfigOperation::append, "compact"}});  // it is there already
  ASSERT_TRUE(config) << message_of(config);
  EXPECT_EQ((*config)["cleanup.policy"], "delete,compact");
  config = change(*config, {{"cleanup.policy", ConfigOperation::subtract, "delete"},
                            {"retention.ms", ConfigOperation::remove, ""}});
  ASSERT_TRUE(config) << message_of(config);
  EXPECT_EQ(*config, (ConfigMap{{"cleanup.policy", "compact"}}));
  config = change(*config, {{"retention.bytes", ConfigOperation::remove, ""}});  // was not set: fine
  ASSERT_TRUE(config) << message_of(config);
}

TEST(TopicConfig, ChangesAreRefusedAsAWhole) {
  EXPECT_EQ(error_of(change({}, {{"retention.ms", ConfigOperation::append, "1"}})), Errc::invalid_config);
  EXPECT_EQ(error_of(change({}, {{"cleanup.policy", ConfigOperation::subtract, "delete"}})), Errc::invalid_config);
  EXPECT_EQ(error_of(change(
                {}, {{"retention.ms", ConfigOperation::set, "1"}, {"retention.ms", ConfigOperation::remove, ""}})),
            Errc::invalid_config);
  EXPECT_EQ(error_of(change({}, {{"nothing", ConfigOperation::remove, ""}})), Errc::invalid_config);
  EXPECT_EQ(
      error_of(change({{"min.compaction.lag.ms", "20"}}, {{"max.compaction.lag.ms", ConfigOperation::set, "10"}})),
      Errc::invalid_config);
}

TEST(TopicConfig, DescribeNamesValueSourceAndSynonyms) {
  const ServerDefaults defaults{{{"retention.ms", "1000"}, {"segment.ms", "500"}}};
  const auto described = describe_topic_config(defaults, {{"retention.ms", "2000"}});
  EXPECT_EQ(described.size(), topic_config_keys().size());
  const auto find = [&](std::string_view name) {
    return *std::ranges::find(described, name, [](const DescribedConfig& config) { return config.key->name; });
  };
  const DescribedConfig own = find("retention.ms");
  EXPECT_EQ(own.value, "2000");
  EXPECT_EQ(own.source, ConfigSource::topic);
  ASSERT_EQ(own.synonyms.size(), 3U);
  EXPECT_EQ(own.synonyms[0].name, "retention.ms");
  EXPECT_EQ(own.synonyms[1].name, "log.retention.ms");
  EXPECT_EQ(own.synonyms[1].value, "1000");
  EXPECT_EQ(own.synonyms[2].value, "604800000");
  EXPECT_EQ(own.synonyms[2].source, ConfigSource::builtin);
  EXPECT_EQ(find("segment.ms").source, ConfigSource::server);
  EXPECT_EQ(find("segment.ms").value, "500");
  EXPECT_EQ(find("segment.bytes").source, ConfigSource::builtin);
}

}  // namespace
}  // namespace leat::catalog
