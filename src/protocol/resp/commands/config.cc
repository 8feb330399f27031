#include "protocol/resp/commands/config.h"

#include <algorithm>
#include <map>
#include <vector>

#include "keyspace/glob.h"
#include "protocol/resp/acl/granted_access.h"
#include "protocol/resp/call.h"
#include "protocol/resp/commands/help.h"
#include "protocol/resp/config_table.h"
#include "protocol/resp/executor.h"
#include "protocol/resp/registry.h"

namespace leat::resp {

namespace {

struct BeforeInAnyCase {
  bool operator()(std::string_view a, std::string_view b) const {
    return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
  }
  static int lower(char c) { return std::tolower(static_cast<unsigned char>(c)); }
};

// Who may only look does not learn how to be another.
bool may_see(const Call& call, const ConfigParameter& parameter) {
  if (parameter.name != "requirepass" || call.client.granted == nullptr) return true;
  static constexpr std::string_view kSet[] = {"config", "set", "requirepass", ""};
  return static_cast<bool>(call.client.acl->check(*find_subcommand(*find_command("config"), "set"), kSet));
}

}  // namespace

void config_get(Call& call) {
  std::map<std::string_view, std::string, BeforeInAnyCase> found;
  for (const std::string_view pattern : call.args.subspan(2)) {
    // A name comes back as it was written.
    if (pattern.find_first_of("*?[") == std::string_view::npos) {
      const ConfigParameter* parameter = find_config_parameter(pattern);
      if (parameter != nullptr && may_see(call, *parameter)) found.emplace(pattern, parameter->get(call.executor));
      continue;
    }
    for (const ConfigParameter& parameter : config_parameters()) {
      if (!may_see(call, parameter)) continue;
      for (const std::string_view name : {parameter.name, parameter.alias}) {
        if (!name.empty() && keyspace::glob_match(pattern, name, true))
          found.emplace(name, parameter.get(call.executor));
      }
    }
  }
  call.reply.map(found.size());
  for (const auto& [name, value] : found) {
    call.reply.bulk(name);
    call.reply.bulk(value);
  }
}

// All are changed, or none.
void config_set(Call& call) {
  if (call.size() % 2 != 0) return call.reply.error("ERR wrong number of arguments for 'config|set' command");
  struct Change {
    const ConfigParameter* parameter;
    std::string before;
  };
  std::vector<Change> changes;
  std::string error;
  for (std::size_t i = 2; i < call.size() && error.empty(); i += 2) {
    const ConfigParameter* parameter = find_config_parameter(call[i]);
    if (parameter == nullptr) {
      error = fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'", call[i]);
      break;
    }
    const auto same = [&](const Change& change) { return change.parameter == parameter; };
    std::string why;
    if (parameter->set == nullptr) {
      why = "can't set immutable config";
    } else if (std::ranges::any_of(changes, same)) {
      why = "duplicate parameter";
    } else {
      changes.push_back({parameter, parameter->get(call.executor)});
      why = parameter->set(call.executor, call[i + 1]);
      if (!why.empty()) changes.pop_back();
    }
    if (!why.empty())
      error = fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - {}", call[i], why);
  }
  if (error.empty()) return call.reply.ok();
  for (const Change& change : changes) (void)change.parameter->set(call.executor, change.before);
  call.reply.error(error);
}

void config_resetstat(Call& call) {
  call.executor.reset_stats();
  call.reply.ok();
}

void config_rewrite(Call& call) {
  call.reply.error("ERR leat does not write its configuration: put the change into the file, a variable or a flag");
}

void config_help(Call& call) { reply_help(call); }

}  // namespace leat::resp
