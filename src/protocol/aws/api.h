#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "protocol/aws/errors.h"
#include "protocol/aws/query_codec.h"
#include "protocol/aws/shape.h"
#include "protocol/aws/stats.h"
#include "protocol/http/message.h"
#include "runtime/task.h"
#include "security/authorize.h"

namespace leat::aws {

// Names an action, its input and its output.
struct Message {
  std::string_view action;
  Shape input;
  Shape output;
  bool has_result = false;  // in XML there is an element for the output even though it has no fields
};

// The body of a request, in whichever form it came.
struct Form {
  bool is_json = true;
  std::string_view json;
  std::vector<Parameter> parameters;
  std::string_view path;  // of the request: in the Query form it may name what it is for
};

// One request, while it is answered.
struct Call {
  // "http://host:port" as the client wrote it; https over TLS
  [[nodiscard]] std::string base_url() const { return fmt::format("{}://{}", is_secure ? "https" : "http", host); }

  Arena arena;            // of texts in the output
  std::string region;     // of the request's signature, or the default
  std::string_view host;  // that the client asked, with its port
  bool is_secure = false;
  // Who sends: a user's name, or the id of an access key that is no user's; empty when nobody is known.
  std::string sender;
  security::Principal principal;
  bool is_open = false;  // what is asked for is for everyone: Api::is_open()
  Timestamp now;
  http::Presence* presence = nullptr;             // of the client
  std::vector<std::shared_ptr<const void>> kept;  // owners of what the output shows parts of
};

// What is fixed of a service.
struct ApiTraits {
  std::string_view name;             // "sqs": in signatures, metrics and log lines
  std::string_view version;          // of the API, in the Query form
  std::string_view xml_namespace;    // of its answers
  std::string_view json_target;      // before an action's name in X-Amz-Target; empty: it has no JSON form
  std::string_view own_json_target;  // the same before actions that are leat's own
  std::string_view json_namespace;   // before its errors' names
  const WireError& (*wire_error)(ErrorCode code);
};

// One service of AWS on one shard: its actions.
class Api {
 public:
  // `messages`: of all its actions, leat's own behind the service's.
  Api(const ApiTraits& traits, std::vector<Message> messages);
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;
  virtual ~Api() = default;

  [[nodiscard]] const ApiTraits& traits() const { return traits_; }
  [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
  // An action by its index in messages(); nullopt: there is none of that name.
  [[nodiscard]] virtual std::optional<std::size_t> find(std::string_view action, bool is_own) const = 0;
  // Decodes the input, does it, and appends the output to `body`, in the form's own terms.
  virtual runtime::Task<Outcome<>> run(std::size_t action, Call& call, const Form& form, std::string& body) = 0;
  // Whether it is for everyone, even when requests must be signed.
  [[nodiscard]] virtual bool is_open(std::size_t action, const Form& form) const;
  // The answer to a GET of something that is no action; nullopt: there is no such thing.
  [[nodiscard]] virtual runtime::Task<std::optional<http::HttpResponse>> document(std::string path);

  [[nodiscard]] ApiStats& stats() { return stats_; }
  [[nodiscard]] const ApiStats& stats() const { return stats_; }
  void collect(observe::MetricsPage& page) const;

 private:
  const ApiTraits& traits_;
  std::vector<Message> messages_;
  ApiStats stats_;
};

}  // namespace leat::aws
