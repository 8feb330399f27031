#include "stream/group.h"

#include <algorithm>
#include <cassert>

#include "stream/offsets_format.h"

namespace leat::stream {
namespace {

constexpr std::size_t kNodeOverhead = 64;  // of an entry of a map

bool same_bytes(BytesView a, BytesView b) { return std::ranges::equal(a, b); }

}  // namespace

std::size_t memory_of(const std::vector<GroupProtocol>& protocols) {
  std::size_t bytes = 0;
  for (const GroupProtocol& protocol : protocols)
    bytes += sizeof protocol + protocol.name.size() + protocol.metadata.size();
  return bytes;
}

std::size_t memory_of_offset(std::string_view topic, std::string_view metadata) {
  return sizeof(CommittedOffset) + kNodeOverhead + topic.size() + metadata.size();
}

std::size_t GroupMember::memory() const {
  return sizeof(GroupMember) + 2 * kNodeOverhead + 2 * id.size() + client_id.size() + client_host.size() +
         memory_of(protocols) + assignment.size();
}

BytesView GroupMember::metadata_for(const std::optional<std::string>& protocol) const {
  for (const GroupProtocol& candidate : protocols) {
    if (protocol == candidate.name) return candidate.metadata;
  }
  return {};
}

bool GroupMember::has_protocols(const std::vector<GroupProtocol>& other) const {
  return std::ranges::equal(protocols, other, [](const GroupProtocol& a, const GroupProtocol& b) {
    return a.name == b.name && same_bytes(a.metadata, b.metadata);
  });
}

Group::Group(std::string group_id, std::size_t& memory) : id(std::move(group_id)), memory_(memory) {
  take(sizeof(Group) + 2 * id.size());
}

Group::~Group() { memory_ -= own_memory_; }

void Group::take(std::size_t bytes) {
  own_memory_ += bytes;
  memory_ += bytes;
}

void Group::give_back(std::size_t bytes) {
  assert(bytes <= own_memory_);
  own_memory_ -= bytes;
  memory_ -= bytes;
}

void Group::set_state(GroupState state, Timestamp now) {
  state_ = state;
  state_time = now;
}

GroupMember* Group::find(std::string_view member_id) {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

const GroupMember* Group::find(std::string_view member_id) const {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

GroupMember* Group::find_static(const std::optional<std::string>& instance_id) {
  if (!instance_id) return nullptr;
  const auto found = static_members_.find(*instance_id);
  return found == static_members_.end() ? nullptr : find(found->second);
}

void Group::add_pending(const std::string& member_id, MonoTime until) {
  if (pending_.insert_or_assign(member_id, until).second) take(kNodeOverhead + member_id.size());
}

void Group::erase_pending(Pending::const_iterator entry) {
  give_back(kNodeOverhead + entry->first.size());
  pending_.erase(entry);
}

bool Group::expire_pending(MonoTime now) {
  const std::size_t before = pending_.size();
  for (auto at = pending_.cbegin(); at != pending_.cend();) {
    const auto entry = at++;
    if (entry->second <= now) erase_pending(entry);
  }
  return pending_.size() < before;
}

GroupMember& Group::add(GroupMember member, const std::string& type) {
  if (members_.empty()) protocol_type = type;
  if (!leader) leader = member.id;
  if (member.instance_id) static_members_[*member.instance_id] = member.id;
  if (const auto given = pending_.find(member.id); given != pending_.end()) erase_pending(given);
  count_protocols(member, 1);
  take(member.memory());
  const std::string id_of_member = member.id;
  const auto [at, added] = members_.emplace(id_of_member, std::move(member));
  assert(added);
  return at->second;
}

void Group::remove(std::string_view member_id) {
  if (const auto given = pending_.find(member_id); given != pending_.end()) erase_pending(given);
  const auto found = members_.find(member_id);
  if (found == members_.end()) return;
  GroupMember& member = found->second;
  park_join(member, std::nullopt);
  count_protocols(member, -1);
  give_back(member.memory());
  if (member.instance_id) static_members_.erase(*member.instance_id);
  const bool led = is_leader(member.id);
  members_.erase(found);
  if (!led) return;
  leader.reset();
  if (!members_.empty()) leader = members_.begin()->first;
}

GroupMember& Group::rename_static(const std::string& instance_id, std::string new_id) {
  const auto mapping = static_members_.find(instance_id);
  assert(mapping != static_members_.end());
  auto node = members_.extract(mapping->second);
  assert(!node.empty());
  give_back(node.mapped().memory());
  if (is_leader(node.key())) leader = new_id;
  mapping->second = new_id;
  node.key() = new_id;
  node.mapped().id = std::move(new_id);
  take(node.mapped().memory());
  return members_.insert(std::move(node)).position->second;
}

void Group::set_protocols(GroupMember& member, std::vector<GroupProtocol> protocols) {
  count_protocols(member, -1);
  give_back(memory_of(member.protocols));
  member.protocols = std::move(protocols);
  take(memory_of(member.protocols));
  count_protocols(member, 1);
}

void Group::set_client(GroupMember& member, std::string client_id, std::string client_host) {
  give_back(member.client_id.size() + member.client_host.size());
  member.client_id = std::move(client_id);
  member.client_host = std::move(client_host);
  take(member.client_id.size() + member.client_host.size());
}

void Group::set_assignment(GroupMember& member, Bytes assignment) {
  give_back(member.assignment.size());
  member.assignment = std::move(assignment);
  take(member.assignment.size());
}

void Group::park_join(GroupMember& member, std::optional<RequestId> request) {
  if (member.join_request) --joining_;
  if (request) ++joining_;
  member.join_request = request;
}

void Group::clear_members() {
  for (const auto& [member_id, member] : members_) give_back(member.memory());
  members_.clear();
  static_members_.clear();
  supporters_.clear();
  joining_ = 0;
  leader.reset();
}

const CommittedOffset* Group::find_offset(std::string_view topic, PartitionIndex partition) const {
  const auto partitions = offsets_.find(topic);
  if (partitions == offsets_.end()) return nullptr;
  const auto found = partitions->second.find(partition);
  return found == partitions->second.end() ? nullptr : &found->second;
}

void Group::store_offset(const std::string& topic, PartitionIndex partition, CommittedOffset offset) {
  const auto [at, is_new] = offsets_[topic].try_emplace(partition);
  if (!is_new) give_back(memory_of_offset(topic, at->second.metadata));
  at->second = std::move(offset);
  take(memory_of_offset(topic, at->second.metadata));
}

void Group::erase_offset(std::string_view topic, PartitionIndex partition) {
  const auto partitions = offsets_.find(topic);
  if (partitions == offsets_.end()) return;
  const auto found = partitions->second.find(partition);
  if (found == partitions->second.end()) return;
  give_back(memory_of_offset(topic, found->second.metadata));
  partitions->second.erase(found);
  if (partitions->second.empty()) offsets_.erase(partitions);
}

Milliseconds Group::rebalance_timeout() const {
  Milliseconds longest{0};
  for (const auto& [member_id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

bool Group::elect_joined_leader() {
  if (!leader) return false;
  if (const GroupMember* current = find(*leader); current != nullptr && current->join_request) return true;
  for (const auto& [member_id, member] : members_) {
    if (!member.join_request) continue;
    leader = member_id;
    return true;
  }
  return false;
}

bool Group::accepts(std::string_view type, const std::vector<GroupProtocol>& protocols) const {
  if (state_ == GroupState::empty) return !type.empty() && !protocols.empty();
  if (protocol_type != type) return false;
  return std::ranges::any_of(protocols, [&](const GroupProtocol& protocol) {
    const auto found = supporters_.find(protocol.name);
    return (found == supporters_.end() ? 0 : found->second) == members_.size();
  });
}

std::string Group::vote() const {
  std::map<std::string_view, std::size_t> votes;
  for (const auto& [member_id, member] : members_) {
    for (const GroupProtocol& protocol : member.protocols) {
      const auto support = supporters_.find(protocol.name);
      if (support == supporters_.end() || support->second != members_.size()) continue;
      ++votes[protocol.name];
      break;
    }
  }
  const auto most = std::ranges::max_element(votes, {}, [](const auto& entry) { return entry.second; });
  return most == votes.end() ? std::string() : std::string(most->first);
}

GroupError Group::check_member(std::string_view member_id, const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const auto holder = static_members_.find(*instance_id);
    if (holder == static_members_.end()) return GroupError::unknown_member_id;
    if (holder->second != member_id) return GroupError::fenced_instance_id;
  }
  return members_.contains(member_id) ? GroupError::none : GroupError::unknown_member_id;
}

void Group::refresh_subscribed_topics() {
  subscribed_topics.reset();
  if (protocol_type != kConsumerProtocolType) return;
  if (members_.empty()) {
    subscribed_topics.emplace();
    return;
  }
  if (!protocol_name) return;
  std::set<std::string, std::less<>> topics;
  for (const auto& [member_id, member] : members_) {
    auto of_member = decode_subscribed_topics(member.metadata_for(protocol_name));
    if (!of_member) return;
    topics.insert(std::make_move_iterator(of_member->begin()), std::make_move_iterator(of_member->end()));
  }
  subscribed_topics = std::move(topics);
}

bool Group::is_subscribed_to(std::string_view topic) const {
  if (subscribed_topics) return subscribed_topics->contains(topic);
  return protocol_type == kConsumerProtocolType;
}

std::optional<MonoTime> Group::earliest_deadline() const {
  std::optional<MonoTime> earliest;
  const auto consider = [&](std::optional<MonoTime> deadline) {
    if (deadline && (!earliest || *deadline < *earliest)) earliest = deadline;
  };
  consider(join_deadline);
  consider(sync_deadline);
  for (const auto& [member_id, until] : pending_) consider(until);
  for (const auto& [member_id, member] : members_) consider(member.session_deadline);
  return earliest;
}

void Group::count_protocols(const GroupMember& member, int change) {
  std::set<std::string_view> counted;
  for (const GroupProtocol& protocol : member.protocols) {
    if (!counted.insert(protocol.name).second) continue;  // a client may repeat a name
    std::size_t& count = supporters_[protocol.name];
    count += static_cast<std::size_t>(change);
    if (count == 0) supporters_.erase(protocol.name);
  }
}

std::string_view to_string(GroupState state) {
  switch (state) {
    case GroupState::empty: return "Empty";
    case GroupState::preparing_rebalance: return "PreparingRebalance";
    case GroupState::completing_rebalance: return "CompletingRebalance";
    case GroupState::stable: return "Stable";
    case GroupState::dead: return "Dead";
  }
  return "Dead";
}

std::string_view to_string(GroupError error) {
  switch (error) {
    case GroupError::none: return "none";
    case GroupError::coordinator_load_in_progress: return "coordinator_load_in_progress";
    case GroupError::coordinator_not_available: return "coordinator_not_available";
    case GroupError::fenced_instance_id: return "fenced_instance_id";
    case GroupError::group_id_not_found: return "group_id_not_found";
    case GroupError::group_max_size_reached: return "group_max_size_reached";
    case GroupError::group_subscribed_to_topic: return "group_subscribed_to_topic";
    case GroupError::illegal_generation: return "illegal_generation";
    case GroupError::inconsistent_group_protocol: return "inconsistent_group_protocol";
    case GroupError::invalid_commit_offset_size: return "invalid_commit_offset_size";
    case GroupError::invalid_group_id: return "invalid_group_id";
    case GroupError::invalid_request: return "invalid_request";
    case GroupError::invalid_session_timeout: return "invalid_session_timeout";
    case GroupError::member_id_required: return "member_id_required";
    case GroupError::non_empty_group: return "non_empty_group";
    case GroupError::not_coordinator: return "not_coordinator";
    case GroupError::offset_metadata_too_large: return "offset_metadata_too_large";
    case GroupError::rebalance_in_progress: return "rebalance_in_progress";
    case GroupError::unknown_member_id: return "unknown_member_id";
  }
  return "unknown";
}

}  // namespace leat::stream
