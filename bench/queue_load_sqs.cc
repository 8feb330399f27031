// Amazon SQS over HTTP keep-alive, in AWS JSON 1.0, as the SDKs of today speak it.
#include <simdjson.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "bench/queue_load.h"

namespace queue_load {
namespace {

constexpr std::string_view kHeadersEnd = "\r\n\r\n";

void add_number(std::string& out, std::string_view name, std::uint64_t value) {
  out.append(name);
  out.append(std::to_string(value));
}

// One request at a time, as the SDKs' connections do it.
class Sqs : public Stream {
 public:
  Sqs(const Options& options, Load& load, const std::string& run, std::uint64_t first_id)
      : Stream(options, load), run_(run), next_id_(first_id), queue_("{\"QueueUrl\":\"" + options.queue + "\"") {
    if (options.in_flight != 1) die("sqs", "--in-flight must be 1: an SDK's connection has one request at a time");
  }

  void send(std::span<const std::string> bodies) override {
    // Senders beyond the first that is outstanding wait for their turn.
    if (state_ != State::idle) {
      waiting_.emplace_back(bodies.front());
      return;
    }
    state_ = State::sending;
    sending_ = bodies.size();
    content_ = queue_;
    if (bodies.size() == 1) {
      content_ += ',';
      add_message(bodies[0]);
      content_ += '}';
      request("SendMessage");
      return;
    }
    content_ += ",\"Entries\":[";
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      add_number(content_, i == 0 ? "{\"Id\":\"" : ",{\"Id\":\"", i);
      content_ += "\",";
      add_message(bodies[i]);
      content_ += '}';
    }
    content_ += "]}";
    request("SendMessageBatch");
  }

  void receive() override {
    state_ = State::receiving;
    content_ = queue_;
    add_number(content_, ",\"MaxNumberOfMessages\":", options_.wait ? 10 : options_.batch);
    add_number(content_, ",\"WaitTimeSeconds\":", options_.wait ? 20 : 0);
    content_ += '}';
    request("ReceiveMessage");
  }

 private:
  enum class State { idle, sending, receiving, deleting };

  void add_message(const std::string& body) {
    content_ += "\"MessageBody\":\"";
    content_ += body;
    content_ += '"';
    const std::uint64_t id = next_id_++;
    if (!options_.group.empty()) {
      content_ += ",\"MessageGroupId\":\"";
      content_ += options_.group;
      if (options_.groups > 0) content_ += std::to_string(id * 0x9E3779B97F4A7C15 % options_.groups);
      content_ += '"';
    }
    if (options_.fifo) {
      content_ += ",\"MessageDeduplicationId\":\"" + run_;
      add_number(content_, "-", id);
      content_ += '"';
    }
    if (options_.delay_seconds >= 0)
      add_number(content_, ",\"DelaySeconds\":", static_cast<std::uint64_t>(options_.delay_seconds));
    if (options_.priority >= 0) {
      add_number(content_, ",\"MessageAttributes\":{\"leat-priority\":{\"DataType\":\"Number\",\"StringValue\":\"",
                 static_cast<std::uint64_t>(options_.priority));
      content_ += "\"}}";
    }
  }

  void request(std::string_view action) {
    std::string& out = output();
    out += "POST / HTTP/1.1\r\nHost: ";
    out += options_.host;
    out += "\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.";
    out += action;
    add_number(out, "\r\nContent-Length: ", content_.size());
    out += kHeadersEnd;
    out += content_;
    flush();
  }

  std::size_t take(std::string_view input) override {
    const std::size_t head = input.find(kHeadersEnd);
    if (head == std::string_view::npos) return 0;
    const std::string_view headers = input.substr(0, head);
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const std::size_t length_at = headers.find(kLength);
    if (length_at == std::string_view::npos) die("no content length", headers);
    const std::size_t size = number_at(headers.substr(length_at + kLength.size()));
    const std::size_t begin = head + kHeadersEnd.size();
    if (input.size() < begin + size) return 0;
    const std::string_view content = input.substr(begin, size);
    if (!headers.starts_with("HTTP/1.1 200 ")) die("refused", content);
    handle(content);
    return begin + size;
  }

  void handle(std::string_view content) {
    const State was = std::exchange(state_, State::idle);
    if (was == State::receiving) {
      take_messages(content);
      return;
    }
    // The only arrays of answers to sends and deletes that hold objects with a code.
    if (content.find("\"Code\":") != std::string_view::npos) die("refused", content);
    if (was == State::deleting) {
      load_.acknowledged(*this, handles_.size(), true);
      return;
    }
    if (was == State::idle) die("an answer that nobody asked for", content);
    load_.sent(*this, sending_);
    if (state_ == State::idle && !waiting_.empty()) {
      const std::string next = std::move(waiting_.front());
      waiting_.erase(waiting_.begin());
      send(std::span(&next, 1));
    }
  }

  void take_messages(std::string_view content) {
    handles_.clear();
    simdjson::dom::element document;
    if (parser_.parse(content.data(), content.size()).get(document)) die("not JSON", content);
    simdjson::dom::array messages;
    if (document["Messages"].get(messages) == simdjson::SUCCESS) {
      for (const auto message : messages) {
        std::string_view handle, body;
        if (message["ReceiptHandle"].get(handle) || message["Body"].get(body)) die("not a message", content);
        handles_.emplace_back(handle);
        load_.received(body);
      }
    }
    if (handles_.empty()) {
      load_.acknowledged(*this, 0, true);
      return;
    }
    state_ = State::deleting;
    content_ = queue_;
    if (handles_.size() == 1) {
      content_ += ",\"ReceiptHandle\":\"" + handles_[0] + "\"}";
      request("DeleteMessage");
      return;
    }
    content_ += ",\"Entries\":[";
    for (std::size_t i = 0; i < handles_.size(); ++i) {
      add_number(content_, i == 0 ? "{\"Id\":\"" : ",{\"Id\":\"", i);
      content_ += "\",\"ReceiptHandle\":\"" + handles_[i] + "\"}";
    }
    content_ += "]}";
    request("DeleteMessageBatch");
  }

  State state_ = State::idle;
  std::size_t sending_ = 0;
  const std::string run_;  // no other run sends ids that begin with it
  std::uint64_t next_id_;
  const std::string queue_;
  std::string content_;
  std::vector<std::string> handles_;
  std::vector<std::string> waiting_;
  simdjson::dom::parser parser_;
};

}  // namespace

Links open_sqs(const Options& options, Load& load, std::size_t count) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string run = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) + "-" +
                          std::to_string(getpid());
  Links links;
  for (std::size_t i = 0; i < count; ++i) links.push_back(std::make_unique<Sqs>(options, load, run, i << 40));
  return links;
}

}  // namespace queue_load
