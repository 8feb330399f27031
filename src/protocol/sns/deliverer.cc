#include "protocol/sns/deliverer.h"

#include <xxhash.h>

#include "base/logging.h"
#include "base/utc_text.h"
#include "protocol/sns/notification.h"
#include "protocol/sns/subscription.h"
#include "runtime/call.h"
#include "runtime/shard.h"

namespace leat::sns {
namespace {

constexpr std::size_t kForwardBatch = 100;
constexpr std::size_t kPostsMax = 8;  // of one subscription at a time
constexpr Milliseconds kLease{120'000};
constexpr Milliseconds kWait{20'000};
constexpr Duration kFailurePause = std::chrono::seconds(1);
constexpr Milliseconds kOwnPause{20'000};  // after what is no endpoint's fault
constexpr std::size_t kRequestOverhead = 4096;
constexpr std::int64_t kPendingMax = 48LL * 3'600'000;  // then a subscription that nobody confirmed goes
constexpr Duration kPendingLook = std::chrono::hours(1);
constexpr std::string_view kAgent = "Amazon Simple Notification Service Agent";
constexpr std::string_view kTextType = "text/plain; charset=UTF-8";

runtime::Shard& shard() { return runtime::Shard::current(); }

std::vector<MessageAttribute> to_filter(const sqs::AttributeMap& attributes) {
  std::vector<MessageAttribute> out;
  for (const auto& [name, value] : attributes) {
    const bool is_binary = value.data_type.starts_with("Binary");
    out.push_back({name, value.data_type, is_binary ? value.binary_value.bytes : value.string_value});
  }
  return out;
}

Notification notification_of(const Outlet& outlet, const Published& published) {
  Notification out;
  out.type = "Notification";
  out.message_id = published.message_id;
  out.topic_arn = outlet.topic_arn;
  out.subject = published.subject;
  out.message = published.message;
  out.timestamp = published.timestamp;
  out.unsubscribe_url = outlet.unsubscribe_url;
  out.sequence_number = published.sequence_number;
  out.attributes = &published.attributes;
  return out;
}

// A message for a queue: the record as it is, or the notification as JSON. Borrows from the delivery and `arena`.
queue::NewMessage message_for(const queue::Queue& target, const Outlet& outlet, const queue::Delivery& delivery,
                              aws::Arena& arena) {
  const Published published = read_published(delivery, *outlet.subscription, outlet.protocol, arena);
  queue::NewMessage message;
  if (aws::is_set(published.group)) message.group = as_bytes(published.group);
  if (target.settings.order == queue::Order::fifo) {
    if (!message.group) message.group = as_bytes(published.message_id);
    message.dedup_id =
        dedup_id_of(published, delivery, outlet.topic != nullptr && outlet.topic->settings.content_dedup, arena);
  }
  if (!outlet.is_raw) {
    message.body = as_bytes(arena.keep(to_json(notification_of(outlet, published), nullptr)));
    return message;
  }
  const bool is_text = published.attributes.empty() || published.attributes.back().name != sqs::kEncodingAttribute;
  message.body = is_text ? as_bytes(published.message) : delivery.record.value.value_or(BytesView());
  for (const log::RecordHeader& header : published.headers) {
    if (!queue::is_reserved_header(header.key) || header.key == sqs::kTypesHeader) message.headers.push_back(header);
  }
  return message;
}

}  // namespace

Deliverer::Deliverer(const aws::Options& aws, queue::Queues& queues, http::OutgoingClient& client, SigningKeys& keys,
                     const DelivererOptions& options)
    : aws_(aws), queues_(queues), client_(client), keys_(keys), options_(options), bodies_(options.bodies_size_max) {}

void Deliverer::start() { tasks_.spawn(follow()); }

void Deliverer::begin_stop() {
  stopping_ = true;
  stop_wake_.notify_all();
  queues_.changed().notify_all();
  for (const auto& [name, worker] : workers_) *worker->gone = true;
}

runtime::Task<> Deliverer::stop() {
  begin_stop();
  co_await tasks_.join();
}

runtime::Task<> Deliverer::pause(Duration duration) {
  if (!stopping_) (void)co_await stop_wake_.wait_until(shard().now() + duration);
}

runtime::Task<> Deliverer::pause_while_same(OutletPtr outlet, Duration duration) {
  const MonoTime until = shard().now() + duration;
  const std::string& name = outlet->subscription->name;
  while (!stopping_ && shard().now() < until && queues_.find(name) == outlet->subscription)
    (void)co_await queues_.changed().wait_until(until);
}

// ---- Subscriptions and their workers --------------------------------------------------------------------------------

runtime::Task<> Deliverer::follow() {
  while (!stopping_) {
    visit_queues(queues_, {}, [this](const queue::QueuePtr& queue) {
      const bool is_here = XXH3_64bits(queue->name.data(), queue->name.size()) % options_.shards == options_.number;
      if (is_subscription(*queue) && is_here && !workers_.contains(queue->name)) begin_work(queue->name);
      return true;
    });
    co_await queues_.changed().wait();
  }
}

void Deliverer::begin_work(const std::string& name) {
  auto worker = std::make_shared<Worker>();
  worker->name = name;
  workers_.emplace(name, worker);
  tasks_.spawn(work(std::move(worker)));
}

bool Deliverer::refresh(Worker& worker) {
  queue::QueuePtr subscription = queues_.find(worker.name);
  if (subscription == nullptr) return false;
  queue::QueuePtr topic = queues_.find(topic_queue_name(attribute_of(*subscription, kTopicAttribute)));
  const bool is_known =
      worker.outlet != nullptr && worker.outlet->subscription == subscription && worker.outlet->topic == topic;
  if (!is_known) {
    const bool is_other = worker.outlet != nullptr && worker.outlet->subscription != subscription;
    if (is_other) {
      worker.confirmations = 0;
      worker.asks_no_more = false;
    }
    worker.outlet =
        std::make_shared<const Outlet>(read_outlet(std::move(subscription), std::move(topic), aws_.account));
  }
  return true;
}

runtime::Task<> Deliverer::work(WorkerPtr worker) {
  while (!stopping_ && refresh(*worker)) {
    if (is_pending(*worker->outlet->subscription)) {
      co_await ask_for_confirmation(worker);
    } else if (worker->outlet->is_http()) {
      co_await post_some(worker);
    } else {
      co_await forward_some(worker);
    }
  }
  *worker->gone = true;
  co_await worker->tasks.join();
  workers_.erase(worker->name);
}

// ---- Confirmation ---------------------------------------------------------------------------------------------------

runtime::Task<> Deliverer::ask_for_confirmation(WorkerPtr worker) {
  const OutletPtr outlet = worker->outlet;
  if (shard().wall_now() - outlet->subscription->created > kPendingMax) {
    (void)co_await queues_.remove(worker->name);
    co_return co_await pause(kFailurePause);
  }
  if (worker->asks_no_more) co_return co_await pause_while_same(outlet, kPendingLook);
  const Outcome failure = co_await post_confirmation(outlet);
  if (stopping_) co_return;
  if (failure) {
    stats_.failed.add();
    log_limiter_.write(shard().now(), LogLevel::warning, "sns", "{} could not be asked to confirm: {}", outlet->arn,
                       failure->reason);
    if (failure->is_own) co_return co_await pause_while_same(outlet, kOwnPause);
  }
  ++worker->confirmations;
  const auto delay =
      failure && !failure->is_permanent ? outlet->policy.delay_before(worker->confirmations) : std::nullopt;
  if (delay) {
    co_await pause_while_same(outlet, *delay);
  } else {
    worker->asks_no_more = true;
  }
}

runtime::Task<Deliverer::Outcome> Deliverer::post_confirmation(OutletPtr outlet) {
  const queue::Queue& subscription = *outlet->subscription;
  const auto token = attribute_of(subscription, kTokenAttribute);
  const std::string id = subscription.id.to_string();
  const std::string timestamp = utc_text(shard().wall_now());
  const std::string url = fmt::format("{}/?Action=ConfirmSubscription&TopicArn={}&Token={}", outlet->base,
                                      aws::percent_encoded(outlet->topic_arn), token);
  const std::string text = fmt::format(
      "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in "
      "this message.",
      outlet->topic_arn);
  Notification asked;
  asked.type = "SubscriptionConfirmation";
  asked.message_id = id;
  asked.token = token;
  asked.topic_arn = outlet->topic_arn;
  asked.message = text;
  asked.timestamp = timestamp;
  asked.subscribe_url = url;
  http::OutgoingRequest request;
  auto signed_text = co_await sign(*outlet, asked);
  if (!signed_text) co_return Failure{.reason = signed_text.error().message, .is_own = true};
  request.body = std::move(*signed_text);
  request.headers = {{"x-amz-sns-message-type", std::string(asked.type)}, {"x-amz-sns-message-id", id}};
  co_return co_await post(outlet, std::move(request));
}

// ---- What all deliveries share --------------------------------------------------------------------------------------

bool Deliverer::wants(const Outlet& outlet, const queue::Delivery& delivery) const {
  if (!outlet.filter) return true;
  aws::Arena arena;
  const Published published = read_published(delivery, *outlet.subscription, outlet.protocol, arena);
  return outlet.filter->accepts(to_filter(published.attributes), published.message);
}

runtime::Task<> Deliverer::retry_later(OutletPtr outlet, queue::Receipt receipt, Milliseconds delay,
                                       std::string reason) {
  const queue::LeaseChange change{receipt, delay, std::move(reason)};
  // A message whose lease cannot be changed comes back when that has run out.
  (void)co_await queues_.set_lease(outlet->subscription, std::span(&change, 1));
}

runtime::Task<> Deliverer::settle_failure(OutletPtr outlet, const queue::Delivery& delivery, Failure failure) {
  if (stopping_) co_return;
  stats_.failed.add();
  auto delay = failure.is_permanent ? std::nullopt : outlet->policy.delay_before(delivery.receipt.delivery);
  if (failure.is_own) delay = kOwnPause;
  log_limiter_.write(shard().now(), LogLevel::info, "sns", "a delivery to {} failed{}: {}", outlet->arn,
                     delay ? "" : " for good", failure.reason);
  if (delay) {
    co_await retry_later(std::move(outlet), delivery.receipt, *delay, std::move(failure.reason));
  } else {
    co_await give_up(std::move(outlet), delivery, std::move(failure));
  }
}

runtime::Task<> Deliverer::give_up(OutletPtr outlet, const queue::Delivery& delivery, Failure failure) {
  bool is_kept = !outlet->dead_letters.empty();
  if (is_kept) {
    const std::vector<const queue::Delivery*> one{&delivery};
    const auto sent = co_await send_to(outlet->dead_letters, outlet, one);
    // What a queue that is there will never take (it is too large) would come again for ever.
    const bool is_refused = sent.front() && sent.front()->is_permanent && queues_.find(outlet->dead_letters) != nullptr;
    if (is_refused) {
      is_kept = false;
      log_limiter_.write(shard().now(), LogLevel::error, "sns", "a message of {} is dropped: its dead-letter queue: {}",
                         outlet->arn, sent.front()->reason);
    } else if (sent.front()) {
      log_limiter_.write(shard().now(), LogLevel::warning, "sns", "a message of {} waits for its dead-letter queue: {}",
                         outlet->arn, sent.front()->reason);
      co_return co_await retry_later(std::move(outlet), delivery.receipt, kOwnPause, std::move(failure.reason));
    }
  }
  const auto acknowledged = co_await queues_.acknowledge(outlet->subscription, std::span(&delivery.receipt, 1));
  if (acknowledged.front()) (is_kept ? stats_.dead : stats_.dropped).add();
}

// ---- To queues ------------------------------------------------------------------------------------------------------

runtime::Task<> Deliverer::forward_some(WorkerPtr worker) {
  queue::ReceiveRequest request{.count_max = kForwardBatch, .lease = kLease, .wait = kWait, .gone = worker->gone};
  const auto received = co_await queues_.receive(worker->outlet->subscription, std::move(request));
  if (!received) co_return co_await pause(kFailurePause);
  // It may have been altered during the wait.
  if (!refresh(*worker)) co_return;
  const OutletPtr outlet = worker->outlet;
  std::vector<queue::Receipt> done;
  std::vector<const queue::Delivery*> wanted;
  for (const queue::Delivery& delivery : *received) {
    if (wants(*outlet, delivery)) {
      wanted.push_back(&delivery);
    } else {
      done.push_back(delivery.receipt);
    }
  }
  stats_.filtered.add(done.size());
  // What fails for now fails from one message on to the last: the order within groups stays.
  const auto outcomes = co_await send_to(outlet->target, outlet, wanted);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) {
      co_await settle_failure(outlet, *wanted[i], *outcomes[i]);
    } else {
      stats_.delivered.add();
      done.push_back(wanted[i]->receipt);
    }
  }
  if (!done.empty()) (void)co_await queues_.acknowledge(outlet->subscription, done);
}

runtime::Task<std::vector<Deliverer::Outcome>> Deliverer::send_to(
    std::string queue, OutletPtr outlet, const std::vector<const queue::Delivery*>& deliveries) {
  std::vector<Outcome> out(deliveries.size());
  if (deliveries.empty()) co_return out;
  const queue::QueuePtr target = queues_.find(queue);
  // On the topic itself its messages would come back for ever.
  if (target == nullptr || target->topic_id == outlet->subscription->topic_id) {
    const std::string_view what = target == nullptr ? "there is no queue" : "on the same topic is queue";
    std::ranges::fill(out, Failure{.reason = fmt::format("{} {}", what, queue), .is_permanent = true});
    co_return out;
  }
  aws::Arena arena;
  std::vector<queue::NewMessage> messages;
  for (const queue::Delivery* delivery : deliveries)
    messages.push_back(message_for(*target, *outlet, *delivery, arena));
  const auto sent = co_await queues_.send(target, messages);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (!sent[i])
      out[i] = Failure{.reason = sent[i].error().message, .is_permanent = sent[i].error().code == Errc::too_large};
  }
  co_return out;
}

// ---- To HTTP endpoints ----------------------------------------------------------------------------------------------

runtime::Task<> Deliverer::post_some(WorkerPtr worker) {
  while (worker->posting >= worker->posts_max) co_await worker->posted.wait();
  queue::ReceiveRequest request{
      .count_max = worker->posts_max - worker->posting, .lease = kLease, .wait = kWait, .gone = worker->gone};
  auto received = co_await queues_.receive(worker->outlet->subscription, std::move(request));
  if (!received) co_return co_await pause(kFailurePause);
  if (!refresh(*worker)) co_return;
  const OutletPtr outlet = worker->outlet;
  for (queue::Delivery& delivery : *received) {
    ++worker->posting;
    worker->tasks.spawn(post_one(worker, outlet, std::move(delivery)));
  }
}

runtime::Task<> Deliverer::post_one(WorkerPtr worker, OutletPtr outlet, queue::Delivery delivery) {
  const bool is_wanted = wants(*outlet, delivery);
  Outcome failure;
  if (is_wanted) failure = co_await post_notification(outlet, delivery);
  const bool is_away = failure && !failure->is_permanent;
  if (is_wanted) worker->posts_max = is_away ? 1 : std::min(worker->posts_max * 2, kPostsMax);
  if (failure) {
    co_await settle_failure(outlet, delivery, std::move(*failure));
  } else {
    (is_wanted ? stats_.delivered : stats_.filtered).add();
    (void)co_await queues_.acknowledge(outlet->subscription, std::span(&delivery.receipt, 1));
  }
  --worker->posting;
  worker->posted.notify_all();
}

runtime::Task<Deliverer::Outcome> Deliverer::post_notification(OutletPtr outlet, const queue::Delivery& delivery) {
  // The text, as JSON, and the text to sign: all begin with the message.
  const std::size_t message_size = delivery.record.value ? delivery.record.value->size() : 0;
  const std::size_t size = std::min(4 * message_size + kRequestOverhead, bodies_.limit());
  co_await bodies_.reserve(size);
  const runtime::Reservation body(bodies_, size);
  if (stopping_) co_return Failure{.reason = "the server stops", .is_own = true};
  aws::Arena arena;
  const Published published = read_published(delivery, *outlet->subscription, outlet->protocol, arena);
  const Notification notification = notification_of(*outlet, published);
  http::OutgoingRequest request;
  request.headers = {{"x-amz-sns-message-type", std::string(notification.type)},
                     {"x-amz-sns-message-id", std::string(published.message_id)}};
  if (outlet->is_raw) {
    request.headers.emplace_back("x-amz-sns-rawdelivery", "true");
    request.body = published.message;
    co_return co_await post(outlet, std::move(request));
  }
  auto signed_text = co_await sign(*outlet, notification);
  if (!signed_text) co_return Failure{.reason = signed_text.error().message, .is_own = true};
  request.body = std::move(*signed_text);
  co_return co_await post(outlet, std::move(request));
}

runtime::Task<Result<std::string>> Deliverer::sign(const Outlet& outlet, const Notification& notification) {
  LEAT_CO_TRY(const std::shared_ptr<const Signer> signer, co_await keys_.get());
  const std::string to_sign = text_to_sign(notification);
  Signature signature{outlet.signature, {}, fmt::format("{}{}", outlet.base, signer->path())};
  signature.text = co_await runtime::run_blocking([&] { return signer->sign(to_sign, signature.version); });
  co_return to_json(notification, &signature);
}

runtime::Task<Deliverer::Outcome> Deliverer::post(OutletPtr outlet, http::OutgoingRequest request) {
  request.url = outlet->target;
  request.timeout = options_.request_timeout;
  request.headers.emplace_back("x-amz-sns-topic-arn", outlet->topic_arn);
  if (!is_pending(*outlet->subscription)) request.headers.emplace_back("x-amz-sns-subscription-arn", outlet->arn);
  const std::string& type = outlet->policy.content_type;
  request.headers.emplace_back("Content-Type", type.empty() ? std::string(kTextType) : type);
  request.headers.emplace_back("User-Agent", kAgent);
  const auto answer = co_await client_.send(std::move(request));
  if (!answer) {
    const Errc code = answer.error().code;
    co_return Failure{.reason = answer.error().message,
                      .is_permanent = code == Errc::invalid_argument,
                      .is_own = code == Errc::internal || code == Errc::cancelled};
  }
  if (answer->status >= 200 && answer->status < 300) co_return std::nullopt;
  constexpr int kTooManyRequests = 429;
  const bool is_clients_fault = answer->status >= 400 && answer->status < 500 && answer->status != kTooManyRequests;
  co_return Failure{.reason = fmt::format("the endpoint answered with status {}", answer->status),
                    .is_permanent = is_clients_fault};
}

}  // namespace leat::sns
