#pragma once

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/stream/group_support.h"

namespace leat::stream::testing {

// Consumer groups, their clients, their journal and their crashes, all from one seed. The engine is the real one; clients
// behave as Kafka's consumers do and, while there is chaos, also stall, retry, restart, leave and change their minds. The
// journal is committed piece by piece; a crash keeps what was committed, perhaps more, and sometimes compacts it.
class GroupSimulation {
 public:
  explicit GroupSimulation(std::uint64_t seed);
  // The first broken rule, or nothing.
  std::optional<std::string> run();
  // How much happened, for making sure that the simulation reaches what it is about.
  struct Reached {
    int generations = 0, static_rejoins = 0, crashes = 0, lost_records = 0, commits = 0, fetches = 0, deletions = 0;
  };
  [[nodiscard]] const Reached& reached() const { return reached_; }

 private:
  enum class Phase { stopped, joining, joined, syncing, stable };
  struct Client {
    std::string name;
    std::string group;
    std::optional<std::string> instance;
    bool requires_id = false;
    bool can_skip = false;
    Milliseconds session{0};
    Milliseconds rebalance{0};
    int subscription = 0;
    Phase phase = Phase::stopped;
    bool wants_in = false;
    int connection = 0;  // replies to an earlier one are not seen
    std::string member_id;
    Generation generation = kNoGeneration;
    std::vector<MemberAssignment> assignments;  // as leader
    std::string assignment;
    Milliseconds next_heartbeat{0};
    Milliseconds stalled_until{0};
    Milliseconds retry_at{0};
  };
  struct Request {
    std::size_t client = 0;
    int connection = 0;
    std::string group;
    Generation generation = kNoGeneration;
    std::int64_t value = -1;    // of a commit
    std::int64_t at_least = 0;  // what a fetch must show
    int lifetime = 0;           // of the group when it was asked
    bool from_client = true;    // else from a tool
  };
  // What clients were told of a group, and must go on being true.
  struct Truth {
    std::int64_t at_least = -1;                   // of the committed offset
    int lifetime = 0;                             // grows when the group is deleted
    Generation told = kNoGeneration;              // the latest generation with an assignment that anyone was told
    std::map<std::int32_t, std::string> leaders;  // generation → mark of the assignment told
  };
  struct Held {
    std::size_t position;
    AnsweredRequest answer;
  };

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool chance(int percent) { return static_cast<int>(below(100)) < percent; }
  void require(bool holds, const std::string& rule);
  [[nodiscard]] GroupTime now() const { return {MonoTime(elapsed_), Timestamp(1'000'000 + elapsed_.count())}; }

  // host
  RequestId send(GroupCommand command, Request request);
  void absorb(GroupDecision decision);
  void commit_up_to(std::size_t position);
  void answer(AnsweredRequest answer);
  void advance(Milliseconds by);
  void crash();
  void compact(std::vector<OffsetsRecord>& records);
  void load(GroupEngine& engine, const std::vector<OffsetsRecord>& records);
  void compare_with_replay();

  // clients
  void act(std::size_t index);
  void join(std::size_t index);
  void sync(std::size_t index);
  void heartbeat(std::size_t index);
  void leave(std::size_t index);
  void restart(std::size_t index);
  void commit_offset(std::size_t index);
  void fetch_offset(const std::string& group);
  void rejoin(Client& client, GroupError error);
  void on(Client& client, const Request& request, JoinReply& reply);
  void on(Client& client, const Request& request, SyncReply& reply);
  void on(Client& client, const Request& request, HeartbeatReply& reply);
  void on_commit(const Request& request, const OffsetCommitReply& reply);
  void on_fetch(const Request& request, const OffsetFetchReply& reply);
  void check_assignment(const Client& client, const Request& request, const SyncReply& reply);

  void chaos_step();
  void disturb(std::size_t index);
  void administer();
  bool everyone_is_stable();
  void settle();

  std::mt19937_64 random_;
  GroupConfig config_;
  std::optional<std::string> broken_;
  Milliseconds elapsed_{0};
  std::unique_ptr<GroupEngine> engine_;
  std::vector<OffsetsRecord> journal_;
  std::vector<std::int64_t> journal_values_;  // the offset in each record, -1 for others
  std::size_t committed_ = 0;
  std::deque<Held> held_;
  std::map<std::uint64_t, Request> requests_;  // not answered yet
  std::uint64_t last_request_ = 0;
  std::uint64_t fresh_ = 0;
  std::int64_t last_value_ = 0;
  int last_mark_ = 0;
  std::set<std::int64_t> lost_values_;
  std::map<std::string, Truth> truths_;
  std::vector<Client> clients_;
  Reached reached_;
};

}  // namespace leat::stream::testing
