#include "protocol/sqs/stats.h"

#include "observe/metrics_page.h"

namespace leat::sqs {

void collect(observe::MetricsPage& page, const Stats& stats) {
  for (std::size_t i = 0; i <= kActions; ++i) {
    const std::string_view action = i < kActions ? messages()[i].action : "other";
    if (i < kActions) {
      const observe::Labels labels{{"action", action}};
      page.counter("leat_sqs_requests_total", "Requests answered.", labels, stats.actions[i].requests);
      page.histogram("leat_sqs_request_seconds", "From the request read to its answer made, waiting included.", labels,
                     stats.actions[i].latency);
    }
    for (std::size_t code = 0; code < kErrorCodes; ++code) {
      const Counter& count = stats.errors[i][code];
      if (count.value() == 0) continue;
      page.counter("leat_sqs_errors_total", "Requests that were answered with an error.",
                   {{"action", action}, {"error", wire_error(static_cast<ErrorCode>(code)).shape}}, count);
    }
  }
  page.counter("leat_sqs_sent_messages_total", "Messages that clients sent.", {}, stats.messages_sent);
  page.counter("leat_sqs_received_messages_total", "Messages handed to consumers, again and again ones too.", {},
               stats.messages_received);
}

}  // namespace leat::sqs
