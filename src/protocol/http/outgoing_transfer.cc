#include "protocol/http/outgoing_transfer.h"

#include "protocol/http/message.h"

namespace leat::http {
namespace {

constexpr std::size_t kBodyReadMax = std::size_t{1} << 20;
constexpr std::size_t kHeadReadMax = std::size_t{64} << 10;
constexpr std::array<std::string_view, 4> kOwnHeaders = {"Content-Length", "Transfer-Encoding", "Connection", "Expect"};

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").contains(c));
}

// Everything that could end a line or a header early is refused here: libcurl sends headers as they are.
Status check_headers(const OutgoingRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || !std::ranges::all_of(name, is_token_char))
      return fail(Errc::invalid_argument, "a header's name is no token of HTTP");
    const auto is_this = [&name](std::string_view own) { return equals_ignoring_case(name, own); };
    if (std::ranges::any_of(kOwnHeaders, is_this))
      return fail(Errc::invalid_argument, fmt::format("the header {} is set by the client itself", name));
    if (std::ranges::any_of(value, [](char c) { return is_control(c) && c != '\t'; }))
      return fail(Errc::invalid_argument, fmt::format("the value of the header {} has control characters", name));
  }
  return {};
}

struct UrlEnd {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct CurlText {
  CurlText() = default;
  CurlText(const CurlText&) = delete;
  CurlText& operator=(const CurlText&) = delete;
  ~CurlText() { curl_free(bytes); }
  char* bytes = nullptr;
};

Result<std::string> origin_of(const std::string& text) {
  if (std::ranges::any_of(text, [](char c) { return is_control(c) || c == ' '; }))
    return fail(Errc::invalid_argument, "the URL has a space or control characters");
  const std::unique_ptr<CURLU, UrlEnd> url(curl_url());
  CurlText scheme;
  CurlText host;
  CurlText port;
  if (!url) return fail(Errc::internal, "no memory for a URL");
  // Schemes that libcurl does not know are refused below like those that it knows.
  const bool is_url = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                      curl_url_get(url.get(), CURLUPART_SCHEME, &scheme.bytes, 0) == CURLUE_OK;
  if (!is_url) return fail(Errc::invalid_argument, "not a URL");
  if (!equals_ignoring_case(scheme.bytes, "http") && !equals_ignoring_case(scheme.bytes, "https"))
    return fail(Errc::invalid_argument, fmt::format("a URL of http or https is wanted, not of {}", scheme.bytes));
  if (curl_url_get(url.get(), CURLUPART_HOST, &host.bytes, 0) != CURLUE_OK || *host.bytes == '\0' ||
      curl_url_get(url.get(), CURLUPART_PORT, &port.bytes, CURLU_DEFAULT_PORT) != CURLUE_OK)
    return fail(Errc::invalid_argument, "the URL names no host");
  return fmt::format("{}://{}:{}", scheme.bytes, host.bytes, port.bytes);
}

CURLcode set_method(CURL* curl, const OutgoingRequest& request) {
  if (request.method == OutgoingMethod::get) return curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  const auto size = static_cast<curl_off_t>(request.body.size());
  const CURLcode outcome = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, size);
  return outcome != CURLE_OK ? outcome : curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
}

}  // namespace

Result<std::string> check_outgoing(const OutgoingRequest& request) {
  LEAT_CHECK(check_headers(request));
  return origin_of(request.url);
}

long whole_ms(Duration duration) {
  const auto ms = std::chrono::ceil<Milliseconds>(duration).count();
  return static_cast<long>(std::clamp<decltype(ms)>(ms, 1, std::numeric_limits<int>::max()));
}

bool OutgoingTransfer::add_header(const std::string& line) {
  curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)headers_.release();  // `longer` begins with it
  headers_.reset(longer);
  return true;
}

bool OutgoingTransfer::set_headers(const OutgoingRequest& request) {
  headers_.reset();
  bool has_type = false;
  for (const auto& [name, value] : request.headers) {
    has_type = has_type || equals_ignoring_case(name, "Content-Type");
    // libcurl takes "Name:" as the wish for no such header, and "Name;" as one that is empty.
    const bool is_blank = value.find_first_not_of(" \t") == std::string::npos;
    if (!add_header(is_blank ? name + ";" : name + ": " + value)) return false;
  }
  // libcurl would wait for an invitation to send large bodies, and would call every body a form.
  return add_header("Expect:") && (has_type || add_header("Content-Type:"));
}

std::size_t OutgoingTransfer::body_read_max() const { return std::max(kBodyReadMax, body_kept_max_); }

std::size_t OutgoingTransfer::take_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<OutgoingTransfer*>(self);
  transfer.body_.append(bytes, std::min(size * count, transfer.body_kept_max_ - transfer.body_.size()));
  transfer.body_size_ += size * count;
  return transfer.body_size_ <= transfer.body_read_max() ? size * count : 0;  // 0 ends the transfer
}

std::size_t OutgoingTransfer::take_head(char*, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<OutgoingTransfer*>(self);
  transfer.head_size_ += size * count;
  return transfer.head_size_ <= kHeadReadMax ? size * count : 0;
}

bool OutgoingTransfer::prepare(const OutgoingRequest& request, const OutgoingOptions& options, Duration timeout) {
  CURL* curl = handle();
  if (curl == nullptr) return false;
  curl_easy_reset(curl);
  error_.front() = '\0';
  body_.clear();
  body_size_ = head_size_ = 0;
  body_kept_max_ = request.response_bytes_max;
  if (!set_headers(request)) return false;
  const std::array outcomes = {
      curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str()),
      curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https"),
      curl_easy_setopt(curl, CURLOPT_PROXY, ""),
      curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L),
      curl_easy_setopt(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)),
      curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)),
      curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
      // Without it, giving up on a name waits for the resolver, and with it everyone else on this thread.
      curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L),
      curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L),
      curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L),
      curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)),
      options.ca_file.empty() ? CURLE_OK : curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str()),
      curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, whole_ms(options.connect_timeout)),
      curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, whole_ms(timeout)),
      curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get()),
      set_method(curl, request),
      curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body),
      curl_easy_setopt(curl, CURLOPT_WRITEDATA, this),
      curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head),
      curl_easy_setopt(curl, CURLOPT_HEADERDATA, this),
      curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_.data()),
  };
  return std::ranges::all_of(outcomes, [](CURLcode code) { return code == CURLE_OK; });
}

Result<OutgoingResponse> OutgoingTransfer::outcome(CURLcode code, std::string_view origin) {
  const bool is_cut = code == CURLE_WRITE_ERROR && body_size_ > body_read_max();
  if (code == CURLE_OK || is_cut) {
    long status = 0;
    curl_easy_getinfo(handle(), CURLINFO_RESPONSE_CODE, &status);
    return OutgoingResponse{static_cast<int>(status), std::move(body_)};
  }
  std::string_view why = error_.front() != '\0' ? error_.data() : curl_easy_strerror(code);
  if (code == CURLE_WRITE_ERROR) why = "the head of the answer is too large";
  return fail(code == CURLE_OPERATION_TIMEDOUT ? Errc::timed_out : Errc::io,
              fmt::format("no answer from {}: {}", origin, why));
}

}  // namespace leat::http
