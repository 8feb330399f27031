#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

#include "protocol/http/outgoing_client.h"

// What an outgoing request is to libcurl.
namespace leat::http {

// Whether HTTP can carry the request: its "scheme://host:port", without the user and password it may have, or what is
// wrong with it. (A host written in another case counts as another one, which is harmless.)
[[nodiscard]] Result<std::string> check_outgoing(const OutgoingRequest& request);

// Room for one request at a time on its way: an easy handle, which keeps its TLS sessions from one to the next.
class OutgoingTransfer {
 public:
  OutgoingTransfer() : easy_(curl_easy_init()) {}
  // libcurl knows where it is.
  OutgoingTransfer(const OutgoingTransfer&) = delete;
  OutgoingTransfer& operator=(const OutgoingTransfer&) = delete;

  // Makes the handle ready for `request`, which stays where it is until the transfer has ended. False when libcurl has no
  // memory.
  [[nodiscard]] bool prepare(const OutgoingRequest& request, const OutgoingOptions& options, Duration timeout);
  // What the transfer ended with.
  [[nodiscard]] Result<OutgoingResponse> outcome(CURLcode code, std::string_view origin);
  [[nodiscard]] CURL* handle() const { return easy_.get(); }

 private:
  struct EasyEnd {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct ListEnd {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  static std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t take_head(char* bytes, std::size_t size, std::size_t count, void* self);
  bool set_headers(const OutgoingRequest& request);
  bool add_header(const std::string& line);
  [[nodiscard]] std::size_t body_read_max() const;

  // The handle goes first: it refers to the rest.
  std::unique_ptr<curl_slist, ListEnd> headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::string body_;  // as much of it as is kept
  std::size_t body_size_ = 0;
  std::size_t body_kept_max_ = 0;
  std::size_t head_size_ = 0;
  std::unique_ptr<CURL, EasyEnd> easy_;
};

// The whole milliseconds that libcurl wants: at least 1, because 0 means forever.
[[nodiscard]] long whole_ms(Duration duration);

}  // namespace leat::http
