#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cstdio>

#include "cli/client.h"
#include "cli/subcommand.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/time_text.h"
#include "protocol/kafka/messages/consumer_protocol.h"
#include "protocol/kafka/messages/delete_groups.h"
#include "protocol/kafka/messages/describe_groups.h"
#include "protocol/kafka/messages/list_groups.h"
#include "protocol/kafka/messages/offset_commit.h"
#include "protocol/kafka/messages/offset_fetch.h"

namespace leat::cli {
namespace {

using kafka::ErrorCode;
using Json = nlohmann::ordered_json;
// By topic and partition.
using Offsets = std::map<std::string, std::map<std::int32_t, std::int64_t>>;
using Group = kafka::DescribeGroupsResponse::DescribedGroup;

struct GroupOptions {
  std::string server;
  std::vector<std::string> groups;
  std::vector<std::string> topics;
  std::string to;
  bool execute = false;
  bool json = false;
};

template <class Response, class Request>
Result<Response> ask_coordinator(Client& client, const std::string& group, const Request& request) {
  LEAT_TRY(Connection * connection, client.coordinator(group));
  LEAT_TRY(auto reply, connection->call<Response>(request, Client::kTimeout));
  return std::move(reply.message);
}

struct ListedGroup {
  std::string id;
  std::string state;
  std::string protocol;
};

Result<std::vector<ListedGroup>> all_groups(Client& client) {
  LEAT_TRY(const auto topics, client.topics(std::vector<std::string>{}));
  std::vector<ListedGroup> groups;
  for (const auto& [id, address] : client.brokers()) {
    LEAT_TRY(Connection * connection, client.broker(id));
    LEAT_TRY(const auto reply,
             connection->call<kafka::ListGroupsResponse>(kafka::ListGroupsRequest{}, Client::kTimeout));
    if (reply.message.error_code != ErrorCode::kNone)
      return fail(server_error("cannot list groups", reply.message.error_code));
    for (const auto& group : reply.message.groups)
      groups.push_back({group.group_id, group.group_state, group.protocol_type});
  }
  std::ranges::sort(groups, {}, &ListedGroup::id);
  return groups;
}

Result<int> list(const GroupOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const auto groups, all_groups(*client));
  if (options.json) {
    Json out = Json::array();
    for (const ListedGroup& group : groups)
      out.push_back({{"group", group.id}, {"state", group.state}, {"protocol", group.protocol}});
    fmt::print("{}\n", out.dump(2));
  } else if (groups.empty()) {
    fmt::print(stderr, "There are no consumer groups yet. A group begins with its first consumer.\n");
  } else {
    Table table({"GROUP", "STATE", "PROTOCOL"});
    for (const ListedGroup& group : groups) table.add({group.id, group.state, group.protocol});
    fmt::print("{}", table.render());
  }
  return 0;
}

Result<Group> describe_group(Client& client, const std::string& name) {
  kafka::DescribeGroupsRequest request;
  request.groups.emplace_back(name);
  LEAT_TRY(auto answer, ask_coordinator<kafka::DescribeGroupsResponse>(client, name, request));
  if (answer.groups.size() != 1) return fail(Errc::corrupt_message, "the server did not describe the group");
  Group& group = answer.groups.front();
  if (group.error_code != ErrorCode::kNone)
    return fail(server_error(fmt::format("group '{}'", name), group.error_code, group.error_message));
  return std::move(group);
}

Result<Offsets> committed_offsets(Client& client, const std::string& group) {
  kafka::OffsetFetchRequest request;
  request.group_id = group;
  request.topics = std::nullopt;
  LEAT_TRY(const auto answer, ask_coordinator<kafka::OffsetFetchResponse>(client, group, request));
  if (answer.error_code != ErrorCode::kNone)
    return fail(server_error(fmt::format("cannot read the offsets of '{}'", group), answer.error_code));
  Offsets offsets;
  for (const auto& topic : answer.topics)
    for (const auto& p : topic.partitions)
      if (p.error_code == ErrorCode::kNone && p.committed_offset >= 0)
        offsets[topic.name][p.partition_index] = p.committed_offset;
  return offsets;
}

// The offsets of `timestamp` for all partitions in `wanted`; nothing for topics that are gone.
Result<Offsets> offsets_at(Client& client, const Offsets& wanted, std::int64_t timestamp) {
  Offsets found;
  for (const auto& [name, partitions] : wanted) {
    const auto topic = client.topic(name);
    if (!topic && topic.error().code == Errc::not_found) continue;
    if (!topic) return fail(topic.error());
    std::vector<std::int32_t> indexes;
    for (const auto& [partition, offset] : partitions)
      if (static_cast<std::size_t>(partition) < topic->partitions.size()) indexes.push_back(partition);
    LEAT_TRY(found[name], client.offsets(*topic, indexes, timestamp));
  }
  return found;
}

std::optional<std::int64_t> lookup(const Offsets& offsets, const std::string& topic, std::int32_t partition) {
  const auto partitions = offsets.find(topic);
  if (partitions == offsets.end()) return std::nullopt;
  const auto offset = partitions->second.find(partition);
  return offset == partitions->second.end() ? std::nullopt : std::optional(offset->second);
}

std::string text_of(const std::optional<std::int64_t>& value) { return value ? std::to_string(*value) : "-"; }

// Which member has which partition; members of other protocols than the consumers' have none.
std::map<std::pair<std::string, std::int32_t>, std::string> assignments(const Group& group) {
  std::map<std::pair<std::string, std::int32_t>, std::string> owners;
  if (group.protocol_type != "consumer") return owners;
  for (const auto& member : group.members) {
    kafka::Reader reader(as_bytes(member.member_assignment));
    const std::int16_t version = reader.i16();
    kafka::ConsumerProtocolAssignment assignment;
    if (!reader.ok() ||
        !decode(reader, std::min<std::int16_t>(version, kafka::ConsumerProtocolAssignment::kVersionMax), assignment))
      continue;
    for (const auto& topic : assignment.assigned_partitions)
      for (const std::int32_t partition : topic.partitions) owners[{topic.topic, partition}] = member.member_id;
  }
  return owners;
}

struct LagRow {
  std::string topic;
  std::int32_t partition = 0;
  std::optional<std::int64_t> committed;
  std::optional<std::int64_t> end;
  std::optional<std::int64_t> lag;
  std::string member;
};

Result<std::vector<LagRow>> lag_of(Client& client, const Group& group) {
  LEAT_TRY(const Offsets committed, committed_offsets(client, group.group_id));
  const auto owners = assignments(group);
  Offsets all = committed;
  for (const auto& [place, member] : owners) all[place.first].try_emplace(place.second, -1);
  LEAT_TRY(const Offsets ends, offsets_at(client, all, kLatest));
  std::vector<LagRow> rows;
  for (const auto& [topic, partitions] : all)
    for (const auto& [partition, ignored] : partitions) {
      LagRow row{topic, partition, lookup(committed, topic, partition), lookup(ends, topic, partition), {}, ""};
      if (row.committed && row.end) row.lag = std::max<std::int64_t>(0, *row.end - *row.committed);
      if (const auto owner = owners.find({topic, partition}); owner != owners.end()) row.member = owner->second;
      rows.push_back(std::move(row));
    }
  return rows;
}

Json json_of(const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(nullptr); }

Json describe_json(const Group& group, const std::vector<LagRow>& rows) {
  Json object{{"group", group.group_id},
              {"state", group.group_state},
              {"protocol", group.protocol_type},
              {"assignor", group.protocol_data}};
  Json& members = object["members"] = Json::array();
  for (const auto& member : group.members)
    members.push_back({{"member", member.member_id},
                       {"client", member.client_id},
                       {"host", member.client_host},
                       {"instance", member.group_instance_id ? Json(*member.group_instance_id) : Json(nullptr)}});
  Json& offsets = object["offsets"] = Json::array();
  for (const LagRow& row : rows)
    offsets.push_back({{"topic", row.topic},
                       {"partition", row.partition},
                       {"committed", json_of(row.committed)},
                       {"end", json_of(row.end)},
                       {"lag", json_of(row.lag)},
                       {"member", row.member}});
  return object;
}

void print_description(const Group& group, const std::vector<LagRow>& rows) {
  std::int64_t lag = 0;
  for (const LagRow& row : rows) lag += row.lag.value_or(0);
  fmt::print("group   {}\nstate   {}\nmembers {}\nlag     {}\n", group.group_id, group.group_state,
             group.members.size(), human_count(lag));
  if (!group.members.empty()) {
    Table members({"MEMBER", "CLIENT", "HOST"});
    for (const auto& member : group.members) members.add({member.member_id, member.client_id, member.client_host});
    fmt::print("\n{}", members.render());
  }
  if (rows.empty()) return;
  Table table({"TOPIC", ">PARTITION", ">COMMITTED", ">END", ">LAG", "MEMBER"});
  for (const LagRow& row : rows)
    table.add({row.topic, std::to_string(row.partition), text_of(row.committed), text_of(row.end), text_of(row.lag),
               row.member});
  fmt::print("\n{}", table.render());
}

Result<int> describe(const GroupOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  Json out = Json::array();
  for (const std::string& name : options.groups) {
    LEAT_TRY(const Group group, describe_group(*client, name));
    LEAT_TRY(const auto rows, lag_of(*client, group));
    // A group that nobody ever made is described as dead and empty.
    if (group.group_state == "Dead" && rows.empty())
      return fail(Errc::not_found, fmt::format("there is no group '{}'; see `leat group list`", name));
    if (options.json) {
      out.push_back(describe_json(group, rows));
    } else {
      if (name != options.groups.front()) fmt::print("\n");
      print_description(group, rows);
    }
  }
  if (options.json) fmt::print("{}\n", out.dump(2));
  return 0;
}

// Where reset moves each of `current`'s partitions.
Result<Offsets> reset_targets(Client& client, const Offsets& current, const std::string& to) {
  LEAT_TRY(const Offsets starts, offsets_at(client, current, kEarliest));
  LEAT_TRY(const Offsets ends, offsets_at(client, current, kLatest));
  if (to == "beginning") return starts;
  if (to == "end") return ends;
  Offsets targets;
  std::int64_t offset = 0;
  const auto [at, failure] = std::from_chars(to.data(), to.data() + to.size(), offset);
  const bool is_offset = failure == std::errc() && at == to.data() + to.size() && offset >= 0;
  if (!is_offset) {
    LEAT_TRY(const std::int64_t time, parse_time(to, wall_clock_ms()));
    LEAT_TRY(targets, offsets_at(client, current, time));
  }
  for (const auto& [topic, partitions] : ends)
    for (const auto& [partition, end] : partitions) {
      std::int64_t& target = targets[topic][partition];
      if (is_offset) target = std::clamp(offset, starts.at(topic).at(partition), end);
      if (target < 0) target = end;  // nothing is that late yet
    }
  return targets;
}

// The group's committed partitions, of the topics asked for; a topic that it never committed to counts whole.
Result<Offsets> partitions_to_reset(Client& client, const GroupOptions& options, const Offsets& committed) {
  if (options.topics.empty()) {
    if (committed.empty())
      return fail(Errc::invalid_argument, fmt::format("group '{}' has committed nothing yet: name topics with --topic",
                                                      options.groups.front()));
    return committed;
  }
  Offsets wanted;
  for (const std::string& name : options.topics) {
    LEAT_TRY(const auto topic, client.topic(name));
    for (const auto& p : topic.partitions) wanted[name][p.index] = lookup(committed, name, p.index).value_or(-1);
  }
  return wanted;
}

Status commit(Client& client, const std::string& group, const Offsets& targets) {
  kafka::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = -1;
  request.member_id = "";
  for (const auto& [name, partitions] : targets) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    for (const auto& [partition, offset] : partitions) {
      auto& p = topic.partitions.emplace_back();
      p.partition_index = partition;
      p.committed_offset = offset;
      p.committed_metadata = "";
    }
  }
  LEAT_TRY(const auto answer, ask_coordinator<kafka::OffsetCommitResponse>(client, group, request));
  for (const auto& topic : answer.topics)
    for (const auto& p : topic.partitions)
      if (p.error_code != ErrorCode::kNone)
        return fail(
            server_error(fmt::format("cannot move {}/{} of '{}'", topic.name, p.partition_index, group), p.error_code));
  return {};
}

Result<int> reset(const GroupOptions& options) {
  const std::string& name = options.groups.front();
  LEAT_TRY(const auto client, Client::connect(options.server));
  LEAT_TRY(const Group group, describe_group(*client, name));
  if (!group.members.empty())
    return fail(Errc::exists,
                fmt::format("group '{}' has consumers ({}): stop them first", name, group.members.size()));
  LEAT_TRY(const Offsets committed, committed_offsets(*client, name));
  LEAT_TRY(const Offsets current, partitions_to_reset(*client, options, committed));
  LEAT_TRY(const Offsets targets, reset_targets(*client, current, options.to));
  if (options.execute) LEAT_CHECK(commit(*client, name, targets));
  Json out = Json::array();
  Table table({"TOPIC", ">PARTITION", ">FROM", ">TO"});
  for (const auto& [topic, partitions] : targets)
    for (const auto& [partition, offset] : partitions) {
      const auto from = lookup(committed, topic, partition);
      table.add({topic, std::to_string(partition), text_of(from), std::to_string(offset)});
      out.push_back({{"topic", topic}, {"partition", partition}, {"from", json_of(from)}, {"to", offset}});
    }
  if (options.json) {
    fmt::print("{}\n", out.dump(2));
  } else {
    fmt::print("{}", table.render());
  }
  if (!options.execute) fmt::print(stderr, "Nothing was changed. Add --execute to move the group there.\n");
  return 0;
}

Result<int> remove(const GroupOptions& options) {
  LEAT_TRY(const auto client, Client::connect(options.server));
  for (const std::string& name : options.groups) {
    kafka::DeleteGroupsRequest request;
    request.groups_names.emplace_back(name);
    LEAT_TRY(const auto answer, ask_coordinator<kafka::DeleteGroupsResponse>(*client, name, request));
    for (const auto& result : answer.results)
      if (result.error_code != ErrorCode::kNone)
        return fail(server_error(fmt::format("cannot delete group '{}'", name), result.error_code));
    fmt::print("deleted group '{}'\n", name);
  }
  return 0;
}

using Handler = Result<int> (*)(const GroupOptions&);

CLI::App* add(CLI::App& group, const std::string& name, const std::string& what, Handler handler,
              const std::shared_ptr<GroupOptions>& options, Invocation& chosen) {
  CLI::App* command = add_subcommand(group, name, what, handler, options, chosen);
  add_server_option(*command, options->server);
  return command;
}

}  // namespace

void add_group_command(CLI::App& root, Invocation& chosen) {
  auto options = std::make_shared<GroupOptions>();
  CLI::App* group = add_subcommand_group(root, "group", "List, describe, reset and delete consumer groups");

  CLI::App* command = add(*group, "list", "List consumer groups", list, options, chosen);
  add_json_option(*command, options->json);

  command = add(*group, "describe", "Show members, offsets and lag", describe, options, chosen);
  command->add_option("groups", options->groups, "Groups")->required()->type_name("GROUP");
  add_json_option(*command, options->json);

  command = add(*group, "reset", "Move a group without members to other offsets; shows where unless --execute is given",
                reset, options, chosen);
  command->add_option("group", options->groups, "The group")->required()->expected(1)->type_name("GROUP");
  command->add_option("--to", options->to, "beginning, end, an offset, or a time (2026-03-01T12:30Z, -1h)")
      ->required()
      ->type_name("WHERE");
  command->add_option("--topic", options->topics, "Only this topic; repeatable")
      ->type_name("TOPIC")
      ->expected(1)
      ->take_all();
  CLI::Option* execute = command->add_flag("--execute", options->execute, "Do it");
  command->add_flag("--dry-run")->description("Only show what would be done; the default")->excludes(execute);
  add_json_option(*command, options->json);

  command = add(*group, "delete", "Delete groups without members, with their offsets", remove, options, chosen);
  command->add_option("groups", options->groups, "Groups")->required()->type_name("GROUP");
}

}  // namespace leat::cli
