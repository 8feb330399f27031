#include "protocol/sqs/handlers.h"
#include "protocol/sqs/queue_attributes.h"

namespace leat::sqs {
namespace {

using queue::Order;
using queue::QueuePtr;
using security::Operation;
using security::ResourceType;

constexpr std::string_view kArnPrefix = "arn:";
constexpr std::int64_t kResultsMax = 1000;
constexpr std::string_view kTopicTag = "leat:topic";
constexpr std::string_view kStartTag = "leat:start";
constexpr std::string_view kPartitionsTag = "leat:partitions";
constexpr std::int64_t kPartitionsMax = 1000;

std::unexpected<Fault> bad_tag(std::string_view tag, std::string_view value, std::string_view wanted) {
  return refuse(ErrorCode::invalid_parameter_value,
                fmt::format("Value {} for tag {} is invalid. Reason: {}", value, tag, wanted));
}

// Tags: what they say of the new queue's topic, and of its settings.
Outcome<> take_tags(const TextMap& tags, queue::NewQueue& made, QueueSetup& setup) {
  LEAT_CHECK(check_tags(tags));
  for (const auto& [tag, value] : tags) {
    made.tags.insert_or_assign(std::string(tag), std::string(value));
    if (tag == kTopicTag) {
      made.topic = value;
    } else if (tag == kStartTag) {
      const auto start = parse_start(value);
      if (!start) return bad_tag(tag, value, "it is beginning, end, offset:N or time:MILLISECONDS.");
      made.start = *start;
    } else if (tag == kPartitionsTag) {
      const auto count = aws::to_integer(value);
      if (!count || *count < 1 || *count > kPartitionsMax) return bad_tag(tag, value, "it is a number from 1 to 1000.");
      made.partitions = static_cast<std::int32_t>(*count);
    } else if (tag.starts_with(kTagPrefix)) {
      LEAT_CHECK(set_tagged(tag, value, setup));
    }
  }
  return {};
}

// A queue of that name is there: it is the one that was asked for when nothing that was asked for would change it.
Outcome<> check_same(const Call& call, const CreateQueueInput& in, const queue::Queue& existing) {
  const QueueSetup before = setup_of(existing);
  QueueSetup after = before;
  const auto differs = [](std::string_view name) {
    return refuse(
        ErrorCode::queue_name_exists,
        fmt::format("A queue already exists with the same name and a different value for attribute {}", name));
  };
  for (const auto& [name, value] : in.attributes) {
    if (auto set = set_attribute(call, name, value, after); !set) {
      if (set.error().code == ErrorCode::invalid_attribute_name) return set;
      return differs(name);
    }
    if (after != before) return differs(name);
  }
  for (const auto& [tag, value] : in.tags) {
    if (tag == kTopicTag && value != existing.topic) return differs(tag);
    if (tag == kTopicTag || tag == kStartTag || tag == kPartitionsTag || !tag.starts_with(kTagPrefix)) continue;
    LEAT_CHECK(set_tagged(tag, value, after));
    if (after != before) return differs(tag);
  }
  return {};
}

Outcome<queue::NewQueue> read_new_queue(const Call& call, const CreateQueueInput& in) {
  queue::NewQueue made;
  made.name = in.queue_name;
  made.partitions = call.options.partitions;
  QueueSetup setup;
  setup.name = in.queue_name;
  for (const auto& [name, value] : in.attributes) LEAT_CHECK(set_attribute(call, name, value, setup));
  LEAT_CHECK(check_setup(setup));
  if (is_fifo_name(in.queue_name) && setup.settings.order != Order::fifo) {
    return refuse(ErrorCode::invalid_parameter_value,
                  "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  }
  LEAT_CHECK(take_tags(in.tags, made, setup));
  if (setup.settings.order == Order::fifo && setup.settings.dedup_scope == queue::DedupScope::queue)
    made.partitions = 1;
  made.settings = std::move(setup.settings);
  made.attributes = std::move(setup.stored);
  return made;
}

}  // namespace

std::optional<queue::StartAt> parse_start(std::string_view text) {
  using Kind = queue::StartAt::Kind;
  if (text == "beginning") return queue::StartAt{Kind::beginning, 0};
  if (text == "end") return queue::StartAt{Kind::end, 0};
  for (const auto& [prefix, kind] : {std::pair("offset:", Kind::offset), std::pair("time:", Kind::time)}) {
    if (!text.starts_with(prefix)) continue;
    const auto number = aws::to_integer(text.substr(std::string_view(prefix).size()));
    if (number && *number >= 0) return queue::StartAt{kind, *number};
  }
  return std::nullopt;
}

std::string queue_url(const Call& call, std::string_view name) {
  return fmt::format("{}/{}/{}", call.common.base_url(), call.options.account, name);
}

std::string queue_arn(const Call& call, std::string_view name) {
  return fmt::format("arn:aws:sqs:{}:{}:{}", call.region, call.options.account, name);
}

std::optional<std::string_view> name_in_arn(std::string_view arn) {
  // arn:PARTITION:sqs:REGION:ACCOUNT:NAME
  if (!arn.starts_with(kArnPrefix) || std::ranges::count(arn, ':') != 5) return std::nullopt;
  const std::string_view service = arn.substr(arn.find(':', kArnPrefix.size()) + 1);
  const std::string_view name = arn.substr(arn.rfind(':') + 1);
  if (!service.starts_with("sqs:") || name.empty()) return std::nullopt;
  return name;
}

Outcome<> authorize_sending(const aws::Options& options, const security::Principal& principal,
                            const queue::Queues& queues, std::string_view name) {
  LEAT_CHECK(aws::authorize(options, principal, Operation::write, ResourceType::queue, name));
  const QueuePtr queue = queues.find(name);
  if (queue == nullptr || queue->owns_topic) return {};
  return aws::authorize(options, principal, Operation::write, ResourceType::topic, queue->topic);
}

Outcome<QueuePtr> find_queue(const Call& call, std::string_view url, Operation operation) {
  const auto slash = url.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? url : url.substr(slash + 1);
  if (name.empty()) {
    return refuse(ErrorCode::invalid_address, fmt::format("The address {} is not valid for this endpoint.", url));
  }
  if (operation == Operation::write) {
    LEAT_CHECK(authorize_sending(call.options, call.principal, call.queues, name));
  } else {
    LEAT_CHECK(aws::authorize(call.options, call.principal, operation, ResourceType::queue, name));
  }
  auto queue = call.queues.find(name);
  if (!queue || (!call.is_own && !is_queue_name(name)))
    return refuse(ErrorCode::queue_does_not_exist, "The specified queue does not exist.");
  return queue;
}

namespace {

Outcome<> authorize_create(const Call& call, std::string_view name) {
  if (aws::allows(call.options, call.principal, Operation::create, ResourceType::cluster, security::kClusterName))
    return {};
  return aws::authorize(call.options, call.principal, Operation::create, ResourceType::queue, name);
}

}  // namespace

bool may_see(const Call& call, const queue::Queue& queue) {
  return aws::allows(call.options, call.principal, Operation::describe, ResourceType::cluster,
                     security::kClusterName) ||
         aws::allows(call.options, call.principal, Operation::describe, ResourceType::queue, queue.name);
}

Outcome<> authorize_origins(const Call& call, const queue::Queue& dead_letters) {
  for (const QueuePtr& origin : call.queues.dead_letter_sources(dead_letters.name))
    LEAT_CHECK(authorize_sending(call.options, call.principal, call.queues, origin->name));
  return {};
}

Answer create_queue(Call& call, const CreateQueueInput& in, QueueUrlOutput& out) {
  LEAT_CO_CHECK(check_queue_name(in.queue_name));
  LEAT_CO_CHECK(authorize_create(call, in.queue_name));
  out.queue_url = call.arena.keep(queue_url(call, in.queue_name));
  // QueueDeletedRecently is not enforced: a queue that was deleted is gone when DeleteQueue returns, and there is no
  // minute in which its name could mean two queues.
  if (const QueuePtr existing = call.queues.find(in.queue_name)) co_return check_same(call, in, *existing);
  LEAT_CO_TRY(auto made, read_new_queue(call, in));
  const bool is_attached = !made.topic.empty();
  if (is_attached)
    LEAT_CO_CHECK(aws::authorize(call.options, call.principal, Operation::read, ResourceType::topic, made.topic));
  const auto created = co_await call.queues.create(std::move(made));
  if (created) co_return Outcome<>();
  if (created.error().code == Errc::exists) {
    // Another client was faster, or there is a topic of that name.
    if (const QueuePtr existing = call.queues.find(in.queue_name)) co_return check_same(call, in, *existing);
    co_return refuse(ErrorCode::queue_name_exists, created.error().message);
  }
  if (created.error().code == Errc::not_found && is_attached)
    co_return refuse(ErrorCode::invalid_parameter_value, "The topic that the tag leat:topic names does not exist.");
  co_return std::unexpected(to_fault(created.error()));
}

Answer delete_queue(Call& call, const QueueInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::remove));
  const auto removed = co_await call.queues.remove(queue->name);
  if (!removed) co_return std::unexpected(to_fault(removed.error()));
  co_return Outcome<>();
}

Answer get_queue_url(Call& call, const GetQueueUrlInput& in, QueueUrlOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_name, Operation::describe));
  out.queue_url = call.arena.keep(queue_url(call, queue->name));
  co_return Outcome<>();
}

Outcome<Page> read_page(Integer max_results, std::string_view next_token) {
  Page page;
  const std::int64_t count = max_results.value_or(kResultsMax);
  if (count < 1 || count > kResultsMax) {
    return refuse(ErrorCode::invalid_parameter_value,
                  fmt::format("Value {} for parameter MaxResults is invalid. Reason: MaxResults must be an integer "
                              "between 1 and {}.",
                              count, kResultsMax));
  }
  page.size = static_cast<std::size_t>(count);
  if (is_set(next_token) && !next_token.empty()) {
    auto after = aws::from_base64(next_token);
    if (!after) return refuse(ErrorCode::invalid_parameter_value, "Invalid or expired next token.");
    page.after = std::move(*after);
  }
  return page;
}

void show_page(Call& call, const Page& page, std::vector<QueuePtr> queues, std::vector<std::string_view>& urls,
               std::string_view& next_token) {
  if (queues.size() > page.size) {
    queues.resize(page.size);
    next_token = call.arena.keep(aws::to_base64(queues.back()->name));
  }
  for (const auto& queue : queues) urls.push_back(call.arena.keep(queue_url(call, queue->name)));
}

Answer list_queues(Call& call, const ListQueuesInput& in, ListQueuesOutput& out) {
  LEAT_CO_TRY(const Page page, read_page(in.max_results, in.next_token));
  std::vector<QueuePtr> found;
  std::string after = page.after;
  while (found.size() <= page.size) {
    const std::size_t wanted = page.size + 1 - found.size();
    auto listed = call.queues.list(in.prefix, after, wanted);
    if (!listed.empty()) after = listed.back()->name;
    const bool is_last = listed.size() < wanted;
    // Others, like subscriptions of topics, are not SQS's.
    std::ranges::copy_if(listed, std::back_inserter(found),
                         [&](const QueuePtr& queue) { return is_queue_name(queue->name) && may_see(call, *queue); });
    if (is_last) break;
  }
  show_page(call, page, std::move(found), out.urls, out.next_token);
  co_return Outcome<>();
}

Answer get_queue_attributes(Call& call, const GetQueueAttributesInput& in, GetQueueAttributesOutput& out) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::describe));
  for (const std::string_view name : in.names) {
    if (!is_attribute(name))
      co_return refuse(ErrorCode::invalid_attribute_name, fmt::format("Unknown Attribute {}.", name));
  }
  queue::QueueStats stats;
  if (std::ranges::any_of(in.names, needs_stats)) {
    const auto counted = co_await call.queues.stats(queue);
    if (!counted) co_return std::unexpected(to_fault(counted.error()));
    stats = *counted;
  }
  const bool wants_all = std::ranges::find(in.names, "All") != in.names.end();
  for (const std::string_view name : attribute_names()) {
    if (!wants_all && std::ranges::find(in.names, name) == in.names.end()) continue;
    if (auto value = get_attribute(call, name, *queue, stats))
      out.attributes.push_back({name, call.arena.keep(*value)});
  }
  co_return Outcome<>();
}

Answer set_queue_attributes(Call& call, const SetQueueAttributesInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::alter));
  QueueSetup setup = setup_of(*queue);
  for (const auto& [name, value] : in.attributes) LEAT_CO_CHECK(set_attribute(call, name, value, setup));
  LEAT_CO_CHECK(check_setup(setup));
  queue::Queue wanted = *queue;
  wanted.settings = std::move(setup.settings);
  wanted.attributes = std::move(setup.stored);
  const auto altered = co_await call.queues.alter(queue->name, queue::change_between(*queue, wanted));
  if (!altered) co_return std::unexpected(to_fault(altered.error()));
  co_return Outcome<>();
}

Answer purge_queue(Call& call, const QueueInput& in, EmptyOutput&) {
  LEAT_CO_TRY(const QueuePtr queue, find_queue(call, in.queue_url, Operation::remove));
  if (!call.purge_times.admit(queue->id, call.now)) {
    co_return refuse(ErrorCode::purge_queue_in_progress,
                     fmt::format("Only one PurgeQueue operation on {} is allowed every 60 seconds.", queue->name));
  }
  const auto purged = co_await call.queues.purge(queue);
  if (!purged) {
    call.purge_times.forget(queue->id);  // the client is told to try again
    co_return std::unexpected(to_fault(purged.error()));
  }
  co_return Outcome<>();
}

bool PurgeTimes::admit(const Uuid& queue, Timestamp now) {
  constexpr std::int64_t kPause = 60'000;
  const std::scoped_lock lock(mutex_);
  std::erase_if(last_, [now](const auto& entry) {
    return now - entry.second >= kPause || entry.second > now;  // clocks jump
  });
  return last_.emplace(queue, now).second;
}

void PurgeTimes::forget(const Uuid& queue) {
  const std::scoped_lock lock(mutex_);
  last_.erase(queue);
}

}  // namespace leat::sqs
