#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>

#include "protocol/kafka/dispatch.h"
#include "protocol/kafka/request.h"
#include "runtime/network.h"
#include "runtime/sync.h"

namespace leat::kafka {

// One client's connection, from its first byte to its last, on one shard. Requests are read one after the other and served
// side by side; replies go out in the order of the requests. While kPipelineMax requests wait for their turn, or the shard's
// memory for requests or for replies is used up, nothing more is read, and the client feels it.
class Session {
 public:
  static constexpr std::size_t kPipelineMax = 64;

  Session(KafkaShard& shard, std::unique_ptr<runtime::Socket> socket, Endpoint endpoint);

  // Returns when the connection has ended and nothing of it is left.
  runtime::Task<> run();
  // Reads no more requests; ends long polls, and the connection as soon as no request is in flight.
  void stop();
  // Memory that the client keeps from being of use: requests that it does not send the rest of, requests that only wait,
  // replies that it does not read.
  [[nodiscard]] std::size_t stuck_memory(MonoTime now) const;
  [[nodiscard]] const std::string& peer() const { return connection_.peer; }
  [[nodiscard]] ListenerStats& traffic() { return traffic_; }
  // Ends the connection now.
  void abort();

 private:
  // A request and, later, its reply.
  struct Slot {
    Slot(Connection& connection, runtime::Reservation reserved) : memory(std::move(reserved)), request(connection) {}

    Bytes body;
    runtime::Reservation memory;
    Request request;
    MonoTime started{};
    Reply reply;
    std::size_t reply_memory = 0;  // counted in the shard's
    bool done = false;
  };
  // Closes a connection that nothing comes from.
  class IdleTimer final : public runtime::Timer {
   public:
    explicit IdleTimer(Session& session) : session_(session) {}
    void fire() override { session_.check_idle(); }

   private:
    Session& session_;
  };

  runtime::Task<bool> admit();
  runtime::Task<> read_requests();
  [[nodiscard]] bool must_wait() const;
  runtime::Task<Result<bool>> read_bytes(MutableBytes into);
  runtime::Task<Result<std::unique_ptr<Slot>>> read_request();
  runtime::Task<bool> wait_for_quota();
  [[nodiscard]] bool charge(Request& request, std::size_t bytes);
  [[nodiscard]] bool is_being_authenticated() const;
  [[nodiscard]] bool expects_token() const;
  void take_certificate();
  [[nodiscard]] bool has_expired() const;
  runtime::Task<> until_answered();
  runtime::Task<> serve(Slot& slot, Reader reader);
  runtime::Task<> serve_token(Slot& slot);
  void answered(Slot& slot);
  runtime::Task<> write_replies();
  void refuse(std::string_view why);
  void check_idle();
  void end_polls();

  KafkaShard& shard_;
  ListenerStats& traffic_;
  std::unique_ptr<runtime::Socket> socket_;
  Connection connection_;
  std::deque<std::unique_ptr<Slot>> slots_;
  runtime::TaskScope tasks_;
  runtime::Notifier changed_;  // a slot was added, done or removed, or the session ends
  IdleTimer idle_timer_{*this};
  MonoTime last_activity_{};
  MonoTime last_progress_{};   // of the request that is being read
  std::size_t receiving_ = 0;  // its size
  std::size_t sending_ = 0;    // memory of the reply that is being written
  MonoTime sending_since_{};
  bool reading_ = true;
  bool stopping_ = false;
  // Bytes read ahead: the size and header of a request usually come in one read, small requests whole.
  std::array<std::byte, 512> ahead_;
  std::size_t ahead_begin_ = 0;
  std::size_t ahead_end_ = 0;
};

}  // namespace leat::kafka
