#include "cli/http_transfer.h"

#include "cli/environment.h"

namespace leat::cli {
namespace {

constexpr long kConnectMs = 10'000;

struct Taken {
  std::string bytes;
  std::size_t size_max;
};

std::size_t take_bytes(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& taken = *static_cast<Taken*>(into);
  if (taken.bytes.size() + size * count > taken.size_max) return 0;
  taken.bytes.append(bytes, size * count);
  return size * count;
}

}  // namespace

Result<CurlPtr> open_curl(Milliseconds answer_max) {
  CurlPtr curl(curl_easy_init());
  if (curl == nullptr) return fail(Errc::internal, "libcurl could not be started");
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(answer_max.count()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_bytes);
  const auto use_file = [&curl](CURLoption option, const std::string& path) {
    if (!path.empty()) curl_easy_setopt(curl.get(), option, path.c_str());
  };
  use_file(CURLOPT_CAINFO, environment("LEAT_CA"));
  use_file(CURLOPT_SSLCERT, environment("LEAT_CLIENT_CERTIFICATE"));
  use_file(CURLOPT_SSLKEY, environment("LEAT_CLIENT_KEY"));
  return curl;
}

Result<HttpAnswer> transfer(CURL* curl, std::size_t size_max) {
  Taken taken{.bytes = {}, .size_max = size_max};
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &taken);
  const CURLcode outcome = curl_easy_perform(curl);
  if (outcome != CURLE_OK) return fail(Errc::io, curl_easy_strerror(outcome));
  HttpAnswer answer{.body = std::move(taken.bytes)};
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}

}  // namespace leat::cli
