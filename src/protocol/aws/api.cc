#include "protocol/aws/api.h"

#include "observe/metrics_page.h"

namespace leat::aws {

Api::Api(const ApiTraits& traits, std::vector<Message> messages)
    : traits_(traits), messages_(std::move(messages)), stats_(messages_.size()) {}

bool Api::is_open(std::size_t, const Form&) const { return false; }

runtime::Task<std::optional<http::HttpResponse>> Api::document(std::string) { co_return std::nullopt; }

void Api::collect(observe::MetricsPage& page) const {
  const std::string prefix = fmt::format("leat_{}_", traits_.name);
  for (std::size_t i = 0; i <= messages_.size(); ++i) {
    const std::string_view action = i < messages_.size() ? messages_[i].action : "other";
    if (i < messages_.size()) {
      const observe::Labels labels{{"action", action}};
      page.counter(prefix + "requests_total", "Requests answered.", labels, stats_.actions[i].requests);
      page.histogram(prefix + "request_seconds", "From the request read to its answer made, waiting included.", labels,
                     stats_.actions[i].latency);
    }
    for (std::size_t code = 0; code < kErrorCodes; ++code) {
      const Counter& count = stats_.errors[i][code];
      if (count.value() == 0) continue;
      page.counter(prefix + "errors_total", "Requests that were answered with an error.",
                   {{"action", action}, {"error", traits_.wire_error(static_cast<ErrorCode>(code)).shape}}, count);
    }
  }
}

}  // namespace leat::aws
