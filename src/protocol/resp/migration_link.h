#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/network.h"
#include "runtime/shard.h"

namespace leat::resp {

// Appends a command as clients send it.
void append_command(std::string& out, std::initializer_list<std::string_view> words);

// A connection to another server that keys go to. One task uses it, and close() may come from others.
class MigrationLink {
 public:
  // `patience`: no step takes longer without progress: connecting, sending a part, waiting for bytes.
  MigrationLink(runtime::Shard& shard, Milliseconds patience);
  MigrationLink(const MigrationLink&) = delete;
  MigrationLink& operator=(const MigrationLink&) = delete;

  // Errors: invalid_argument, timed_out, io, cancelled.
  runtime::Task<Status> open(std::string host, std::uint16_t port);
  // `bytes` outlive the call. Errors: io, cancelled (also when patience is over).
  runtime::Task<Status> send(std::string_view bytes);
  // One line, without its end. Errors: io (also one that is too long), cancelled (also when patience is over).
  runtime::Task<Result<std::string>> read_line();
  // What waits ends.
  void close();

 private:
  class Patience final : public runtime::Timer {
   public:
    explicit Patience(MigrationLink& link) : link_(link) {}

   private:
    void fire() override { link_.close(); }
    MigrationLink& link_;
  };
  void be_patient();

  runtime::Shard& shard_;
  Milliseconds patience_;
  std::unique_ptr<runtime::Socket> socket_;
  bool closed_ = false;
  std::string received_;
  Patience timer_{*this};
};

}  // namespace leat::resp
