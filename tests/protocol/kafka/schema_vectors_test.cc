// Every message in every version, encoded by the independent Python codec (schema_vectors.py), must be decoded and encoded
// again to the same bytes; cut short or damaged anywhere, it must be refused or read, never more.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "protocol/kafka/messages/all.h"

namespace leat::kafka {
namespace {

struct Vector {
  std::string message;
  std::int16_t version;
  std::string bytes;
};

std::vector<Vector> load_vectors() {
  std::ifstream file(LEAT_KAFKA_VECTORS, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<Vector> vectors;
  Reader reader(as_bytes(all));
  while (reader.ok() && reader.remaining() > 0) {
    Vector vector;
    vector.message = as_text(reader.bytes(false));
    vector.version = static_cast<std::int16_t>(std::stoi(std::string(as_text(reader.bytes(false)))));
    vector.bytes = as_text(reader.bytes(false));
    vectors.push_back(std::move(vector));
  }
  EXPECT_TRUE(reader.ok());
  return vectors;
}

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> loaded = load_vectors();
  return loaded;
}

template <class T>
Status decode_exactly(BytesView bytes, std::int16_t version, T& out) {
  Reader reader(bytes);
  LEAT_CHECK(decode(reader, version, out));
  if (reader.remaining() > 0)
    return fail(Errc::invalid_argument, fmt::format("{} bytes left over", reader.remaining()));
  return {};
}

template <class T>
Result<Bytes> recode(BytesView bytes, std::int16_t version) {
  T message;
  LEAT_CHECK(decode_exactly(bytes, version, message));
  Writer writer;
  encode(writer, version, std::move(message));
  return writer.take();
}

using Recode = Result<Bytes> (*)(BytesView, std::int16_t);

struct Type {
  Recode recode;
  std::int16_t version_min;
  std::int16_t version_max;
};

const std::map<std::string_view, Type>& types() {
  static const std::map<std::string_view, Type> all = {
#define LEAT_TYPE(T) {T::kName, {&recode<T>, T::kVersionMin, T::kVersionMax}},
      LEAT_KAFKA_MESSAGES(LEAT_TYPE)
#undef LEAT_TYPE
  };
  return all;
}

TEST(SchemaVectors, CoverEveryVersionOfEveryMessage) {
  std::map<std::pair<std::string_view, std::int16_t>, int> seen;
  for (const Vector& vector : vectors()) ++seen[{vector.message, vector.version}];
  for (const auto& [name, type] : types())
    for (std::int16_t version = type.version_min; version <= type.version_max; ++version)
      EXPECT_GE((seen[{name, version}]), 4) << name << " version " << version;
}

TEST(SchemaVectors, AreDecodedAndEncodedToTheSameBytes) {
  for (const Vector& vector : vectors()) {
    const auto again = types().at(vector.message).recode(as_bytes(vector.bytes), vector.version);
    ASSERT_TRUE(again) << vector.message << " version " << vector.version << ": " << again.error().message;
    ASSERT_EQ(as_text(*again), vector.bytes) << vector.message << " version " << vector.version;
  }
}

TEST(SchemaVectors, AreRefusedWhenCutShortAnywhere) {
  for (const Vector& vector : vectors()) {
    const Type& type = types().at(vector.message);
    for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
      // A block of its own, so that a read beyond the end is one the sanitizer sees.
      const std::vector<char> cut(vector.bytes.begin(), vector.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      ASSERT_FALSE(type.recode(as_bytes(std::string_view(cut.data(), cut.size())), vector.version))
          << vector.message << " version " << vector.version << " cut to " << size;
    }
  }
}

TEST(SchemaVectors, AreReadOrRefusedWhenDamagedAnywhere) {
  std::size_t refused = 0;
  std::size_t read = 0;
  for (const Vector& vector : vectors()) {
    const Type& type = types().at(vector.message);
    for (std::size_t at = 0; at < vector.bytes.size(); ++at) {
      for (const unsigned char flip : {0x01, 0x80, 0xFF}) {
        std::string damaged = vector.bytes;
        damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
        ++(type.recode(as_bytes(damaged), vector.version) ? read : refused);
      }
    }
  }
  EXPECT_GT(read, 0U);
  EXPECT_GT(refused, 0U);
}

TEST(SchemaVectors, AreRefusedInVersionsThatAreNotDeclared) {
  for (const auto& [name, type] : types()) {
    for (const int version : {type.version_min - 1, type.version_max + 1}) {
      const auto result = type.recode({}, static_cast<std::int16_t>(version));
      ASSERT_FALSE(result) << name;
      EXPECT_EQ(result.error().code, Errc::unsupported) << name;
    }
  }
}

}  // namespace
}  // namespace leat::kafka
