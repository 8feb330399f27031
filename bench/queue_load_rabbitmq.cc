// RabbitMQ by librabbitmq: persistent messages to a durable queue, each confirmed; consumers that acknowledge by hand,
// with as many messages ahead as a cycle takes.
#include <amqp.h>
#include <amqp_tcp_socket.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "bench/queue_load.h"

namespace queue_load {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr std::uint8_t kPersistent = 2;
const timeval kNoWait{0, 0};

void check(const amqp_rpc_reply_t& reply, std::string_view what) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) die(what, amqp_error_string2(reply.library_error));
  if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* const close = static_cast<const amqp_channel_close_t*>(reply.reply.decoded);
    die(what, {static_cast<const char*>(close->reply_text.bytes), close->reply_text.len});
  }
  die(what, "the server closed the connection");
}

void check(int status, std::string_view what) {
  if (status < 0) die(what, amqp_error_string2(status));
}

class Rabbitmq : public Link {
 public:
  Rabbitmq(const Options& options, Load& load)
      : options_(options),
        load_(load),
        connection_(amqp_new_connection()),
        queue_(amqp_cstring_bytes(options.queue.c_str())) {
    amqp_socket_t* const socket = amqp_tcp_socket_new(connection_);
    if (socket == nullptr) die("rabbitmq", "no memory");
    check(amqp_socket_open(socket, options.host.c_str(), options.port), "connect");
    check(amqp_login(connection_, "/", 0, AMQP_DEFAULT_FRAME_SIZE, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"),
          "login");
    amqp_channel_open(connection_, kChannel);
    check(amqp_get_rpc_reply(connection_), "open a channel");
    amqp_confirm_select(connection_, kChannel);
    check(amqp_get_rpc_reply(connection_), "confirm.select");
  }
  ~Rabbitmq() override { amqp_destroy_connection(connection_); }

  void make_queue() {
    amqp_table_entry_t type{};
    type.key = amqp_cstring_bytes("x-queue-type");
    type.value.kind = AMQP_FIELD_KIND_UTF8;
    type.value.value.bytes = amqp_cstring_bytes(options_.quorum ? "quorum" : "classic");
    amqp_queue_declare(connection_, kChannel, queue_, 0, 1, 0, 0, {1, &type});
    check(amqp_get_rpc_reply(connection_), "queue.declare");
  }

  [[nodiscard]] int descriptor() const override { return amqp_get_sockfd(connection_); }

  void send(std::span<const std::string> bodies) override {
    amqp_basic_properties_t properties{};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = kPersistent;
    for (const std::string& body : bodies) {
      const amqp_bytes_t bytes{body.size(), const_cast<char*>(body.data())};
      check(amqp_basic_publish(connection_, kChannel, amqp_empty_bytes, queue_, 0, 0, &properties, bytes), "publish");
      unconfirmed_.push_back(true);
    }
    sends_.push_back(bodies.size());
  }

  // Messages are pushed from the first call on: a cycle never ends.
  void receive() override {
    if (consuming_) return;
    consuming_ = true;
    batch_ = options_.wait ? 1 : options_.batch;
    amqp_basic_qos(connection_, kChannel, 0, static_cast<std::uint16_t>(batch_ * options_.in_flight), 0);
    check(amqp_get_rpc_reply(connection_), "basic.qos");
    amqp_basic_consume(connection_, kChannel, queue_, amqp_empty_bytes, 0, 0, 0, amqp_empty_table);
    check(amqp_get_rpc_reply(connection_), "basic.consume");
    on_readable();
  }

  void on_readable() override {
    if (consuming_) {
      while (take_message()) {}
      acknowledge();
    } else {
      while (take_frame()) {}
    }
  }

  // Acknowledgements have no answer, but the channel's next method has one, and comes after them.
  void settle() override {
    amqp_basic_cancel(connection_, kChannel, amqp_cstring_bytes("none"));
    check(amqp_get_rpc_reply(connection_), "basic.cancel");
  }

 private:
  bool take_message() {
    amqp_maybe_release_buffers(connection_);
    amqp_envelope_t envelope;
    const amqp_rpc_reply_t reply = amqp_consume_message(connection_, &envelope, &kNoWait, 0);
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION && reply.library_error == AMQP_STATUS_TIMEOUT) return false;
    check(reply, "consume");
    load_.received({static_cast<const char*>(envelope.message.body.bytes), envelope.message.body.len});
    last_tag_ = envelope.delivery_tag;
    amqp_destroy_envelope(&envelope);
    if (++unacknowledged_ >= batch_) acknowledge();
    return true;
  }

  void acknowledge() {
    if (unacknowledged_ == 0) return;
    check(amqp_basic_ack(connection_, kChannel, last_tag_, unacknowledged_ > 1 ? 1 : 0), "basic.ack");
    load_.acknowledged(*this, std::exchange(unacknowledged_, 0), false);
  }

  bool take_frame() {
    amqp_maybe_release_buffers(connection_);
    amqp_frame_t frame;
    const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &kNoWait);
    if (status == AMQP_STATUS_TIMEOUT) return false;
    check(status, "receive");
    if (frame.frame_type != AMQP_FRAME_METHOD) return true;
    if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
      die("rabbitmq sent", amqp_method_name(frame.payload.method.id));
    const auto* const ack = static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded);
    confirm(ack->delivery_tag, ack->multiple != 0);
    return true;
  }

  // Tags count this channel's messages from 1; confirms may come out of order.
  void confirm(std::uint64_t tag, bool multiple) {
    const std::size_t index = tag - 1 - confirmed_before_;
    if (index >= unconfirmed_.size()) die("rabbitmq confirmed", "a message that was not sent");
    std::fill(unconfirmed_.begin() + static_cast<std::ptrdiff_t>(multiple ? 0 : index),
              unconfirmed_.begin() + static_cast<std::ptrdiff_t>(index + 1), false);
    while (!unconfirmed_.empty() && !unconfirmed_.front()) {
      unconfirmed_.pop_front();
      ++confirmed_before_;
      if (++confirmed_ < sends_.front()) continue;
      const std::size_t count = sends_.front();
      sends_.pop_front();
      confirmed_ = 0;
      load_.sent(*this, count);
    }
  }

  const Options& options_;
  Load& load_;
  const amqp_connection_state_t connection_;
  const amqp_bytes_t queue_;
  std::deque<bool> unconfirmed_;        // of the messages that are not confirmed with all before them
  std::uint64_t confirmed_before_ = 0;  // messages before those
  std::deque<std::size_t> sends_;       // messages of each send, the oldest first
  std::size_t confirmed_ = 0;           // of the oldest
  bool consuming_ = false;
  std::size_t batch_ = 1;
  std::size_t unacknowledged_ = 0;
  std::uint64_t last_tag_ = 0;
};

}  // namespace

Links open_rabbitmq(const Options& options, Load& load, std::size_t count) {
  Links links;
  for (std::size_t i = 0; i < count; ++i) {
    auto link = std::make_unique<Rabbitmq>(options, load);
    if (i == 0) link->make_queue();
    links.push_back(std::move(link));
  }
  return links;
}

}  // namespace queue_load
