#include "protocol/http/codec.h"

#include <boost/beast/http/basic_parser.hpp>

#include <ctime>

namespace leat::http {
namespace {

namespace beast = boost::beast;

// What is left of a chunked body ends with "0\r\n\r\n". Beast 1.81 aborts when it is offered less of the last chunk.
constexpr std::size_t kChunkedRestMin = 5;

constexpr std::size_t kHeadSizeMin = 1024;
// A connection that once had a large body does not keep its memory.
constexpr std::size_t kKeptBodySizeMax = std::size_t{64} << 10;

using boost::system::error_code;

Fault to_fault(error_code error, const ParserLimits& limits) {
  if (error == beast::http::error::header_limit) {
    return {431, fmt::format("the request's head is above {} bytes", limits.head_size_max)};
  }
  if (error == beast::http::error::bad_version) return {505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  return {400, fmt::format("not a valid HTTP request: {}", error.message())};
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

void HttpRequest::clear() {
  method.clear();
  target.clear();
  path.clear();
  query.clear();
  headers.clear();
  if (body.capacity() > kKeptBodySizeMax) std::string().swap(body);  // assigning would keep the memory
  body.clear();
  minor_version = 1;
  keep_alive = true;
  peer = {};
  presence = nullptr;
  source = nullptr;
  head.clear();
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equals_ignoring_case(key, name)) return value;
  }
  return {};
}

HttpResponse text_response(int status, std::string_view text) {
  HttpResponse response;
  response.status = status;
  response.body = fmt::format("{}\n", text);
  return response;
}

namespace {

// What Beast reads goes straight into the request.
class BeastParser final : public beast::http::basic_parser<true> {
 public:
  BeastParser(HttpRequest& request, const ParserLimits& limits) : request_(request) {
    header_limit(static_cast<std::uint32_t>(limits.head_size_max));
    body_limit(boost::none);
    eager(false);
  }

  [[nodiscard]] int version() const { return version_; }
  [[nodiscard]] int hosts() const { return hosts_; }
  [[nodiscard]] bool is_encoded() const { return is_encoded_; }
  // What is still to come of the chunk that is being read.
  [[nodiscard]] std::uint64_t chunk_left() const { return chunk_left_; }

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    request_.method.assign(method.data(), method.size());
    request_.target.assign(target.data(), target.size());
    version_ = version;
  }
  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_field_impl(beast::http::field field, beast::string_view name, beast::string_view value,
                     error_code&) override {
    if (is_header_done()) return;  // trailers
    make_room(name.size() + value.size());
    hosts_ += field == beast::http::field::host ? 1 : 0;
    is_encoded_ = is_encoded_ || field == beast::http::field::transfer_encoding;
    request_.headers.emplace_back(keep(name), keep(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, error_code&) override {
    if (request_.body.empty()) {
      request_.body.reserve(body.size() + static_cast<std::size_t>(content_length_remaining().value_or(0)) +
                            HttpRequest::kBodyPadding);
    }
    request_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t size, beast::string_view, error_code&) override { chunk_left_ = size; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override {
    request_.body.append(body.data(), body.size());
    chunk_left_ -= body.size();
    return body.size();
  }
  void on_finish_impl(error_code&) override { request_.body.reserve(request_.body.size() + HttpRequest::kBodyPadding); }

  // The headers show bytes of the head, which move when it grows.
  void make_room(std::size_t size) {
    if (size <= request_.head.capacity() - request_.head.size()) return;
    const char* before = request_.head.data();
    request_.head.reserve(std::max(kHeadSizeMin, 2 * (request_.head.size() + size)));
    for (auto& [name, value] : request_.headers) {
      name = {request_.head.data() + (name.data() - before), name.size()};
      value = {request_.head.data() + (value.data() - before), value.size()};
    }
  }
  std::string_view keep(beast::string_view text) {
    const char* at = request_.head.data() + request_.head.size();
    request_.head.insert(request_.head.end(), text.begin(), text.end());
    return {at, text.size()};
  }

  HttpRequest& request_;
  int version_ = 11;
  int hosts_ = 0;
  bool is_encoded_ = false;
  std::uint64_t chunk_left_ = 0;
};

}  // namespace

class RequestParser::Impl {
 public:
  explicit Impl(const ParserLimits& limits) : limits_(limits) { parser_.emplace(request_, limits_); }

  std::expected<std::size_t, Fault> consume(std::string_view input) {
    std::size_t consumed = skip_empty_lines(input);
    if (input.substr(consumed) == "\r" && !parser_->got_some()) return consumed;
    while (consumed < input.size() && !parser_->is_done()) {
      const bool was_in_head = !parser_->is_header_done();
      const auto rest = input.substr(consumed);
      if (!was_in_head && parser_->chunked() && rest.size() < kChunkedRestMin) break;
      error_code error;
      const auto count = parser_->put(boost::asio::buffer(rest.data(), rest.size()), error);
      consumed += count;
      (was_in_head ? head_size_ : body_size_on_wire_) += count;
      if (error && error != beast::http::error::need_more) return std::unexpected(to_fault(error, limits_));
      if (auto fault = check_size(rest.size() - count, count == 0)) return std::unexpected(std::move(*fault));
      if (error == beast::http::error::need_more || count == 0) break;
      if (was_in_head && parser_->is_header_done()) {
        if (auto fault = read_head()) return std::unexpected(std::move(*fault));
        break;
      }
    }
    return consumed;
  }

  bool head_done() const { return parser_->is_header_done(); }
  bool done() const { return parser_->is_done(); }

  std::size_t body_size_max() const {
    if (parser_->is_done()) return 0;
    if (const auto length = parser_->content_length()) return static_cast<std::size_t>(*length);
    return limits_.body_size_max;
  }
  std::size_t body_size() const { return request_.body.size(); }
  bool streams_body() const { return streams_; }
  bool wants_continue() const {
    return !parser_->is_done() && parser_->version() >= 11 &&
           equals_ignoring_case(request_.header("Expect"), "100-continue");
  }
  HttpRequest& request() { return request_; }
  void restart() {
    request_.clear();
    streams_ = false;
    parser_.emplace(request_, limits_);
    head_size_ = 0;
    body_size_on_wire_ = 0;
  }

 private:
  // Some clients end a body with a line break that is not part of it (RFC 9112 section 2.2).
  std::size_t skip_empty_lines(std::string_view input) {
    std::size_t skipped = 0;
    while (!parser_->got_some() && input.substr(skipped).starts_with("\r\n")) skipped += 2;
    head_size_ += skipped;
    return skipped;
  }
  // Beast's own limits are for a line or a chunk at a time; these are for the whole. `unread` bytes make no whole line yet.
  std::optional<Fault> check_size(std::size_t unread, bool is_waiting) const {
    const bool in_head = !parser_->is_header_done();
    if (head_size_ > limits_.head_size_max || (in_head && head_size_ + unread > limits_.head_size_max)) {
      return to_fault(beast::http::error::header_limit, limits_);
    }
    const std::size_t most = limits_.body_size_max;
    if (!streams_ && (request_.body.size() > most || parser_->chunk_left() > most - request_.body.size()))
      return too_large();
    // Room for chunk sizes, but not for endless trailers.
    if (!streams_ && body_size_on_wire_ > 8 * limits_.body_size_max + limits_.head_size_max) {
      return Fault{413, "the request's body is cut into needlessly small chunks"};
    }
    if (!in_head && !parser_->is_done() && parser_->chunked() && is_waiting && is_stuck(unread)) {
      return Fault{400, "a chunk's head or the trailers are too long"};
    }
    return std::nullopt;
  }
  Fault too_large() const { return {413, fmt::format("the request's body is above {} bytes", limits_.body_size_max)}; }
  bool is_stuck(std::size_t unread) const { return unread > limits_.head_size_max; }

  std::optional<Fault> read_head() {
    request_.keep_alive = parser_->keep_alive();
    request_.minor_version = parser_->version() % 10;
    split_target();
    if (parser_->hosts() > 1 || (parser_->hosts() == 0 && parser_->version() >= 11))
      return Fault{400, "an HTTP/1.1 request has exactly one Host header"};
    streams_ = limits_.streams_body && limits_.streams_body(request_);
    if (!streams_ && parser_->content_length().value_or(0) > limits_.body_size_max) return too_large();
    // A body whose end only the sender knows: the bytes after the head could be anything.
    if (parser_->is_encoded() && !parser_->chunked()) {
      return Fault{501, "the only transfer encoding taken is chunked"};
    }
    return std::nullopt;
  }
  void split_target() {
    std::string_view rest = request_.target;
    // The absolute form, as proxies send it.
    if (rest.starts_with("http://") || rest.starts_with("https://")) {
      rest.remove_prefix(rest.find("//") + 2);
      const auto path = rest.find_first_of("/?");
      rest = path == std::string_view::npos ? std::string_view("/") : rest.substr(path);
    }
    rest = rest.substr(0, rest.find('#'));
    const auto question = rest.find('?');
    request_.path = rest.substr(0, question);
    if (request_.path.empty()) request_.path = "/";
    if (question != std::string_view::npos) request_.query = rest.substr(question + 1);
  }

  ParserLimits limits_;
  HttpRequest request_;
  std::optional<BeastParser> parser_;
  std::size_t head_size_ = 0;
  std::size_t body_size_on_wire_ = 0;
  bool streams_ = false;
};

RequestParser::RequestParser(const ParserLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;
std::expected<std::size_t, Fault> RequestParser::consume(std::string_view input) { return impl_->consume(input); }
bool RequestParser::head_done() const { return impl_->head_done(); }
bool RequestParser::done() const { return impl_->done(); }
std::size_t RequestParser::body_size_max() const { return impl_->body_size_max(); }
std::size_t RequestParser::body_size() const { return impl_->body_size(); }
bool RequestParser::wants_continue() const { return impl_->wants_continue(); }
bool RequestParser::streams_body() const { return impl_->streams_body(); }
HttpRequest& RequestParser::request() { return impl_->request(); }
void RequestParser::restart() { impl_->restart(); }

namespace {

using Head = fmt::basic_memory_buffer<char, 512>;

void append(Head& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

// Of a header that others decide: a value must not begin a header of its own.
void append_header(Head& out, std::string_view name, std::string_view value) {
  append(out, name);
  append(out, ": ");
  for (const char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  append(out, "\r\n");
}

// The date of the last response on this thread: it changes once a second.
std::string_view cached_date(Timestamp now) {
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  if (now.value() / 1000 != second || text.empty()) {
    second = now.value() / 1000;
    text = http_date(now);
  }
  return text;
}

constexpr int kNoContent = 204;
constexpr int kNotModified = 304;

// RFC 9110, section 8.6: there is no body, and no length of one.
bool has_no_body(const HttpResponse& response) {
  return response.status < 200 || response.status == kNoContent || response.status == kNotModified;
}

// A response that switches protocols says so itself.
std::string_view connection_header(const HttpResponse& response, const ResponseContext& context) {
  if (response.status < 200) return "\r\n";
  const bool goes_on = context.keep_alive && response.takeover == nullptr;
  return goes_on ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n";
}

}  // namespace

Bytes encode_response(const HttpResponse& response, const ResponseContext& context) {
  Head head;
  append(head, "HTTP/1.1 ");
  append(head, fmt::format_int(response.status).c_str());
  append(head, " ");
  append(head, reason_of(response.status));
  append(head, "\r\nDate: ");
  append(head, cached_date(context.now));
  if (!has_no_body(response)) {
    append(head, "\r\nContent-Type: ");
    append(head, response.content_type);
    if (response.takeover == nullptr) {
      append(head, "\r\nContent-Length: ");
      append(head, fmt::format_int(response.body.size()).c_str());
    }
  }
  append(head, connection_header(response, context));
  for (const auto& [name, value] : response.headers) append_header(head, name, value);
  append(head, "\r\n");
  const std::size_t body_size = context.head_only || has_no_body(response) ? 0 : response.body.size();
  auto out = Bytes::uninitialized(head.size() + body_size);
  std::memcpy(out.data(), head.data(), head.size());
  if (body_size != 0) std::memcpy(out.data() + head.size(), response.body.data(), body_size);
  return out;
}

std::string http_date(Timestamp time) {
  static constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::max<std::int64_t>(0, time.value()) / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(parts.tm_wday)],
                     parts.tm_mday, kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string_view reason_of(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 207: return "Multi-Status";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Supported";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

}  // namespace leat::http
