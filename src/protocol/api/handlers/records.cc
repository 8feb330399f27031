#include <nlohmann/json.hpp>

#include "protocol/api/handlers.h"
#include "protocol/api/publisher.h"
#include "protocol/api/reader.h"
#include "runtime/call.h"
#include "stream/partitioner.h"

namespace leat::api {
namespace {

using runtime::Task;

constexpr std::size_t kRecordsMax = 10'000;
constexpr std::size_t kLineSizeMax = std::size_t{8} << 20;
constexpr int kMultiStatus = 207;

Outcome<const catalog::Topic*> find_topic(const Request& request, bool for_writing) {
  const catalog::Topic* topic = request.shard.topics().find(request.text("topic"));
  if (topic == nullptr) return refuse(404, "not-found", fmt::format("there is no topic '{}'", request.text("topic")));
  if (for_writing && topic->entry.internal)
    return refuse(403, "permission-denied", fmt::format("'{}' is leat's own", topic->entry.name));
  return topic;
}

void append_placed(const Placed& placed, std::string& out) {
  fmt::format_to(std::back_inserter(out), R"({{"partition":{})", placed.partition);
  if (placed.problem) {
    out += R"(,"error":)";
    append_problem(*placed.problem, out);
  } else {
    fmt::format_to(std::back_inserter(out), R"(,"offset":{},"timestamp":{})", placed.offset, placed.timestamp);
  }
  out += '}';
}

Outcome<http::HttpResponse> response_of(const std::vector<Placed>& all) {
  const auto failed = std::ranges::count_if(all, [](const Placed& placed) { return placed.problem.has_value(); });
  if (static_cast<std::size_t>(failed) == all.size()) return std::unexpected(*all.front().problem);
  std::string body = R"({"records":[)";
  for (const Placed& placed : all) {
    if (&placed != &all.front()) body += ',';
    append_placed(placed, body);
  }
  body += "]}";
  return json_text_response(failed == 0 ? 200 : kMultiStatus, std::move(body));
}

Answer publish_all(Request& request, const catalog::Topic& topic, const std::vector<ParsedRecord>& records) {
  Publisher publisher(request.shard, topic);
  std::vector<Placed> all;
  for (const ParsedRecord& record : records) LEAT_CO_CHECK(publisher.check(record));
  for (const ParsedRecord& record : records) {
    if (!publisher.has_room(record)) std::ranges::move(co_await publisher.flush(), std::back_inserter(all));
    publisher.add(record);
  }
  std::ranges::move(co_await publisher.flush(), std::back_inserter(all));
  co_return response_of(all);
}

// A stream of lines: what became of those that have come.
class LineUpload {
 public:
  LineUpload(Request& request, const catalog::Topic& topic) : request_(request), publisher_(request.shard, topic) {}

  Answer run() {
    std::string rest;
    std::size_t looked = 0;  // at that much of it there is no end of a line
    while (true) {
      auto piece = co_await request_.http.source->next();
      if (!piece)
        co_return std::unexpected(at_line(line_ + 1, {piece.error().status, "invalid-body", piece.error().message, 0}));
      const bool is_end = piece->empty();
      const Duration wait = request_.shard.quota_gate.charge_in(request_.principal, piece->size());
      if (wait > Duration{0}) co_await runtime::sleep_for(wait);
      rest += *piece;
      if (is_end && !rest.empty()) rest += '\n';
      std::size_t done = 0;
      for (auto end = rest.find('\n', looked); end != std::string::npos; end = rest.find('\n', done)) {
        LEAT_CO_CHECK(co_await take(std::string_view(rest).substr(done, end - done)));
        done = end + 1;
      }
      rest.erase(0, done);
      looked = rest.size();
      if (rest.size() > kLineSizeMax)
        co_return std::unexpected(at_line(line_ + 1, {413, "too-large", "it is too long", 0}));
      LEAT_CO_CHECK(co_await flush());
      if (is_end) break;
    }
    co_return json_text_response(200, fmt::format(R"({{"published":{},"failed":0}})", published_));
  }

 private:
  // What the client needs to know to go on.
  [[nodiscard]] Problem at_line(std::uint64_t line, Problem problem) const {
    problem.detail = fmt::format("line {}: {}; {} records were published", line, problem.detail, published_);
    return problem;
  }
  [[nodiscard]] Outcome<ParsedRecord> read(std::string_view line) const {
    LEAT_TRY(ParsedRecord record, parse_record(line));
    LEAT_CHECK(publisher_.check(record));
    return record;
  }
  Task<Outcome<>> take(std::string_view line) {
    ++line_;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) co_return Outcome<>();
    const auto record = read(line);
    if (!record) {
      LEAT_CO_CHECK(co_await flush());
      co_return std::unexpected(at_line(line_, record.error()));
    }
    if (!publisher_.has_room(*record)) LEAT_CO_CHECK(co_await flush());
    publisher_.add(*record);
    added_.push_back(line_);
    co_return Outcome<>();
  }
  Task<Outcome<>> flush() {
    const auto placed = co_await publisher_.flush();
    const auto lines = std::exchange(added_, {});
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      if (!placed[i].problem) {
        ++published_;
      } else if (!first) {
        first = i;
      }
    }
    if (first) co_return std::unexpected(at_line(lines[*first], *placed[*first].problem));
    co_return Outcome<>();
  }

  Request& request_;
  Publisher publisher_;
  std::vector<std::uint64_t> added_;  // the lines of the records that the publisher has
  std::uint64_t line_ = 0;
  std::uint64_t published_ = 0;
};

// The body is the value.
ParsedRecord record_of(const Request& request) {
  ParsedRecord record;
  record.value = request.http.body;
  if (request.has("key")) record.key = std::string(request.text("key"));
  if (const auto partition = request.integer("partition")) record.partition = static_cast<std::int32_t>(*partition);
  record.timestamp = request.integer("timestamp");
  return record;
}

Task<Result<Offset>> delete_there(stream::StreamShard* shard, TopicPartition id, Offset before) {
  const auto partition = shard->find(id);
  if (partition == nullptr) co_return fail(Errc::not_found, "the partition is not here");
  if (!partition->log().config().delete_old)
    co_return fail(Errc::invalid_argument, "a compacted topic keeps the last record of every key");
  LEAT_CO_CHECK(co_await partition->log().delete_records(before));
  co_return partition->log().log_start();
}

Outcome<TopicPartition> partition_of(const Request& request, const catalog::Topic& topic) {
  const std::int64_t partition = request.number("partition");
  if (partition >= topic.entry.partitions)
    return refuse(404, "not-found", fmt::format("topic '{}' has no partition {}", topic.entry.name, partition));
  return TopicPartition{topic.entry.id, PartitionIndex(static_cast<std::int32_t>(partition))};
}

// What the client wants, as it says in the header.
bool wants_lines(const Request& request) {
  return request.http.header("Accept").find(kLinesType) != std::string_view::npos;
}

Answer read(Request& request, const catalog::Topic& topic, TopicPartition id, std::optional<std::string> key) {
  if (request.has("offset") && request.has("time"))
    co_return refuse(400, "invalid-parameter", "offset and time are not taken together");
  ReadQuery query{.topic = topic.entry.name,
                  .id = id,
                  .records_max = static_cast<std::size_t>(request.number("limit")),
                  .bytes_max = static_cast<std::uint64_t>(request.number("bytes_max")),
                  .wait = Milliseconds(request.number("wait_ms")),
                  .key = std::move(key),
                  .as_lines = wants_lines(request)};
  if (const auto offset = request.integer("offset")) query.from = Offset(*offset);
  if (const auto time = request.integer("time")) query.time = Timestamp(*time);
  LEAT_CO_TRY(ReadAnswer answer, co_await read_partition(request.shard, std::move(query), *request.http.presence));
  http::HttpResponse response = json_text_response(200, std::move(answer.text));
  response.kept = std::move(answer.memory);
  if (wants_lines(request)) {
    response.content_type = kLinesType;
    response.headers.emplace_back("Leat-Next", fmt::format("{}", answer.next));
  }
  co_return response;
}

}  // namespace

Answer publish_records(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request, true));
  const std::string type = request.media_type();
  if (type == kLinesType) {
    if (request.http.source == nullptr) co_return json_text_response(200, R"({"published":0,"failed":0})");
    LineUpload upload(request, *topic);
    co_return co_await upload.run();
  }
  if (type != "application/json") co_return co_await publish_all(request, *topic, {record_of(request)});
  if (request.has("key") || request.has("partition") || request.has("timestamp"))
    co_return refuse(400, "invalid-parameter", "a record in JSON has key, partition and timestamp itself");
  LEAT_CO_TRY(const auto records, parse_records(request.http.body, kRecordsMax));
  co_return co_await publish_all(request, *topic, records);
}

Answer find_records(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request, false));
  std::string key(request.text("key"));
  const PartitionIndex partition(stream::partition_of_key(as_bytes(key), topic->entry.partitions));
  co_return co_await read(request, *topic, {topic->entry.id, partition}, std::move(key));
}

Answer read_records(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request, false));
  LEAT_CO_TRY(const TopicPartition id, partition_of(request, *topic));
  co_return co_await read(request, *topic, id, std::nullopt);
}

Answer delete_records(Request& request) {
  LEAT_CO_TRY(const catalog::Topic* topic, find_topic(request, true));
  LEAT_CO_TRY(const TopicPartition id, partition_of(request, *topic));
  stream::StreamShard& owner = request.node().streams.shard(request.node().streams.owner(id));
  API_TRY(const Offset start,
          co_await runtime::call_on(owner.shard(), delete_there, &owner, id, Offset(request.number("before"))));
  co_return json_text_response(200, fmt::format(R"({{"start":{}}})", start));
}

}  // namespace leat::api
