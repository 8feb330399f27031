#include "server/jwks_source.h"

#include "base/logging.h"
#include "protocol/http/message.h"
#include "runtime/call.h"

namespace leat::server {
namespace {

using runtime::Task;

// The URL without the user and password that it may have.
std::string shown(const std::string& location) {
  const auto begin = location.find("://");
  if (begin == std::string::npos) return location;
  const auto end = location.find_first_of("/?#", begin + 3);
  const auto at = location.substr(0, end).rfind('@');
  return at == std::string::npos ? location : location.substr(0, begin + 3) + location.substr(at + 1);
}

bool has_scheme(std::string_view location, std::string_view scheme) {
  return http::equals_ignoring_case(location.substr(0, scheme.size()), scheme);
}

}  // namespace

bool JwksSource::is_url(std::string_view location) {
  return has_scheme(location, "http://") || has_scheme(location, "https://");
}

JwksSource::JwksSource(std::string location, runtime::FileSystem& files, http::OutgoingClient& client,
                       std::function<void(Keys)> use, const JwksIntervals& intervals)
    : location_(std::move(location)),
      is_url_(is_url(location_)),
      files_(files),
      client_(client),
      use_(std::move(use)),
      intervals_(intervals),
      home_(runtime::Shard::current()),
      retry_(intervals.retry_first) {
  asking_.run = [](runtime::Work* work) {
    JwksSource& source = static_cast<Asking*>(work)->source;
    source.asking_.is_sent = false;
    source.asked();
  };
}

Task<Status> JwksSource::start() {
  if (has_scheme(location_, "http://")) {
    log_warning("server", "{} comes without TLS: who can change what is on its way can sign in as anyone",
                shown(location_));
  }
  const Status outcome = co_await look();
  // The client refuses a URL that is none before it sends anything.
  if (!outcome && (!is_url_ || outcome.error().code == Errc::invalid_argument)) {
    co_return fail(outcome.error().code, fmt::format("the keys of tokens: {}", outcome.error().message));
  }
  looked(outcome);
  tasks_.spawn(follow());
  co_return Status{};
}

Task<> JwksSource::stop() {
  is_stopping_ = true;
  wake_.notify_all();
  co_await tasks_.join();
  while (asking_.is_sent) co_await runtime::sleep_for(std::chrono::milliseconds(1));
}

void JwksSource::ask() {
  if (!asking_.is_sent.exchange(true)) home_.send(asking_);
}

void JwksSource::asked() {
  const MonoTime now = home_.now();
  if (now < next_asked_) return;
  next_asked_ = now + intervals_.asked;
  is_asked_ = true;
  wake_.notify_all();
}

Task<> JwksSource::follow() {
  while (!is_stopping_) {
    if (!is_asked_) (void)co_await wake_.wait_until(next_);
    if (is_stopping_) break;
    if (!std::exchange(is_asked_, false) && home_.now() < next_) continue;
    const Status outcome = co_await look();
    if (!is_stopping_) looked(outcome);
  }
}

// Counts and logs, and says when to look again.
void JwksSource::looked(const Status& outcome) {
  const MonoTime now = home_.now();
  if (outcome) {
    stats_.succeeded.add();
    if (!std::exchange(problem_, {}).empty()) log_info("server", "{} can be read again", shown(location_));
    retry_ = intervals_.retry_first;
    next_ = now + (is_url_ ? intervals_.url : intervals_.file);
    return;
  }
  stats_.failed.add();
  if (outcome.error().message != problem_) {
    problem_ = outcome.error().message;
    log_warning("server", "{}: {}",
                used_.empty() ? "no token can be verified yet" : "the keys of tokens stay as they were", problem_);
  }
  next_ = now + (is_url_ ? retry_ : intervals_.file);
  retry_ = std::min(retry_ * 2, intervals_.retry_max);
}

Task<Status> JwksSource::look() {
  LEAT_CO_TRY(std::string text, co_await read());
  if (!used_.empty() && text == used_) co_return Status{};
  co_return co_await use(std::move(text));
}

Task<Result<std::string>> JwksSource::read() {
  if (!is_url_) {
    co_return co_await runtime::run_blocking([this]() -> Result<std::string> {
      LEAT_TRY(const Bytes content, runtime::read_file(files_, location_, security::kJwksBytesMax));
      return std::string(as_text(content));
    });
  }
  http::OutgoingRequest request;
  request.method = http::OutgoingMethod::get;
  request.url = location_;
  request.headers = {{"Accept", "application/jwk-set+json, application/json"}};
  request.response_bytes_max = security::kJwksBytesMax + 1;  // so that one that is too large is told from a good one
  request.timeout = kUrlTimeout;
  LEAT_CO_TRY(http::OutgoingResponse answer, co_await client_.send(std::move(request)));
  if (answer.status != 200)
    co_return fail(Errc::io, fmt::format("{} answers with status {}", shown(location_), answer.status));
  co_return std::move(answer.body);
}

Task<Status> JwksSource::use(std::string text) {
  auto keys = co_await runtime::run_blocking([&text] { return security::JsonWebKeys::parse(text); });
  if (!keys) co_return fail(Errc::corrupt, fmt::format("{}: {}", shown(location_), keys.error().message));
  used_ = std::move(text);
  log_info("server", "keys of tokens from {}: {} taken, {} of no use", shown(location_), (*keys)->size(),
           (*keys)->skipped());
  use_(std::move(*keys));
  co_return Status{};
}

}  // namespace leat::server
