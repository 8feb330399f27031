#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "cli/load.h"

namespace leat::cli {

// One connection of a produce load: whole requests out, answers in, without blocking. A request is a head, which is patched
// for each one, and a batch, which is sent from where it lies.
class ProduceLane {
 public:
  // `partitions` of `topic` are led by the broker that `connection` leads to, and are written in turn.
  [[nodiscard]] static Result<std::unique_ptr<ProduceLane>> make(std::unique_ptr<Connection> connection,
                                                                 const std::string& topic,
                                                                 std::vector<std::int32_t> partitions,
                                                                 std::int16_t acks);

  [[nodiscard]] const Socket& socket() const { return connection_->socket(); }
  [[nodiscard]] bool sending() const { return left_to_send_ > 0 || socket().has_output(); }
  [[nodiscard]] std::size_t awaited() const { return awaited_.size(); }

  struct Request {
    std::int64_t due_ns = 0;
    std::uint64_t records = 0;
    bool counted = true;  // in the latencies
  };
  // Begins a request with `batch`, which stays where it is until sending() is false. Not while sending().
  [[nodiscard]] Status begin(const Request& request, BytesView batch);
  // As `begin`, for a batch that the lane keeps.
  [[nodiscard]] Status begin(const Request& request, Bytes batch);
  // Sends on as far as the socket takes it.
  [[nodiscard]] Status continue_sending();
  // Takes the answers that have come. Returns the requests that they end.
  [[nodiscard]] Result<std::vector<Request>> receive();

 private:
  ProduceLane(std::unique_ptr<Connection> connection, std::vector<std::int32_t> partitions, std::int16_t acks)
      : connection_(std::move(connection)), partitions_(std::move(partitions)), acks_(acks) {}
  [[nodiscard]] Status make_head(const std::string& topic);
  [[nodiscard]] Status check_answer(BytesView frame) const;

  std::unique_ptr<Connection> connection_;
  std::vector<std::int32_t> partitions_;
  std::int16_t acks_;
  std::int16_t version_ = 0;
  std::size_t next_partition_ = 0;
  std::int32_t next_correlation_ = 0;
  Bytes head_;
  BytesView batch_;
  Bytes kept_batch_;
  std::size_t left_to_send_ = 0;  // of head and batch
  std::deque<Request> awaited_;
  Bytes input_;
  std::size_t input_size_ = 0;
};

}  // namespace leat::cli
