#include "tests/stream/group_simulation.h"

#include <algorithm>

namespace leat::stream::testing {
namespace {

constexpr Milliseconds kHeartbeatInterval{1500};
const std::vector<std::string> kGroups{"alpha", "beta"};

// "<mark>/<client>": which assignment of which leader it is from, and for whom.
std::string mark_of(std::string_view assignment) { return std::string(assignment.substr(0, assignment.find('/'))); }

}  // namespace

GroupSimulation::GroupSimulation(std::uint64_t seed) : random_(seed) {
  config_.initial_rebalance_delay = Milliseconds(std::array{0, 500, 3000}[below(3)]);
  config_.new_member_join_timeout = 20s;
  config_.group_size_max = chance(20) ? 3 : 100;
  engine_ = std::make_unique<GroupEngine>(config_);
  engine_->finish_loading(now());
  const std::size_t count = 2 + below(6);
  for (std::size_t i = 0; i < count; ++i) {
    Client client;
    client.name = fmt::format("c{}", i);
    client.group = kGroups[below(kGroups.size())];
    if (chance(40)) client.instance = fmt::format("s{}", i);
    client.requires_id = chance(60);
    client.can_skip = chance(50);
    client.session = Milliseconds(6000 + below(6000));
    client.rebalance = Milliseconds(3000 + below(12000));
    client.wants_in = chance(80);
    clients_.push_back(std::move(client));
  }
}

void GroupSimulation::require(bool holds, const std::string& rule) {
  if (!holds && !broken_) broken_ = fmt::format("at {} ms: {}", elapsed_.count(), rule);
}

std::optional<std::string> GroupSimulation::run() {
  for (int step = 0; step < 300 && !broken_; ++step) {
    chaos_step();
    if (step % 40 == 0) compare_with_replay();
  }
  settle();
  compare_with_replay();
  return broken_;
}

// ---- The host -------------------------------------------------------------------------------------------------------

RequestId GroupSimulation::send(GroupCommand command, Request request) {
  const RequestId id(++last_request_);
  request.lifetime = truths_[request.group].lifetime;
  requests_[id.value()] = std::move(request);
  absorb(engine_->decide(id, std::move(command), now()));
  return id;
}

void GroupSimulation::absorb(GroupDecision decision) {
  for (const GroupEvent& event : decision.events) {
    journal_.push_back(encode_group_event(event));
    const auto* commit = std::get_if<OffsetCommitted>(&event);
    journal_values_.push_back(commit != nullptr ? commit->offset.value() : -1);
  }
  for (AnsweredRequest& ready : decision.now) {
    const auto* sync = std::get_if<SyncReply>(&ready.reply);
    require(sync == nullptr || sync->error != GroupError::none, "an assignment was told before it was committed");
    const auto* commit = std::get_if<OffsetCommitReply>(&ready.reply);
    require(commit == nullptr || commit->error != GroupError::none,
            "a commit was acknowledged before it was committed");
    answer(std::move(ready));
  }
  for (AnsweredRequest& later : decision.after_commit) held_.push_back({journal_.size(), std::move(later)});
  commit_up_to(committed_);
}

void GroupSimulation::commit_up_to(std::size_t position) {
  committed_ = std::max(committed_, position);
  while (!held_.empty() && held_.front().position <= committed_) {
    AnsweredRequest ready = std::move(held_.front().answer);
    held_.pop_front();
    answer(std::move(ready));
  }
}

void GroupSimulation::answer(AnsweredRequest answer) {
  auto node = requests_.extract(answer.request.value());
  require(!node.empty(), fmt::format("request {} was answered twice", answer.request.value()));
  if (node.empty()) return;
  const Request& request = node.mapped();
  if (const auto* commit = std::get_if<OffsetCommitReply>(&answer.reply)) on_commit(request, *commit);
  if (const auto* fetch = std::get_if<OffsetFetchReply>(&answer.reply)) on_fetch(request, *fetch);
  if (!request.from_client) return;
  Client& client = clients_[request.client];
  if (const auto* sync = std::get_if<SyncReply>(&answer.reply)) check_assignment(client, request, *sync);
  if (client.connection != request.connection) return;
  if (auto* join = std::get_if<JoinReply>(&answer.reply)) on(client, request, *join);
  if (auto* sync = std::get_if<SyncReply>(&answer.reply)) on(client, request, *sync);
  if (auto* heartbeat = std::get_if<HeartbeatReply>(&answer.reply)) on(client, request, *heartbeat);
}

void GroupSimulation::advance(Milliseconds by) {
  const Milliseconds target = elapsed_ + by;
  while (!broken_) {
    const auto next = engine_->next_deadline();
    if (!next || *next > MonoTime(target)) break;
    elapsed_ = std::max(elapsed_, std::chrono::ceil<Milliseconds>(next->time_since_epoch()));
    const std::size_t before = journal_.size();
    absorb(engine_->tick(now()));
    const auto after = engine_->next_deadline();
    if (after && *after <= now().mono) {
      absorb(engine_->tick(now()));  // what the first one set up may be due at once
      const auto again = engine_->next_deadline();
      require(!again || *again > now().mono || journal_.size() != before, "a deadline passes and nothing happens");
    }
  }
  elapsed_ = target;
}

void GroupSimulation::load(GroupEngine& engine, const std::vector<OffsetsRecord>& records) {
  for (const OffsetsRecord& record : records) {
    std::optional<BytesView> value;
    if (record.value) value = record.value->view();
    auto event = decode_group_event(record.key, value);
    require(event && *event, "a record of the journal cannot be read");
    if (event && *event) engine.load(**event);
  }
}

// What log compaction may leave: the last record of each key, without tombstones.
void GroupSimulation::compact(std::vector<OffsetsRecord>& records) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < records.size(); ++i) last[std::string(as_text(records[i].key))] = i;
  std::vector<OffsetsRecord> kept;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (last[std::string(as_text(records[i].key))] == i && records[i].value) kept.push_back(std::move(records[i]));
  }
  records = std::move(kept);
}

void GroupSimulation::crash() {
  ++reached_.crashes;
  const std::size_t kept = committed_ + below(journal_.size() - committed_ + 1);
  reached_.lost_records += static_cast<int>(journal_.size() - kept);
  for (std::size_t i = kept; i < journal_.size(); ++i) {
    if (journal_values_[i] >= 0) lost_values_.insert(journal_values_[i]);
  }
  journal_.resize(kept);
  if (chance(30)) {
    compact(journal_);
    journal_values_.assign(journal_.size(), -1);
  }
  journal_values_.resize(journal_.size());
  committed_ = journal_.size();  // recovery makes durable what it found
  held_.clear();
  requests_.clear();  // connections are gone
  engine_ = std::make_unique<GroupEngine>(config_);
  load(*engine_, journal_);
  elapsed_ += Milliseconds(below(3000));
  engine_->finish_loading(now());
  for (Client& client : clients_) {
    ++client.connection;
    if (client.phase == Phase::joining || client.phase == Phase::syncing) client.phase = Phase::stopped;
  }
  for (const std::string& name : kGroups) {
    const Group* group = engine_->find(name);
    const bool has = group != nullptr && group->offsets().contains("t");
    const std::int64_t found = has ? group->offsets().at("t").at(PartitionIndex(0)).offset.value() : -1;
    require(found >= truths_[name].at_least, fmt::format("committed offset {} of {} was lost in a crash, {} is left",
                                                         truths_[name].at_least, name, found));
    require(!lost_values_.contains(found), "an offset that was lost came back");
  }
}

// The sum of what a group is made of, beside what every group takes.
std::size_t memory_of_group(const Group& group) {
  std::size_t unused = 0;
  std::size_t memory = 0;
  {
    const Group empty(group.id, unused);
    memory = unused;
  }
  for (const auto& [id, member] : group.members()) memory += member.memory();
  for (const auto& [id, until] : group.pending()) {
    Group with_pending("", unused);
    const std::size_t before = unused;
    with_pending.add_pending(id, until);
    memory += unused - before;
  }
  for (const auto& [topic, partitions] : group.offsets()) {
    for (const auto& [partition, stored] : partitions) memory += memory_of_offset(topic, stored.metadata);
  }
  return memory;
}

// The journal says what the engine says, of everything that is journalled.
void GroupSimulation::compare_with_replay() {
  std::size_t memory = 0;
  for (const auto& [group_id, group] : engine_->groups()) memory += memory_of_group(*group);
  require(engine_->memory() == memory, "the engine's memory is not that of its groups");
  GroupEngine replayed(config_);
  load(replayed, journal_);
  for (const auto& [group_id, live] : engine_->groups()) {
    const Group* group = replayed.find(group_id);
    const bool journalled = live->is_stored || !live->offsets().empty();
    require((group != nullptr) == journalled, "the journal and the engine disagree on whether a group exists");
    if (group == nullptr) continue;
    require(group->offsets().size() == live->offsets().size(),
            "the journal and the engine disagree on a group's topics");
    for (const auto& [topic, partitions] : live->offsets()) {
      const auto found = group->offsets().find(topic);
      require(found != group->offsets().end() && found->second.size() == partitions.size() &&
                  found->second.at(PartitionIndex(0)).offset == partitions.at(PartitionIndex(0)).offset,
              "the journal and the engine disagree on an offset");
    }
    if (!live->is_stored || !(live->is(GroupState::stable) || live->is(GroupState::empty))) continue;
    require(group->state() == live->state() && group->generation == live->generation && group->leader == live->leader &&
                group->members().size() == live->members().size(),
            fmt::format("the journal and the engine disagree on group {}", group_id));
    for (const auto& [member_id, member] : live->members()) {
      const GroupMember* found = group->find(member_id);
      require(found != nullptr && as_text(found->assignment) == as_text(member.assignment),
              "the journal and the engine disagree on an assignment");
    }
  }
  for (const auto& [group_id, group] : replayed.groups()) {
    require(engine_->find(group_id) != nullptr, "the journal has a group that the engine has not");
  }
}

// ---- Rules ----------------------------------------------------------------------------------------------------------

void GroupSimulation::check_assignment(const Client& client, const Request& request, const SyncReply& reply) {
  Truth& truth = truths_[request.group];
  if (reply.error != GroupError::none || request.lifetime != truth.lifetime) return;
  const std::string assignment(as_text(reply.assignment));
  require(assignment.ends_with("/" + client.name),
          fmt::format("{} was assigned '{}', which is not what its leader gave it", client.name, assignment));
  require(request.generation >= truth.told,
          fmt::format("generation {} was told after {}", request.generation, truth.told));
  truth.told = std::max(truth.told, request.generation);
  const auto [known, first] = truth.leaders.emplace(request.generation.value(), mark_of(assignment));
  require(first || known->second == mark_of(assignment),
          fmt::format("generation {} has two assignments", request.generation));
  if (first) ++reached_.generations;
}

void GroupSimulation::on_commit(const Request& request, const OffsetCommitReply& reply) {
  Truth& truth = truths_[request.group];
  if (reply.error != GroupError::none || request.lifetime != truth.lifetime) return;
  truth.at_least = std::max(truth.at_least, request.value);
  ++reached_.commits;
}

void GroupSimulation::on_fetch(const Request& request, const OffsetFetchReply& reply) {
  Truth& truth = truths_[request.group];
  const std::int64_t value = reply.topics.at(0).partitions.at(0).offset.value();
  if (request.lifetime != truth.lifetime) return;
  require(value >= request.at_least, fmt::format("offset {} was fetched after {} was known", value, request.at_least));
  require(!lost_values_.contains(value), fmt::format("offset {} was fetched, which was lost in a crash", value));
  truth.at_least = std::max(truth.at_least, value);
  ++reached_.fetches;
}

// ---- Clients --------------------------------------------------------------------------------------------------------

void GroupSimulation::join(std::size_t index) {
  Client& client = clients_[index];
  JoinCommand command;
  command.group_id = client.group;
  command.member_id = client.member_id;
  command.instance_id = client.instance;
  command.client_id = client.name;
  command.session_timeout = client.session;
  command.rebalance_timeout = client.rebalance;
  command.protocol_type = "consumer";
  const std::string metadata = fmt::format("{}:{}", client.name, client.subscription);
  command.protocols = protocols_of({{"range", metadata}, {"sticky", metadata}});
  command.requires_known_member_id = client.requires_id;
  command.supports_skip_assignment = client.can_skip;
  command.fresh_id = Uuid::from_random(++fresh_, 0);

  const Group* before = engine_->find(client.group);
  const bool takes_over =
      before != nullptr && before->is(GroupState::stable) && client.instance && client.member_id.empty() &&
      std::ranges::any_of(before->members(),
                          [&](const auto& entry) { return entry.second.instance_id == client.instance; }) &&
      before->members().size() <= config_.group_size_max;
  const Generation generation = before != nullptr ? before->generation : kNoGeneration;
  const bool has_room = before == nullptr || before->members().size() < config_.group_size_max;

  client.phase = Phase::joining;
  send(std::move(command), {index, client.connection, client.group});
  if (!takes_over || !has_room) return;
  const Group* after = engine_->find(client.group);
  require(after != nullptr && after->is(GroupState::stable) && after->generation == generation,
          "a static member's restart caused a rebalance");
  ++reached_.static_rejoins;
}

void GroupSimulation::on(Client& client, const Request&, JoinReply& reply) {
  switch (reply.error) {
    case GroupError::none: break;
    case GroupError::member_id_required:
      client.member_id = reply.member_id;
      client.phase = Phase::stopped;
      return;
    default: return rejoin(client, reply.error);
  }
  client.member_id = reply.member_id;
  client.generation = reply.generation;
  client.phase = Phase::joined;
  client.next_heartbeat = elapsed_ + kHeartbeatInterval;
  client.assignments.clear();
  if (reply.leader != reply.member_id || reply.skip_assignment) return;
  const int mark = ++last_mark_;
  for (const JoinReplyMember& member : reply.members) {
    const std::string metadata(as_text(member.metadata));
    const std::string assignment = fmt::format("m{}/{}", mark, metadata.substr(0, metadata.find(':')));
    client.assignments.push_back({member.member_id, bytes_of(assignment)});
  }
}

void GroupSimulation::sync(std::size_t index) {
  Client& client = clients_[index];
  SyncCommand command;
  command.group_id = client.group;
  command.generation = client.generation;
  command.member_id = client.member_id;
  command.instance_id = client.instance;
  for (const MemberAssignment& given : client.assignments) {
    command.assignments.push_back({given.member_id, Bytes::copy_of(given.assignment)});
  }
  client.phase = Phase::syncing;
  send(std::move(command), {index, client.connection, client.group, client.generation});
}

void GroupSimulation::on(Client& client, const Request& request, SyncReply& reply) {
  if (reply.error != GroupError::none) return rejoin(client, reply.error);
  if (client.generation != request.generation) return;
  client.phase = Phase::stable;
  client.assignment = std::string(as_text(reply.assignment));
}

void GroupSimulation::heartbeat(std::size_t index) {
  Client& client = clients_[index];
  client.next_heartbeat = elapsed_ + kHeartbeatInterval;
  send(HeartbeatCommand{client.group, client.generation, client.member_id, client.instance},
       {index, client.connection, client.group, client.generation});
}

void GroupSimulation::on(Client& client, const Request& request, HeartbeatReply& reply) {
  if (reply.error == GroupError::none || client.generation != request.generation) return;
  // A consumer rejoins after it got its assignment; while it waits for that, the wait is answered.
  if (client.phase == Phase::stable || client.phase == Phase::joined) rejoin(client, reply.error);
}

void GroupSimulation::rejoin(Client& client, GroupError error) {
  client.phase = Phase::stopped;
  if (error != GroupError::rebalance_in_progress && error != GroupError::illegal_generation) client.member_id.clear();
  if (error == GroupError::group_max_size_reached || error == GroupError::fenced_instance_id) {
    client.retry_at = elapsed_ + 2s;
  }
  require(error != GroupError::inconsistent_group_protocol && error != GroupError::invalid_request &&
              error != GroupError::invalid_session_timeout,
          fmt::format("{} was refused with {}", client.name, to_string(error)));
}

void GroupSimulation::leave(std::size_t index) {
  Client& client = clients_[index];
  client.wants_in = false;
  client.phase = Phase::stopped;
  ++client.connection;
  LeaveCommand command{client.group, {}};
  command.members.push_back({client.member_id, client.instance, ""});
  client.member_id.clear();
  send(std::move(command), {index, client.connection, client.group});
}

void GroupSimulation::restart(std::size_t index) {
  Client& client = clients_[index];
  ++client.connection;
  client.member_id.clear();
  client.phase = Phase::stopped;
  client.wants_in = true;
}

void GroupSimulation::commit_offset(std::size_t index) {
  Client& client = clients_[index];
  OffsetCommitCommand command;
  command.group_id = client.group;
  if (client.phase == Phase::stable) {
    command.generation = client.generation;
    command.member_id = client.member_id;
    command.instance_id = client.instance;
  }
  const std::int64_t value = ++last_value_;
  command.partitions.push_back({"t", PartitionIndex(0), Offset(value)});
  Request request{index, client.connection, client.group};
  request.value = value;
  send(std::move(command), std::move(request));
}

void GroupSimulation::fetch_offset(const std::string& group) {
  OffsetFetchCommand command{group, std::vector<TopicPartitions>()};
  command.topics->push_back({"t", {PartitionIndex(0)}});
  Request request;
  request.group = group;
  request.at_least = truths_[group].at_least;
  request.from_client = false;
  send(std::move(command), std::move(request));
}

// What a healthy client does next.
void GroupSimulation::act(std::size_t index) {
  Client& client = clients_[index];
  if (elapsed_ < client.stalled_until) return;
  if (client.phase == Phase::stopped && client.wants_in && elapsed_ >= client.retry_at) join(index);
  if (client.phase == Phase::joined) sync(index);
  if (client.phase == Phase::stable && elapsed_ >= client.next_heartbeat) heartbeat(index);
}

// ---- Chaos and calm -------------------------------------------------------------------------------------------------

void GroupSimulation::disturb(std::size_t index) {
  Client& client = clients_[index];
  switch (below(7)) {
    case 0: client.stalled_until = elapsed_ + Milliseconds(below(20'000)); break;
    case 1: leave(index); break;
    case 2: restart(index); break;
    case 3:  // its connection broke, and it asks again
      ++client.connection;
      if (client.phase == Phase::joining) join(index);
      if (client.phase == Phase::syncing) sync(index);
      break;
    case 4:
      ++client.subscription;
      if (client.phase == Phase::stable) join(index);
      break;
    default: client.wants_in = true;
  }
}

void GroupSimulation::administer() {
  Request request;
  request.group = kGroups[below(kGroups.size())];
  request.from_client = false;
  switch (below(3)) {
    case 0: send(DescribeGroupCommand{request.group}, std::move(request)); break;
    case 1: send(ListGroupsCommand{}, std::move(request)); break;
    default: {
      const Group* group = engine_->find(request.group);
      if (group == nullptr || !group->is(GroupState::empty)) break;
      // From here on nothing that was told of the group holds any more.
      const int lifetime = truths_[request.group].lifetime;
      truths_[request.group] = {.lifetime = lifetime + 1};
      send(DeleteGroupCommand{request.group}, std::move(request));
      ++reached_.deletions;
    }
  }
}

void GroupSimulation::chaos_step() {
  const std::size_t index = below(clients_.size());
  const std::uint64_t dice = below(100);
  if (dice < 30) {
    advance(Milliseconds(1 + below(1500)));
  } else if (dice < 65) {
    act(index);
  } else if (dice < 75) {
    if (journal_.size() > committed_) commit_up_to(committed_ + 1 + below(journal_.size() - committed_));
  } else if (dice < 82) {
    disturb(index);
  } else if (dice < 90) {
    commit_offset(index);
  } else if (dice < 95) {
    fetch_offset(clients_[index].group);
  } else if (dice < 98) {
    administer();
  } else {
    crash();
  }
}

bool GroupSimulation::everyone_is_stable() {
  for (const Client& client : clients_) {
    if (!client.wants_in) continue;
    const Group* group = engine_->find(client.group);
    if (group == nullptr || !group->is(GroupState::stable) || client.phase != Phase::stable) return false;
    if (client.generation != group->generation) return false;
    const GroupMember* member = group->find(client.member_id);
    if (member == nullptr || as_text(member->assignment) != client.assignment) return false;
  }
  return true;
}

// The disturbances end: within two minutes every client is in its group, and stays there.
void GroupSimulation::settle() {
  if (config_.group_size_max < clients_.size()) {
    config_.group_size_max = clients_.size();
    crash();
  }
  for (Client& client : clients_) client.stalled_until = Milliseconds(0);
  int calm_rounds = 0;
  for (int round = 0; round < 480 && !broken_ && calm_rounds < 80; ++round) {
    for (std::size_t i = 0; i < clients_.size(); ++i) act(i);
    commit_up_to(journal_.size());
    advance(250ms);
    calm_rounds = everyone_is_stable() ? calm_rounds + 1 : 0;
  }
  require(calm_rounds >= 80, "a group whose members are all alive did not become stable");
  for (const std::string& group : kGroups) fetch_offset(group);
  commit_up_to(journal_.size());
  require(requests_.empty(), fmt::format("{} requests were never answered", requests_.size()));
}

}  // namespace leat::stream::testing
