#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/kafka/api_registry.h"
#include "protocol/kafka/messages/all.h"

namespace leat::kafka {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

template <class T>
T decoded(std::string_view bytes, std::int16_t version) {
  Reader reader(as_bytes(bytes));
  T message;
  const Status status = decode(reader, version, message);
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_EQ(reader.remaining(), 0U);
  return message;
}

template <class T>
std::string encoded(T message, std::int16_t version) {
  Writer writer;
  encode(writer, version, std::move(message));
  auto bytes = writer.take();
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? std::string(as_text(*bytes)) : "";
}

// Golden: the bytes that python3-kafka 2.0.2 (kafka.protocol) encodes for the same content.

TEST(Golden, MetadataVersion5) {
  const std::string bytes = from_hex("0000000200066f726465727300076772c3b6c39f6501");
  const auto request = decoded<MetadataRequest>(bytes, 5);
  ASSERT_TRUE(request.topics);
  ASSERT_EQ(request.topics->size(), 2U);
  EXPECT_EQ((*request.topics)[0].name, "orders");
  EXPECT_EQ((*request.topics)[1].name, "gr\u00f6\u00dfe");
  EXPECT_TRUE(request.allow_auto_topic_creation);
  EXPECT_EQ(encoded(request, 5), bytes);
}

TEST(Golden, MetadataVersion1OfAllTopics) {
  const std::string bytes = from_hex("ffffffff");
  const auto request = decoded<MetadataRequest>(bytes, 1);
  EXPECT_FALSE(request.topics);
  EXPECT_EQ(encoded(request, 1), bytes);
}

TEST(Golden, ProduceVersion7) {
  const std::string bytes = from_hex("ffffffff000075300000000100066f72646572730000000100000003000000056261746368");
  const auto request = decoded<ProduceRequest>(bytes, 7);
  EXPECT_FALSE(request.transactional_id);
  EXPECT_EQ(request.acks, -1);
  EXPECT_EQ(request.timeout_ms, 30000);
  ASSERT_EQ(request.topic_data.size(), 1U);
  EXPECT_EQ(request.topic_data[0].name, "orders");
  ASSERT_EQ(request.topic_data[0].partition_data.size(), 1U);
  EXPECT_EQ(request.topic_data[0].partition_data[0].index, 3);
  EXPECT_EQ(as_text(request.topic_data[0].partition_data[0].records.value()), "batch");
  EXPECT_EQ(encoded(request, 7), bytes);
}

TEST(Golden, FetchVersion11) {
  const std::string bytes = from_hex(
      "ffffffff000001f400000001032000000100000007000000020000000100066f72646572730000000100000000ffffffff00000000000000"
      "2a"
      "ffffffffffffffff001000000000000000067261636b2d61");
  const auto request = decoded<FetchRequest>(bytes, 11);
  EXPECT_EQ(request.replica_id, -1);
  EXPECT_EQ(request.max_wait_ms, 500);
  EXPECT_EQ(request.min_bytes, 1);
  EXPECT_EQ(request.max_bytes, 52428800);
  EXPECT_EQ(request.isolation_level, 1);
  EXPECT_EQ(request.session_id, 7);
  EXPECT_EQ(request.session_epoch, 2);
  ASSERT_EQ(request.topics.size(), 1U);
  const auto& partition = request.topics[0].partitions.at(0);
  EXPECT_EQ(partition.current_leader_epoch, -1);
  EXPECT_EQ(partition.fetch_offset, 42);
  EXPECT_EQ(partition.partition_max_bytes, 1048576);
  EXPECT_EQ(request.rack_id, "rack-a");
  EXPECT_EQ(encoded(request, 11), bytes);
}

TEST(Golden, JoinGroupVersion2) {
  const std::string bytes =
      from_hex("000567726f757000002710000493e000000008636f6e73756d657200000001000572616e6765000000020001");
  const auto request = decoded<JoinGroupRequest>(bytes, 2);
  EXPECT_EQ(request.group_id, "group");
  EXPECT_EQ(request.session_timeout_ms, 10000);
  EXPECT_EQ(request.rebalance_timeout_ms, 300000);
  EXPECT_EQ(request.protocol_type, "consumer");
  EXPECT_EQ(request.protocols.at(0).name, "range");
  EXPECT_EQ(as_text(request.protocols.at(0).metadata), std::string_view("\0\1", 2));
  EXPECT_EQ(encoded(request, 2), bytes);
}

TEST(Golden, OffsetCommitVersion3) {
  const std::string bytes = from_hex(
      "000567726f75700000000500066d656d626572ffffffffffffffff0000000100066f726465727300000001000000000000000000"
      "0004d200046e6f7465");
  const auto request = decoded<OffsetCommitRequest>(bytes, 3);
  EXPECT_EQ(request.generation_id_or_member_epoch, 5);
  EXPECT_EQ(request.topics.at(0).partitions.at(0).committed_offset, 1234);
  EXPECT_EQ(request.topics.at(0).partitions.at(0).committed_metadata, "note");
  EXPECT_EQ(encoded(request, 3), bytes);
}

TEST(Golden, ListOffsetsVersion2) {
  const std::string bytes = from_hex("ffffffff010000000100066f72646572730000000100000000ffffffffffffffff");
  const auto request = decoded<ListOffsetsRequest>(bytes, 2);
  EXPECT_EQ(request.topics.at(0).partitions.at(0).timestamp, -1);
  EXPECT_EQ(encoded(request, 2), bytes);
}

TEST(Golden, CreateTopicsVersion2) {
  const std::string bytes =
      from_hex("000000010001740000000300010000000000000001000c726574656e74696f6e2e6d7300043130303000003a9801");
  const auto request = decoded<CreateTopicsRequest>(bytes, 2);
  const auto& topic = request.topics.at(0);
  EXPECT_EQ(topic.name, "t");
  EXPECT_EQ(topic.num_partitions, 3);
  EXPECT_EQ(topic.replication_factor, 1);
  EXPECT_EQ(topic.configs.at(0).name, "retention.ms");
  EXPECT_EQ(topic.configs.at(0).value, "1000");
  EXPECT_TRUE(request.validate_only);
  EXPECT_EQ(encoded(request, 2), bytes);
}

TEST(Reader, RefusesLengthsThatTheMessageCannotHold) {
  for (const std::string& bytes : {from_hex("7fffffff"), from_hex("fffffffe"), from_hex("80000000")}) {
    Reader reader(as_bytes(bytes));
    MetadataRequest request;
    EXPECT_FALSE(decode(reader, 1, request)) << bytes.size();
  }
  // A negative string length that is not null, and a null where the version has none.
  for (const std::string& bytes : {from_hex("00000001fffe"), from_hex("00000001ffff"), from_hex("ffffffff")}) {
    Reader reader(as_bytes(bytes));
    MetadataRequest request;
    EXPECT_FALSE(decode(reader, 0, request));
  }
}

TEST(Reader, NamesMessageVersionAndPlaceOfWhatItRefuses) {
  const std::string bytes = from_hex("00000001fffe");
  Reader reader(as_bytes(bytes));
  MetadataRequest request;
  const Status status = decode(reader, 1, request);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::invalid_argument);
  EXPECT_EQ(status.error().message, "MetadataRequest version 1, byte 6: a length that the message cannot hold");
}

TEST(Reader, BoundsTheMemoryThatAMessageTakes) {
  // A request of many topics with empty names is within its bytes, yet would take 16 times its size and more in memory.
  std::string bytes;
  Writer writer;
  writer.uvarint(4'000'001);
  for (int i = 0; i < 4'000'000; ++i) {
    writer.uvarint(1);
    writer.uvarint(0);
  }
  writer.raw(as_bytes(std::string_view("\1\0\0\0", 4)));
  const auto body = writer.take();
  ASSERT_TRUE(body);
  Reader reader(*body);
  MetadataRequest request;
  const Status status = decode(reader, 9, request);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, testing::HasSubstr("too much memory"));
  EXPECT_FALSE(request.topics && request.topics->capacity() > 0);
}

TEST(Reader, PassesOverTagsThatItDoesNotKnow) {
  // ApiVersions 3: name "a", version "b", then tags 5 (two bytes) and 9 (none).
  const std::string bytes = from_hex("02610262020502ffff0900");
  const auto request = decoded<ApiVersionsRequest>(bytes, 3);
  EXPECT_EQ(request.client_software_name, "a");
  EXPECT_EQ(request.client_software_version, "b");
}

TEST(Reader, RefusesTagsThatRepeatDescendOverrunOrAreMissing) {
  for (const char* hex : {"026102620205000500", "026102620209000500", "026102620105ff01", "026102620305000600"}) {
    const std::string bytes = from_hex(hex);
    Reader reader(as_bytes(bytes));
    ApiVersionsRequest request;
    EXPECT_FALSE(decode(reader, 3, request)) << hex;
  }
}

TEST(Reader, RefusesAKnownTagWhoseContentIsLongerThanItsField) {
  // Fetch 12 with tag 0 (the cluster id, a compact string) of two bytes, of which the empty string takes one.
  Writer writer;
  FetchRequest request;
  encode(writer, 12, request);
  auto plain = writer.take();
  ASSERT_TRUE(plain);
  std::string bytes(as_text(*plain));
  bytes.pop_back();  // the count of tags: 0
  bytes += from_hex("0100020100");
  Reader reader(as_bytes(bytes));
  EXPECT_FALSE(decode(reader, 12, request));
  bytes.resize(bytes.size() - 3);
  bytes += from_hex("0101");
  Reader shorter(as_bytes(bytes));
  EXPECT_TRUE(decode(shorter, 12, request));
  EXPECT_EQ(request.cluster_id, "");
}

TEST(Writer, FailsOnAFieldThatTheVersionLacksAndThatMustNotBeDropped) {
  FetchResponse response;
  response.throttle_time_ms = 5;  // may be dropped
  EXPECT_EQ(encoded(std::move(response), 0), from_hex("00000000"));
  FetchResponse session;
  session.session_id = 1;  // must not
  Writer writer;
  encode(writer, 0, std::move(session));
  EXPECT_FALSE(writer.ok());
  const auto bytes = writer.take();
  ASSERT_FALSE(bytes);
  EXPECT_THAT(bytes.error().message, testing::HasSubstr("FetchResponse.SessionId"));
}

TEST(Writer, FailsOnANullWhereTheVersionHasNone) {
  MetadataRequest request;
  request.topics.reset();
  Writer writer;
  encode(writer, 0, request);
  EXPECT_FALSE(writer.take());
}

TEST(Writer, FailsOnAStringThatItsLengthCannotSay) {
  FindCoordinatorRequest request;
  const std::string key(32768, 'k');
  request.key = key;
  Writer writer;
  encode(writer, 0, request);
  EXPECT_FALSE(writer.take());
}

class NamedFile : public runtime::File {
 public:
  Result<std::size_t> read_at(MutableBytes, std::uint64_t) override { return 0; }
  Result<std::size_t> read_cached(MutableBytes, std::uint64_t) override { return 0; }
  bool is_cached(std::uint64_t, std::uint64_t) override { return true; }
  void prefetch(std::uint64_t, std::uint64_t) override {}
  Status write_at(std::span<const BytesView>, std::uint64_t) override { return {}; }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t) override { return {}; }
  Result<std::uint64_t> size() override { return 0; }
  void drop_cache() override {}
  int descriptor() const override { return -1; }
};

FetchResponse response_with(RecordsField records) {
  FetchResponse response;
  auto& partition = response.responses.emplace_back().partitions.emplace_back();
  response.responses[0].topic = "t";
  partition.records = std::move(records);
  return response;
}

TEST(Writer, SendsRecordsFromFilesAsPartsOfTheFrame) {
  for (const std::int16_t version : {std::int16_t{11}, std::int16_t{12}}) {
    RecordsField in_memory;
    in_memory.parts.emplace_back(Bytes::copy_of(as_bytes(std::string(5000, 'r'))));
    Writer expected;
    expected.start_frame();
    encode(expected, version, response_with(std::move(in_memory)));
    const auto flat = expected.take();
    ASSERT_TRUE(flat);
    ASSERT_EQ(load_be<std::int32_t>(flat->data()), static_cast<std::int32_t>(flat->size() - 4));

    RecordsField in_file;
    const auto file = std::make_shared<NamedFile>();
    in_file.parts.emplace_back(runtime::FileRange{file, 100, 4000});
    in_file.parts.emplace_back(runtime::FileRange{file, 7000, 1000});
    Writer writer;
    writer.start_frame();
    encode(writer, version, response_with(std::move(in_file)));
    const auto chain = writer.take_chain();
    ASSERT_TRUE(chain);
    EXPECT_EQ(chain->size(), flat->size());
    std::string joined;
    for (const auto& part : chain->parts()) {
      if (const auto* bytes = std::get_if<Bytes>(&part)) {
        joined += as_text(*bytes);
      } else {
        joined += std::string(std::get<runtime::FileRange>(part).length, 'r');
      }
    }
    EXPECT_EQ(joined, as_text(*flat));
  }
}

TEST(Writer, CannotFlattenRecordsInAFile) {
  RecordsField in_file;
  in_file.parts.emplace_back(runtime::FileRange{std::make_shared<NamedFile>(), 0, 10});
  Writer writer;
  encode(writer, 12, response_with(std::move(in_file)));
  const auto bytes = writer.take();
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, Errc::internal);
}

TEST(ApiRegistry, ListsEveryDeclaredApiOnceInOrder) {
  const auto served = served_apis();
  ASSERT_EQ(served.size(), kDeclaredApis.size());
  for (std::size_t i = 0; i < served.size(); ++i) {
    EXPECT_EQ(served[i].key, kDeclaredApis[i].key);
    EXPECT_EQ(served[i].version_max, kDeclaredApis[i].version_max) << served[i].name;
    EXPECT_EQ(find_served_api(static_cast<std::int16_t>(served[i].key)), &served[i]);
  }
  EXPECT_EQ(find_served_api(-1), nullptr);
  EXPECT_EQ(find_served_api(24), nullptr);
  EXPECT_EQ(find_served_api(9999), nullptr);
}

TEST(ApiRegistry, AdvertisesProduceFromZeroAndAnswersFromThree) {
  const ServedApi* produce = find_served_api(0);
  ASSERT_NE(produce, nullptr);
  EXPECT_EQ(produce->version_min, 0);
  EXPECT_EQ(produce->answered_from, 3);
}

TEST(ApiRegistry, ReadsTheHeaderThatTheVersionCallsFor) {
  Writer old_style;
  RequestHeader header{.request_api_key = 3, .request_api_version = 8, .correlation_id = 77, .client_id = "c"};
  encode(old_style, 1, header);
  const auto old_bytes = old_style.take();
  ASSERT_TRUE(old_bytes);
  Reader old_reader(*old_bytes);
  const auto from_old = decode_request_header(old_reader);
  ASSERT_TRUE(from_old);
  EXPECT_EQ(from_old->client_id, "c");
  EXPECT_EQ(old_reader.remaining(), 0U);

  header.request_api_version = 9;
  Writer flexible;
  encode(flexible, 2, header);
  const auto new_bytes = flexible.take();
  ASSERT_TRUE(new_bytes);
  EXPECT_EQ(new_bytes->size(), old_bytes->size() + 1);  // the tags; the client id keeps its old-style length
  Reader new_reader(*new_bytes);
  const auto from_new = decode_request_header(new_reader);
  ASSERT_TRUE(from_new);
  EXPECT_EQ(from_new->correlation_id, 77);
  EXPECT_EQ(new_reader.remaining(), 0U);

  EXPECT_EQ(response_header_version(ApiKey::kMetadata, 8), 0);
  EXPECT_EQ(response_header_version(ApiKey::kMetadata, 9), 1);
  EXPECT_EQ(response_header_version(ApiKey::kApiVersions, 4), 0);
  EXPECT_EQ(request_header_version(18, 4), 2);
  EXPECT_EQ(request_header_version(18, 100), 2);
}

TEST(ErrorCode, HasKafkasNumbersAndNames) {
  EXPECT_EQ(static_cast<int>(ErrorCode::kUnsupportedVersion), 35);
  EXPECT_EQ(static_cast<int>(ErrorCode::kUnknownTopicId), 100);
  EXPECT_EQ(to_string(ErrorCode::kNotLeaderOrFollower), "NOT_LEADER_OR_FOLLOWER");
  EXPECT_EQ(to_string(static_cast<ErrorCode>(9999)), "UNKNOWN_CODE");
  EXPECT_EQ(to_error_code(Errc::offset_out_of_range), ErrorCode::kOffsetOutOfRange);
}

}  // namespace
}  // namespace leat::kafka
