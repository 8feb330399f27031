#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "stream/group_engine.h"
#include "stream/offsets_format.h"

// A group engine with a clock and a journal that are the test's own.
namespace leat::stream {

inline void PrintTo(GroupError error, std::ostream* out) { *out << to_string(error); }
inline void PrintTo(GroupState state, std::ostream* out) { *out << to_string(state); }
inline void PrintTo(Generation generation, std::ostream* out) { *out << generation.value(); }

}  // namespace leat::stream

namespace leat::stream::testing {

using namespace std::chrono_literals;

inline Bytes bytes_of(std::string_view text) { return Bytes::copy_of(as_bytes(text)); }

inline std::vector<GroupProtocol> protocols_of(std::initializer_list<std::pair<std::string, std::string>> list) {
  std::vector<GroupProtocol> protocols;
  for (const auto& [name, metadata] : list) protocols.push_back({name, bytes_of(metadata)});
  return protocols;
}

inline std::vector<MemberAssignment> assign(std::initializer_list<std::pair<std::string, std::string>> list) {
  std::vector<MemberAssignment> assignments;
  for (const auto& [member, assignment] : list) assignments.push_back({member, bytes_of(assignment)});
  return assignments;
}

// A consumer protocol subscription to `topics`.
inline std::string subscription_to(std::initializer_list<std::string_view> topics) {
  std::string out("\0\0\0\0\0", 5);
  out.push_back(static_cast<char>(topics.size()));
  for (std::string_view topic : topics) {
    out.push_back('\0');
    out.push_back(static_cast<char>(topic.size()));
    out.append(topic);
  }
  return out;
}

class Driver {
 public:
  explicit Driver(GroupConfig config = {}) : config_(config), engine_(std::make_unique<GroupEngine>(config)) {
    engine_->finish_loading(now());
  }

  GroupTime now() const { return {MonoTime(elapsed_), Timestamp(1'000'000'000 + elapsed_.count())}; }
  GroupEngine& engine() { return *engine_; }
  const Group& group(const std::string& id = "g") { return *engine_->find(id); }

  // Gives the engine a command; its answer comes now or later.
  RequestId send(GroupCommand command) {
    const RequestId request(++last_request_);
    absorb(engine_->decide(request, std::move(command), now()));
    return request;
  }
  [[nodiscard]] bool answered(RequestId request) const { return answers_.contains(request.value()); }
  template <class Reply>
  Reply take(RequestId request) {
    auto node = answers_.extract(request.value());
    if (node.empty()) {
      ADD_FAILURE() << "request " << request.value() << " is not answered";
      return {};
    }
    return std::get<Reply>(std::move(node.mapped()));
  }
  template <class Reply>
  Reply ask(GroupCommand command) {
    return take<Reply>(send(std::move(command)));
  }

  void advance(Milliseconds by) {
    const Milliseconds target = elapsed_ + by;
    while (true) {
      const auto next = engine_->next_deadline();
      if (!next || *next > MonoTime(target)) break;
      elapsed_ = std::max(elapsed_, std::chrono::ceil<Milliseconds>(next->time_since_epoch()));
      absorb(engine_->tick(now()));
    }
    elapsed_ = target;
  }

  // Passes time until an answer comes, at most two minutes.
  void advance_until(RequestId request) {
    for (int i = 0; i < 1200 && !answered(request); ++i) advance(100ms);
  }

  // A crash after everything was committed, and the start after it.
  void restart() {
    engine_ = std::make_unique<GroupEngine>(config_);
    for (const OffsetsRecord& record : journal_) {
      std::optional<BytesView> value;
      if (record.value) value = record.value->view();
      auto event = decode_group_event(record.key, value);
      ASSERT_TRUE(event && *event);
      engine_->load(**event);
    }
    engine_->finish_loading(now());
    answers_.clear();
  }
  [[nodiscard]] std::size_t journal_size() const { return journal_.size(); }

  // ---- Shorthands ----
  static JoinCommand join_command(std::string member_id, std::optional<std::string> instance_id = std::nullopt) {
    JoinCommand join;
    join.group_id = "g";
    join.member_id = std::move(member_id);
    join.instance_id = std::move(instance_id);
    join.client_id = "client";
    join.client_host = "/127.0.0.1";
    join.session_timeout = 10s;
    join.rebalance_timeout = 60s;
    join.protocol_type = "consumer";
    join.protocols = protocols_of({{"range", subscription_to({"orders"})}});
    return join;
  }
  RequestId join(JoinCommand command) {
    command.fresh_id = Uuid::from_random(++fresh_, 0);
    return send(std::move(command));
  }
  RequestId join(std::string member_id = "", std::optional<std::string> instance_id = std::nullopt) {
    return join(join_command(std::move(member_id), std::move(instance_id)));
  }
  RequestId sync(const std::string& member, Generation generation, std::vector<MemberAssignment> assignments = {},
                 std::optional<std::string> instance_id = std::nullopt) {
    SyncCommand command;
    command.group_id = "g";
    command.generation = generation;
    command.member_id = member;
    command.instance_id = std::move(instance_id);
    command.assignments = std::move(assignments);
    return send(std::move(command));
  }
  GroupError heartbeat(const std::string& member, Generation generation,
                       std::optional<std::string> instance_id = std::nullopt) {
    return ask<HeartbeatReply>(HeartbeatCommand{"g", generation, member, std::move(instance_id)}).error;
  }
  LeaveReply leave(std::string member, std::optional<std::string> instance_id = std::nullopt) {
    LeaveCommand command{"g", {}};
    command.members.push_back({std::move(member), std::move(instance_id), ""});
    return ask<LeaveReply>(std::move(command));
  }
  OffsetCommitCommand commit_command(std::int64_t offset, std::string member = "",
                                     Generation generation = kNoGeneration) {
    OffsetCommitCommand command;
    command.group_id = "g";
    command.member_id = std::move(member);
    command.generation = generation;
    command.partitions.push_back({"orders", PartitionIndex(0), Offset(offset), LeaderEpoch(1), "meta"});
    return command;
  }
  OffsetCommitReply commit(std::int64_t offset, std::string member = "", Generation generation = kNoGeneration) {
    return ask<OffsetCommitReply>(commit_command(offset, std::move(member), generation));
  }
  // -1 when none is stored.
  std::int64_t committed(const std::string& topic = "orders", int partition = 0) {
    OffsetFetchCommand fetch{"g", std::vector<TopicPartitions>()};
    fetch.topics->push_back({topic, {PartitionIndex(partition)}});
    const auto reply = ask<OffsetFetchReply>(std::move(fetch));
    return reply.topics.at(0).partitions.at(0).offset.value();
  }
  DescribeGroupReply describe() { return ask<DescribeGroupReply>(DescribeGroupCommand{"g"}); }

  struct Joined {
    std::string member;
    JoinReply reply;
  };
  // A stable group of `count` dynamic members, m[0] the leader, each assigned "a<i>".
  std::vector<std::string> stable_group(int count) {
    std::vector<RequestId> requests;
    for (int i = 0; i < count; ++i) requests.push_back(join());
    advance_until(requests.back());
    std::vector<std::string> members;
    std::string leader;
    for (const RequestId request : requests) {
      const auto reply = take<JoinReply>(request);
      EXPECT_EQ(reply.error, GroupError::none);
      leader = reply.leader;
      members.push_back(reply.member_id);
    }
    std::swap(members.front(), *std::ranges::find(members, leader));
    settle(members);
    return members;
  }
  // Everyone syncs; the leader is members[0].
  void settle(const std::vector<std::string>& members) {
    std::vector<MemberAssignment> assignments;
    for (std::size_t i = 0; i < members.size(); ++i)
      assignments.push_back({members[i], bytes_of("a" + std::to_string(i))});
    const Generation generation = group().generation;
    std::vector<RequestId> requests;
    for (std::size_t i = members.size(); i-- > 1;) requests.push_back(sync(members[i], generation));
    requests.push_back(sync(members[0], generation, std::move(assignments)));
    for (std::size_t i = 0; i < members.size(); ++i) {
      const auto reply = take<SyncReply>(requests[members.size() - 1 - i]);
      EXPECT_EQ(reply.error, GroupError::none);
      EXPECT_EQ(as_text(reply.assignment), "a" + std::to_string(i));
    }
  }

 private:
  void absorb(GroupDecision decision) {
    for (const GroupEvent& event : decision.events) journal_.push_back(encode_group_event(event));
    for (auto* answers : {&decision.now, &decision.after_commit}) {
      for (AnsweredRequest& answer : *answers) {
        const bool first = answers_.emplace(answer.request.value(), std::move(answer.reply)).second;
        EXPECT_TRUE(first) << "request " << answer.request.value() << " was answered twice";
      }
    }
  }

  GroupConfig config_;
  std::unique_ptr<GroupEngine> engine_;
  Milliseconds elapsed_{0};
  std::uint64_t last_request_ = 0;
  std::uint64_t fresh_ = 0;
  std::map<std::uint64_t, GroupReply> answers_;
  std::vector<OffsetsRecord> journal_;
};

}  // namespace leat::stream::testing
