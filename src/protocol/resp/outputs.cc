#include "protocol/resp/outputs.h"

#include <algorithm>

#include "protocol/resp/client_extras.h"
#include "protocol/resp/executor.h"

namespace leat::resp {
namespace {

// A short text is inside the string itself.
std::size_t memory_of_text(const std::string& text) {
  static const std::size_t own = std::string().capacity();
  return text.capacity() > own ? text.capacity() + 1 : 0;
}

// A client with less in its buffers is not worth ending.
constexpr std::uint64_t kShedMin = std::uint64_t{256} << 10;
// Replies that may wait for one client: as many as a long pipeline has, but a small share of a memory limit, since they are
// counted only when a batch of commands is done.
constexpr std::size_t kWaitingMax = std::size_t{64} << 20;
constexpr std::size_t kShareOfMemory = 64;
// Buffers of all clients: above this nobody has more than what each has always.
constexpr std::uint64_t kAllBuffersMax = std::uint64_t{512} << 20;

}  // namespace

std::size_t Outputs::waiting(const Client& client) {
  return client.out.size() + client.held_bytes + client.connection().unsent();
}

std::size_t Outputs::memory_of(const Client& client) {
  return memory_of_text(client.out) + client.held_bytes + client.connection().memory() +
         client.transaction.queued_bytes;
}

void Outputs::push(Client& client, std::string_view text) {
  if (client.closing) return;
  client.out += text;
  ClientExtras& extras = client.with_extras();
  extras.pushed += text.size();
  executor_.has_output(client);
  measure(client);
  const std::uint64_t limit = executor_.settings().output_limits.pubsub.hard;
  const std::uint64_t pushed = extras.pushed - extras.pushed_and_taken;
  if (limit != 0 && pushed >= limit && client.subscriptions() == 0 && !client.closing) end(client, "hard", pushed);
}

void Outputs::push_message(Client& client, std::string_view text) {
  const Settings& settings = executor_.settings();
  const std::uint64_t limit = settings.output_limits.pubsub.hard;
  if (settings.slow_subscriber == SlowSubscriber::drop && limit != 0 && waiting(client) + text.size() > limit)
      [[unlikely]] {
    executor_.stats().dropped_messages.add();
    log_limiter_.write(executor_.shard().now(), LogLevel::warning, "resp",
                       "{}: a message is dropped, since {} bytes wait to be taken", client.peer, waiting(client));
    return;
  }
  push(client, text);
}

void Outputs::measure(Client& client) {
  count(client, memory_of(client));
  const std::size_t waits = waiting(client);
  if (waits == 0 && client.extras != nullptr) client.extras->pushed_and_taken = client.extras->pushed;
  check(client, waits);
}

std::size_t Outputs::waiting_max() const {
  if (memory_ > kAllBuffersMax) return kWaitingAlways;
  const std::uint64_t memory_max = executor_.settings().memory_max;
  return memory_max == 0 ? kWaitingMax
                         : std::clamp<std::size_t>(memory_max / kShareOfMemory, kWaitingAlways, kWaitingMax);
}

// Clients whose commands waited because others took the memory go on when it is free again.
void Outputs::count(Client& client, std::size_t memory) {
  const bool were_full = memory_ > kAllBuffersMax;
  memory_ += memory - client.counted_memory;
  client.counted_memory = memory;
  if (!were_full || memory_ > kAllBuffersMax) [[likely]]
    return;
  for (const auto& [id, each] : executor_.clients()) {
    if (each->counted_memory >= kWaitingAlways) each->connection().resume(*each);
  }
}

void Outputs::forget(Client& client) {
  count(client, 0);
  if (!above_soft_.empty()) above_soft_.erase(&client);
}

void Outputs::shed(std::uint64_t bytes) {
  if (memory_ < kShedMin) return;
  std::vector<Client*> candidates;
  std::uint64_t freed = 0;  // by those that are ending already, too
  for (const auto& [id, client] : executor_.clients()) {
    if (client->closing) freed += client->counted_memory;
    if (!client->closing && !client->no_evict && client->counted_memory >= kShedMin) candidates.push_back(client);
  }
  std::ranges::sort(candidates, std::ranges::greater(), &Client::counted_memory);
  for (Client* client : candidates) {
    if (freed >= bytes) return;
    freed += client->counted_memory;
    end(*client, "memory", client->counted_memory);
  }
}

const OutputLimit& Outputs::limit_of(const Client& client) const {
  const OutputLimits& limits = executor_.settings().output_limits;
  return client.subscriptions() > 0 ? limits.pubsub : limits.normal;
}

void Outputs::check(Client& client, std::size_t waiting) {
  const OutputLimit& limit = limit_of(client);
  const bool above_soft = limit.soft != 0 && waiting >= limit.soft;
  if (!above_soft && !above_soft_.empty()) [[unlikely]]
    above_soft_.erase(&client);
  const bool above_hard = limit.hard != 0 && waiting >= limit.hard;
  if ((!above_soft && !above_hard) || client.closing) return;
  const bool drops = executor_.settings().slow_subscriber == SlowSubscriber::drop && client.subscriptions() > 0;
  if (drops) return;
  if (above_hard) return end(client, "hard", waiting);
  const MonoTime now = executor_.shard().now();
  const auto [since, is_new] = above_soft_.try_emplace(&client, now);
  if (is_new) arm_soft(now + limit.soft_for);
}

void Outputs::arm_soft(MonoTime deadline) {
  if (soft_timer_.armed() && soft_timer_.deadline() <= deadline) return;
  soft_timer_.cancel();
  executor_.shard().timers().arm(soft_timer_, deadline);
}

void Outputs::check_soft() {
  const MonoTime now = executor_.shard().now();
  for (const auto& [client, since] : std::map(above_soft_)) {
    const MonoTime deadline = since + limit_of(*client).soft_for;
    if (deadline > now) {
      arm_soft(deadline);
    } else {
      end(*client, "soft", waiting(*client));
    }
  }
}

void Outputs::end(Client& client, std::string_view why, std::uint64_t waiting) {
  above_soft_.erase(&client);
  executor_.stats().output_limit_disconnections.add();
  log_limiter_.write(executor_.shard().now(), LogLevel::warning, "resp",
                     "{}: its {} output limit is reached, {} bytes wait to be taken; connection closed", client.peer,
                     why, waiting);
  executor_.end(client);
}

}  // namespace leat::resp
