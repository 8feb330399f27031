#include "protocol/http/outgoing_client.h"

#include <pthread.h>

#include <system_error>

#include "base/logging.h"
#include "protocol/http/outgoing_transfer.h"
#include "runtime/shard.h"

namespace leat::http {
namespace {

constexpr std::size_t kSparesMax = 32;
constexpr Duration kTimeoutMax = std::chrono::hours(24);
constexpr Duration kPollMax = std::chrono::seconds(60);

struct MultiEnd {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

Error cancelled() { return {Errc::cancelled, "outgoing requests are stopped"}; }

}  // namespace

// A request on its way, in the frame of send(). Who completes it does not touch it again.
class OutgoingClient::Exchange : private runtime::Work {
 public:
  Exchange(OutgoingClient& client, const OutgoingRequest& sent, std::string its_origin)
      : request(sent),
        origin(std::move(its_origin)),
        deadline(runtime::Shard::current().now() + std::clamp(sent.timeout, Duration::zero(), kTimeoutMax)),
        client_(client),
        home_(runtime::Shard::current()) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) {
    awaiting_ = awaiting;
    this->Work::run = [](Work* work) { static_cast<Exchange*>(work)->awaiting_.resume(); };
    Status handed = client_.hand_over(*this);
    if (!handed) outcome_ = fail(std::move(handed.error()));
    return handed.has_value();
  }
  Result<OutgoingResponse> await_resume() { return std::move(outcome_); }

  void complete(Result<OutgoingResponse> outcome) {
    outcome_ = std::move(outcome);
    home_.send(*this);
  }

  const OutgoingRequest& request;
  const std::string origin;
  const MonoTime deadline;
  Exchange* newer = nullptr;

 private:
  OutgoingClient& client_;
  runtime::Shard& home_;
  std::coroutine_handle<> awaiting_;
  Result<OutgoingResponse> outcome_;
};

// What libcurl's thread has: the requests it was given, on their way or waiting for their host's turn.
class OutgoingClient::Loop {
 public:
  explicit Loop(const OutgoingOptions& options) : options_(options), multi_(curl_multi_init()) {
    if (multi_) curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.in_flight_max));
  }

  [[nodiscard]] bool is_made() const { return multi_ != nullptr; }
  // From any thread.
  void wake() { curl_multi_wakeup(multi_.get()); }
  void run(OutgoingClient& client);

 private:
  struct Origin {
    std::string name;
    std::size_t in_flight = 0;
    std::deque<Exchange*> waiting;
    bool has_turn = false;  // is in turns_
  };
  struct InFlight {
    std::unique_ptr<OutgoingTransfer> transfer;
    Exchange* exchange = nullptr;
    Origin* origin = nullptr;
  };

  void queue(Exchange& exchange);
  void expire(MonoTime now);
  void start_waiting(MonoTime now);
  void start(Exchange& exchange, Origin& origin, MonoTime now);
  [[nodiscard]] bool reap();
  void finish(InFlight ended, CURLcode outcome);
  void give_turn(Origin& origin);
  void forget_if_unused(Origin& origin);
  void wait();
  void cancel_all();

  const OutgoingOptions& options_;
  std::unique_ptr<CURLM, MultiEnd> multi_;
  std::unordered_map<std::string, Origin> origins_;
  std::deque<Origin*> turns_;                         // those with someone waiting and room for one more
  std::set<std::pair<MonoTime, Exchange*>> waiting_;  // by deadline
  std::unordered_map<CURL*, InFlight> in_flight_;
  std::vector<std::unique_ptr<OutgoingTransfer>> spares_;
};

void OutgoingClient::Loop::run(OutgoingClient& client) {
  while (true) {
    Exchange* oldest = nullptr;
    bool is_stopped = false;
    {
      const std::lock_guard lock(client.mutex_);
      oldest = std::exchange(client.oldest_, nullptr);
      client.newest_ = nullptr;
      is_stopped = client.is_stopped_;
    }
    while (oldest != nullptr) queue(*std::exchange(oldest, oldest->newer));
    if (is_stopped) break;
    do {
      const MonoTime now = std::chrono::steady_clock::now();
      expire(now);
      start_waiting(now);
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
    } while (reap());
    wait();
  }
  cancel_all();
}

void OutgoingClient::Loop::queue(Exchange& exchange) {
  Origin& origin = origins_[exchange.origin];
  if (origin.name.empty()) origin.name = exchange.origin;
  origin.waiting.push_back(&exchange);
  waiting_.emplace(exchange.deadline, &exchange);
  give_turn(origin);
}

void OutgoingClient::Loop::give_turn(Origin& origin) {
  if (origin.has_turn || origin.waiting.empty() || origin.in_flight >= options_.connections_per_host_max) return;
  origin.has_turn = true;
  turns_.push_back(&origin);
}

void OutgoingClient::Loop::forget_if_unused(Origin& origin) {
  if (!origin.has_turn && origin.waiting.empty() && origin.in_flight == 0) origins_.erase(std::string(origin.name));
}

// Ends those whose time was up before their turn came.
void OutgoingClient::Loop::expire(MonoTime now) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    Exchange& exchange = *waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    Origin& origin = origins_.at(exchange.origin);
    origin.waiting.erase(std::ranges::find(origin.waiting, &exchange));  // mostly the first
    forget_if_unused(origin);
    exchange.complete(
        fail(Errc::timed_out, fmt::format("no answer from {}: no connection came free", exchange.origin)));
  }
}

void OutgoingClient::Loop::start_waiting(MonoTime now) {
  while (!turns_.empty() && in_flight_.size() < options_.in_flight_max) {
    Origin& origin = *turns_.front();
    turns_.pop_front();
    origin.has_turn = false;
    if (!origin.waiting.empty()) {
      Exchange& exchange = *origin.waiting.front();
      origin.waiting.pop_front();
      waiting_.erase({exchange.deadline, &exchange});
      start(exchange, origin, now);
    }
    give_turn(origin);
    forget_if_unused(origin);
  }
}

void OutgoingClient::Loop::start(Exchange& exchange, Origin& origin, MonoTime now) {
  InFlight started{nullptr, &exchange, &origin};
  if (spares_.empty()) {
    started.transfer = std::make_unique<OutgoingTransfer>();
  } else {
    started.transfer = std::move(spares_.back());
    spares_.pop_back();
  }
  CURL* easy = started.transfer->handle();
  if (!started.transfer->prepare(exchange.request, options_, exchange.deadline - now) ||
      curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
    exchange.complete(fail(Errc::internal, fmt::format("no answer from {}: libcurl did not take it", exchange.origin)));
    return;
  }
  ++origin.in_flight;
  in_flight_.emplace(easy, std::move(started));
}

// Finishes what has ended. False when nothing had.
bool OutgoingClient::Loop::reap() {
  bool has_reaped = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode outcome = message->data.result;
    auto node = in_flight_.extract(message->easy_handle);
    curl_multi_remove_handle(multi_.get(), node.key());  // `message` is gone
    finish(std::move(node.mapped()), outcome);
    has_reaped = true;
  }
  return has_reaped;
}

void OutgoingClient::Loop::finish(InFlight ended, CURLcode outcome) {
  ended.exchange->complete(ended.transfer->outcome(outcome, ended.exchange->origin));
  if (spares_.size() < kSparesMax) spares_.push_back(std::move(ended.transfer));
  --ended.origin->in_flight;
  give_turn(*ended.origin);
  forget_if_unused(*ended.origin);
}

// Until a socket or a timer of libcurl's, a deadline of ours, or wake().
void OutgoingClient::Loop::wait() {
  Duration duration = kPollMax;
  if (!waiting_.empty())
    duration = std::min(duration, waiting_.begin()->first - MonoTime(std::chrono::steady_clock::now()));
  const CURLMcode outcome = curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(whole_ms(duration)), nullptr);
  if (outcome != CURLM_OK) {
    log_error("http", "waiting for outgoing requests: {}", curl_multi_strerror(outcome));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void OutgoingClient::Loop::cancel_all() {
  for (const auto& [easy, cut] : in_flight_) {
    curl_multi_remove_handle(multi_.get(), easy);
    cut.exchange->complete(fail(cancelled()));
  }
  for (const auto& [deadline, exchange] : waiting_) exchange->complete(fail(cancelled()));
  in_flight_.clear();
  spares_.clear();
  waiting_.clear();
  turns_.clear();
  origins_.clear();
}

OutgoingClient::OutgoingClient(OutgoingOptions options) : options_(std::move(options)) {}

OutgoingClient::~OutgoingClient() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void OutgoingClient::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  if (loop_) loop_->wake();
}

runtime::Task<Result<OutgoingResponse>> OutgoingClient::send(OutgoingRequest request) {
  LEAT_CO_TRY(std::string origin, check_outgoing(request));
  Exchange exchange(*this, request, std::move(origin));
  co_return co_await exchange;  // the client may be gone after it
}

Status OutgoingClient::hand_over(Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  if (is_stopped_) return fail(cancelled());
  if (!loop_) LEAT_CHECK(start());
  const bool is_first = oldest_ == nullptr;
  (is_first ? oldest_ : newest_->newer) = &exchange;
  newest_ = &exchange;
  // The thread takes all there is after each wake-up. Under the mutex, so that the loop is still there.
  if (is_first) loop_->wake();
  return {};
}

Status OutgoingClient::start() {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);  // for the life of the process
  auto loop = std::make_unique<Loop>(options_);
  if (global != CURLE_OK || !loop->is_made()) return fail(Errc::internal, "libcurl could not be started");
  try {
    thread_ = std::thread([this, raw = loop.get()] {
      (void)::pthread_setname_np(::pthread_self(), "http-client");
      raw->run(*this);
    });
  } catch (const std::system_error& failure) {
    return fail(system_error("start the thread of outgoing requests", failure.code().value()));
  }
  loop_ = std::move(loop);
  return {};
}

}  // namespace leat::http
