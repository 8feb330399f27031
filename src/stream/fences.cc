#include "stream/fences.h"

#include <algorithm>
#include <charconv>

namespace leat::stream {
namespace {

Result<Fence> parse_fence(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  Fence fence;
  if (colon != std::string_view::npos) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, fence.token);
    if (error == std::errc() && at == end && colon > 0 && fence.token > 0) {
      fence.lock = text.substr(0, colon);
      return fence;
    }
  }
  return fail(Errc::invalid_record, fmt::format("a {} header is not LOCK:TOKEN", kFenceHeader));
}

}  // namespace

Result<std::vector<Fence>> fences_of(BytesView batch, std::size_t decompressed_size_max) {
  LEAT_TRY(log::BatchReader reader, log::BatchReader::open(batch, decompressed_size_max));
  std::vector<Fence> fences;
  while (true) {
    LEAT_TRY(const auto record, reader.next());
    if (!record) return fences;
    LEAT_TRY(const auto headers, log::decode_record_headers(record->raw_headers));
    for (const log::RecordHeader& header : headers) {
      if (header.key != kFenceHeader) continue;
      LEAT_TRY(Fence fence, parse_fence(as_text(header.value.value_or(BytesView()))));
      if (std::ranges::find(fences, fence) == fences.end()) fences.push_back(std::move(fence));
    }
  }
}

Status SeenFences::pass(const std::vector<Fence>& fences) {
  for (const Fence& fence : fences) {
    const auto seen = tokens_.find(fence.lock);
    if (seen != tokens_.end() && seen->second > fence.token) {
      return fail(Errc::invalid_record,
                  fmt::format("FENCED a record made with token {} was appended before this with {}", seen->second,
                              fence.token));
    }
  }
  for (const Fence& fence : fences) {
    std::int64_t& token = tokens_[fence.lock];
    if (token == 0) order_.push_back(fence.lock);
    token = fence.token;
  }
  for (; order_.size() > kMax; order_.pop_front()) tokens_.erase(order_.front());
  return {};
}

}  // namespace leat::stream
