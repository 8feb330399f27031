#include <optional>
#include <vector>

#include "keyspace/numbers.h"
#include "protocol/resp/call.h"
#include "protocol/resp/client_extras.h"
#include "protocol/resp/commands/clients.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

TrackingState* tracking_of(const Client& client) {
  return client.extras == nullptr ? nullptr : client.extras->tracking.get();
}

struct TrackingOptions {
  TrackingState state;
  std::vector<std::string_view> prefixes;
};

// The options of CLIENT TRACKING. Nothing: it replied with an error.
std::optional<TrackingOptions> take_options(Call& call) {
  TrackingOptions options;
  for (std::size_t i = 3; i < call.size(); ++i) {
    const bool has_value = i + 1 < call.size();
    if (call.is(i, "REDIRECT") && has_value) {
      if (options.state.redirect != 0) {
        call.reply.error("ERR A client can only redirect to a single other client");
        return std::nullopt;
      }
      const auto id = call.integer(++i);
      if (!id) return std::nullopt;
      options.state.redirect = static_cast<std::uint64_t>(*id);
      // Connections of others are not there for who does not administer them.
      const Client* target = call.executor.find_client(options.state.redirect);
      const bool is_others = target != nullptr && call.client.granted != nullptr && target->user != call.client.user &&
                             !call.client.acl->is_unrestricted();
      if (target == nullptr || is_others) {
        call.reply.error("ERR The client ID you want redirect to does not exist");
        return std::nullopt;
      }
    } else if (call.is(i, "BCAST")) {
      options.state.broadcasts = true;
    } else if (call.is(i, "OPTIN")) {
      options.state.opts_in = true;
    } else if (call.is(i, "OPTOUT")) {
      options.state.opts_out = true;
    } else if (call.is(i, "NOLOOP")) {
      options.state.skips_own = true;
    } else if (call.is(i, "PREFIX") && has_value) {
      options.prefixes.push_back(call[++i]);
    } else {
      call.reply.error(errors::kSyntax);
      return std::nullopt;
    }
  }
  return options;
}

// Why these options cannot be, given what is in force; empty: they can.
std::string_view contradiction(const TrackingOptions& options, const TrackingState* old) {
  const TrackingState& state = options.state;
  if (!state.broadcasts && !options.prefixes.empty()) return "ERR PREFIX option requires BCAST mode to be enabled";
  if (old != nullptr && old->broadcasts != state.broadcasts) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it "
           "with a different mode.";
  }
  if (state.broadcasts && (state.opts_in || state.opts_out))
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  if (state.opts_in && state.opts_out) return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  if (old != nullptr && ((state.opts_in && old->opts_out) || (state.opts_out && old->opts_in))) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it "
           "with a different mode.";
  }
  return {};
}

bool overlap(std::string_view a, std::string_view b) { return a.starts_with(b) || b.starts_with(a); }

// Each key must be told once. False: it replied with an error.
bool check_prefixes(Call& call, const std::vector<std::string_view>& prefixes, const TrackingState* old) {
  constexpr std::string_view kWhy = "Prefixes for a single client must not overlap.";
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    if (old != nullptr) {
      for (const std::string& known : old->prefixes) {
        if (!overlap(prefixes[i], known)) continue;
        call.reply.error(
            fmt::format("ERR Prefix '{}' overlaps with an existing prefix '{}'. {}", prefixes[i], known, kWhy));
        return false;
      }
    }
    for (std::size_t j = i + 1; j < prefixes.size(); ++j) {
      if (!overlap(prefixes[i], prefixes[j])) continue;
      call.reply.error(fmt::format("ERR Prefix '{}' overlaps with another provided prefix '{}'. {}", prefixes[i],
                                   prefixes[j], kWhy));
      return false;
    }
  }
  return true;
}

}  // namespace

void client_tracking(Call& call) {
  std::optional<TrackingOptions> options = take_options(call);
  if (!options) return;
  if (call.is(2, "OFF")) {
    call.executor.tracking().stop(call.client);
    return call.reply.ok();
  }
  if (!call.is(2, "ON")) return call.reply.error(errors::kSyntax);
  const TrackingState* old = tracking_of(call.client);
  if (const std::string_view why = contradiction(*options, old); !why.empty()) return call.reply.error(why);
  if (options->state.broadcasts && !check_prefixes(call, options->prefixes, old)) return;
  options->state.prefixes.insert(options->prefixes.begin(), options->prefixes.end());
  call.executor.tracking().start(call.client, options->state);
  call.reply.ok();
}

void client_caching(Call& call) {
  TrackingState* state = tracking_of(call.client);
  if (state == nullptr) {
    return call.reply.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled");
  }
  if (call.is(2, "YES")) {
    if (!state->opts_in)
      return call.reply.error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  } else if (call.is(2, "NO")) {
    if (!state->opts_out)
      return call.reply.error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  } else {
    return call.reply.error(errors::kSyntax);
  }
  state->caching = true;
  call.reply.ok();
}

void client_getredir(Call& call) {
  const TrackingState* state = tracking_of(call.client);
  call.reply.integer(state == nullptr ? -1 : static_cast<std::int64_t>(state->redirect));
}

void client_trackinginfo(Call& call) {
  const TrackingState* state = tracking_of(call.client);
  std::vector<std::string_view> flags;
  if (state == nullptr) {
    flags.emplace_back("off");
  } else {
    flags.emplace_back("on");
    if (state->broadcasts) flags.emplace_back("bcast");
    if (state->opts_in) flags.emplace_back("optin");
    if (state->opts_in && state->caching) flags.emplace_back("caching-yes");
    if (state->opts_out) flags.emplace_back("optout");
    if (state->opts_out && state->caching) flags.emplace_back("caching-no");
    if (state->skips_own) flags.emplace_back("noloop");
    if (state->redirect_is_broken) flags.emplace_back("broken_redirect");
  }
  call.reply.map(3);
  call.reply.bulk("flags");
  call.reply.set(flags.size());
  for (const std::string_view flag : flags) call.reply.bulk(flag);
  call.reply.bulk("redirect");
  call.reply.integer(state == nullptr ? -1 : static_cast<std::int64_t>(state->redirect));
  call.reply.bulk("prefixes");
  call.reply.array(state == nullptr ? 0 : state->prefixes.size());
  if (state == nullptr) return;
  for (const std::string& prefix : state->prefixes) call.reply.bulk(prefix);
}

}  // namespace leat::resp
