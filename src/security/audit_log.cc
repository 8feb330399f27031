#include "security/audit_log.h"

#include "base/json_text.h"
#include "base/utc_text.h"
#include "runtime/shard.h"
#include "security/user.h"

namespace leat::security {
namespace {

constexpr std::string_view kFailed = "failed_to_come_in";
constexpr std::string_view kRefused = "refused";
constexpr std::string_view kOthers = "(others)";
constexpr std::size_t kTextMax = 1024;  // of what comes from clients

// Its beginning, at the end of a character.
std::string_view cut(std::string_view text) {
  if (text.size() <= kTextMax) return text;
  std::size_t size = kTextMax;
  while ((static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

// A line without its time: an object whose first member has still to be put before it.
class Line {
 public:
  explicit Line(std::string_view event) { add("event", event); }
  Line& add(std::string_view name, std::string_view value) {
    text_ += fmt::format(R"(,"{}":)", name);
    append_json_text(is_utf8(value) ? cut(value) : in_key(value.substr(0, kTextMax)), text_);
    return *this;
  }
  Line& add(const Principal& who) { return add("principal", who.name).add("host", who.host); }
  [[nodiscard]] std::string take() { return std::move(text_) + '}'; }

 private:
  std::string text_;
};

}  // namespace

AuditLog::Totals AuditLog::totals() const {
  Totals totals;
  for (const PerShard& shard : shards_) {
    totals.events += shard.stats.events.value();
    totals.lost += shard.stats.lost.value();
  }
  return totals;
}

AuditLog::PerShard& AuditLog::here() { return shards_[runtime::Shard::current().id().value()]; }

void AuditLog::came_in(std::string_view protocol, const Principal& who, std::string_view how) {
  if (!file_) return;
  add(Line("came_in").add("protocol", protocol).add(who).add("how", how).take());
}

void AuditLog::failed_to_come_in(std::string_view protocol, std::string_view user, std::string_view host,
                                 std::string_view how) {
  if (!file_) return;
  std::string line = Line(kFailed).add("protocol", protocol).add("user", user).add("host", host).add("how", how).take();
  add_limited(std::move(line), Principal{"", std::string(host)}, kFailed, protocol);
}

void AuditLog::refused(std::string_view protocol, const Principal& who, Operation operation, const Resource& resource) {
  refused(protocol, who, to_string(operation), to_string(resource.type), resource.name);
}

void AuditLog::refused(std::string_view protocol, const Principal& who, std::string_view command, std::string_view type,
                       std::string_view name) {
  if (!file_) return;
  std::string line = Line(kRefused)
                         .add("protocol", protocol)
                         .add(who)
                         .add("operation", command)
                         .add("type", type)
                         .add("name", name)
                         .take();
  add_limited(std::move(line), who, kRefused, protocol);
}

void AuditLog::changed(std::string_view protocol, const Principal& who, std::string_view what, std::string_view name,
                       std::string_view how) {
  if (!file_) return;
  add(Line("changed").add("protocol", protocol).add(who).add("what", what).add("name", name).add("how", how).take());
}

void AuditLog::add_limited(std::string line, const Principal& source, std::string_view event,
                           std::string_view protocol) {
  PerShard& shard = here();
  if (shard.recent.contains(line)) return add(std::move(line));
  const MonoTime now = runtime::Shard::current().now();
  std::string name = fmt::format("{} {} {}", event, source.name, source.host);
  auto found = shard.sources.find(name);
  if (found == shard.sources.end()) {
    if (shard.sources.size() >= kSourcesMax) sweep();
    const bool is_crowd = shard.sources.size() >= kSourcesMax;
    if (is_crowd) return add(Line(event).add("protocol", protocol).add("host", kOthers).take());
    found = shard.sources.emplace(std::move(name), Source{now, 0}).first;
  }
  if (now - found->second.since >= kWindow) found->second = {now, 0};
  if (++found->second.lines <= kDifferentMax) return add(std::move(line));
  add(Line(event).add("protocol", protocol).add(source).add("name", kOthers).take());
}

void AuditLog::add(std::string line) {
  auto& recent = here().recent;
  here().stats.events.add();
  const MonoTime now = runtime::Shard::current().now();
  if (const auto found = recent.find(line); found != recent.end()) {
    if (now - found->second.since < kWindow) {
      ++found->second.repeats;
      return;
    }
    write(line, found->second.repeats + 1);
    found->second = {now, 0};
    return;
  }
  write(line, 1);
  if (recent.size() >= kAlikeMax) sweep();
  if (recent.size() < kAlikeMax) recent.emplace(std::move(line), Alike{now, 0});
}

void AuditLog::sweep(bool all) {
  const MonoTime now = runtime::Shard::current().now();
  std::erase_if(here().recent, [&](const auto& each) {
    const auto& [line, alike] = each;
    if (!all && now - alike.since < kWindow) return false;
    if (alike.repeats > 0) write(line, alike.repeats);
    return true;
  });
  std::erase_if(here().sources, [&](const auto& each) { return now - each.second.since >= kWindow; });
}

void AuditLog::write(std::string_view line, std::uint64_t repeats) {
  const std::string time = utc_text(runtime::Shard::current().wall_now());
  std::string text = fmt::format(R"({{"time":"{}"{})", time, line);
  if (repeats > 1) {
    text.pop_back();
    text += fmt::format(R"(,"times":{}}})", repeats);
  }
  file_->write(text);
  if (const std::uint64_t lost = file_->take_lost(); lost > 0) {
    here().stats.lost.add(lost);
    file_->write(fmt::format(R"({{"time":"{}","event":"lost","times":{}}})", time, lost));
  }
}

}  // namespace leat::security
