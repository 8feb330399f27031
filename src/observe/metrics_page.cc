#include "observe/metrics_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>

#include "base/logging.h"

namespace leat::observe {
namespace {

bool is_name(std::string_view text, bool colon_allowed) {
  if (text.empty() || (text.front() >= '0' && text.front() <= '9')) return false;
  return std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c == ':' && colon_allowed);
  });
}

bool are_labels(const Labels& labels) {
  std::set<std::string_view> seen;
  return std::ranges::all_of(labels, [&](const auto& label) {
    return is_name(label.first, false) && !label.first.starts_with("__") && label.first != "le" &&
           seen.insert(label.first).second;
  });
}

// The bytes of the UTF-8 sequence that `text` begins with, or 0 when it begins with none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool is_overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool is_surrogate = first == 0xED && byte(1) > 0x9F;
  const bool is_beyond = first == 0xF4 && byte(1) > 0x8F;
  return is_overlong || is_surrogate || is_beyond ? 0 : length;
}

// The format is UTF-8; the serializer escapes quotes, backslashes and newlines, and leaves carriage returns.
std::string valid_value(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto length = utf8_length(text);
    if (length == 0 || text.front() == '\0' || text.front() == '\r') {
      out += '?';
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return out;
}

prometheus::ClientMetric::Histogram to_prometheus(std::span<const std::uint64_t> buckets, std::uint64_t sum_us) {
  prometheus::ClientMetric::Histogram out;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    cumulative += buckets[i];
    const bool is_last = i + 1 == buckets.size();
    const double bound =
        is_last ? std::numeric_limits<double>::infinity() : static_cast<double>(Histogram::bound_us(i)) / 1e6;
    out.bucket.push_back({cumulative, bound});
  }
  out.sample_count = cumulative;
  out.sample_sum = static_cast<double>(sum_us) / 1e6;
  return out;
}

}  // namespace

MetricsPage::Sample* MetricsPage::sample(Type type, std::string_view name, std::string_view help,
                                         const Labels& labels) {
  if (!is_name(name, true) || !are_labels(labels)) {
    log_error("observe", "metric '{}' has a name or label that Prometheus does not allow; it is left out", name);
    return nullptr;
  }
  auto family = families_.find(name);
  if (family == families_.end()) {
    family = families_.try_emplace(std::string(name)).first;
    family->second.type = type;
    family->second.help = help;
  }
  if (family->second.type != type) {
    log_error("observe", "metric '{}' is used with two types; the second is left out", name);
    return nullptr;
  }
  Sample fresh;
  std::string identity;
  for (const auto& [label, value] : labels) {
    fresh.labels.emplace_back(label, valid_value(value));
    // Two texts are one sample only if the page shows them as one; no name and no valid value has a NUL.
    identity += fmt::format("{}{}{}{}", label, '\0', fresh.labels.back().second, '\0');
  }
  auto& samples = family->second.samples;
  const auto [at, is_new] = family->second.by_labels.try_emplace(std::move(identity), samples.size());
  if (is_new) samples.push_back(std::move(fresh));
  return &samples[at->second];
}

void MetricsPage::counter(std::string_view name, std::string_view help, const Labels& labels, double value) {
  if (auto* to = sample(Type::counter, name, help, labels)) to->value += value;
}

void MetricsPage::gauge(std::string_view name, std::string_view help, const Labels& labels, double value) {
  if (auto* to = sample(Type::gauge, name, help, labels)) to->value += value;
}

void MetricsPage::histogram(std::string_view name, std::string_view help, const Labels& labels,
                            const Histogram& value) {
  auto* to = sample(Type::histogram, name, help, labels);
  if (to == nullptr) return;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) to->histogram.buckets[i] += value.bucket(i);
  to->histogram.sum_us += value.sum_us();
}

std::string MetricsPage::text() const {
  std::ostringstream out;
  const prometheus::TextSerializer serializer;
  for (const auto& [name, family] : families_) {
    prometheus::MetricFamily shown;
    shown.name = name;
    shown.help = family.help;
    for (const auto& sample : family.samples) {
      prometheus::ClientMetric metric;
      for (const auto& [label, value] : sample.labels) metric.label.push_back({label, value});
      switch (family.type) {
        case Type::counter:
          shown.type = prometheus::MetricType::Counter;
          metric.counter.value = sample.value;
          break;
        case Type::gauge:
          shown.type = prometheus::MetricType::Gauge;
          metric.gauge.value = sample.value;
          break;
        case Type::histogram:
          shown.type = prometheus::MetricType::Histogram;
          metric.histogram = to_prometheus(sample.histogram.buckets, sample.histogram.sum_us);
          break;
      }
      shown.metric.push_back(std::move(metric));
    }
    serializer.Serialize(out, {shown});
  }
  return std::move(out).str();
}

}  // namespace leat::observe
