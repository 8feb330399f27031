#include <algorithm>

#include "stream/group_engine.h"

namespace leat::stream {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool passes(const std::vector<std::string>& filter, std::string_view name) {
  return filter.empty() ||
         std::ranges::any_of(filter, [&](const std::string& wanted) { return same_name(wanted, name); });
}

}  // namespace

void GroupEngine::decide_command(Turn& turn, RequestId request, DescribeGroupCommand command) {
  DescribeGroupReply reply;
  const Group* group = lookup(command.group_id);
  if (group == nullptr) {
    reply.error = GroupError::group_id_not_found;
    reply.group_id = std::move(command.group_id);
    return turn.answer_committed(request, std::move(reply));
  }
  const bool is_stable = group->is(GroupState::stable);
  reply.group_id = group->id;
  reply.state = group->state();
  reply.protocol_type = group->protocol_type.value_or("");
  if (is_stable) reply.protocol_name = group->protocol_name.value_or("");
  for (const auto& [member_id, member] : group->members()) {
    DescribedMember described{member_id, member.instance_id, member.client_id, member.client_host};
    if (is_stable) {
      described.metadata = Bytes::copy_of(member.metadata_for(group->protocol_name));
      described.assignment = Bytes::copy_of(member.assignment);
    }
    reply.members.push_back(std::move(described));
  }
  turn.answer_committed(request, std::move(reply));
}

void GroupEngine::decide_command(Turn& turn, RequestId request, ListGroupsCommand command) {
  ListGroupsReply reply;
  for (const auto& [group_id, group] : groups_) {
    if (!passes(command.states, to_string(group->state())) || !passes(command.types, kGroupType)) continue;
    reply.groups.push_back({group_id, group->protocol_type.value_or(""), group->state()});
  }
  std::ranges::sort(reply.groups, {}, &ListedGroup::group_id);
  turn.answer_committed(request, std::move(reply));
}

void GroupEngine::decide_command(Turn& turn, RequestId request, DeleteGroupCommand command) {
  Group* group = lookup(command.group_id);
  if (group == nullptr) return turn.answer(request, DeleteGroupReply{GroupError::group_id_not_found});
  if (!group->is(GroupState::empty)) return turn.answer(request, DeleteGroupReply{GroupError::non_empty_group});
  remove_all_offsets(turn, *group);
  if (group->is_stored) record(turn, GroupRemoved{command.group_id});
  forget_if_unused(command.group_id);
  turn.answer_committed(request, DeleteGroupReply{});
}

}  // namespace leat::stream
