// Redis streams: XADD, and one consumer group whose members read, acknowledge and delete. hiredis reads the answers.
#include <hiredis/hiredis.h>
#include <hiredis/read.h>

#include <cstring>
#include <deque>

#include "bench/queue_load.h"

namespace queue_load {
namespace {

constexpr const char* kGroup = "workers";

std::string_view text_of(const redisReply* reply) { return {reply->str, reply->len}; }

class Redis : public Stream {
 public:
  Redis(const Options& options, Load& load, std::size_t index)
      : Stream(options, load), consumer_("c" + std::to_string(index)), reader_(redisReaderCreate()) {}
  ~Redis() override { redisReaderFree(reader_); }

  void make_group() {
    command({"XGROUP", "CREATE", options_.queue, kGroup, "0", "MKSTREAM"});
    expected_.push_back({Kind::group, 1});
    flush();
    run_until([this] { return expected_.empty(); });
  }

  void send(std::span<const std::string> bodies) override {
    for (const std::string& body : bodies) command({"XADD", options_.queue, "*", "d", body});
    expected_.push_back({Kind::add, bodies.size(), bodies.size()});
    flush();
  }

  void receive() override {
    const std::string count = std::to_string(options_.wait ? 10 : options_.batch);
    if (options_.wait) {
      command(
          {"XREADGROUP", "GROUP", kGroup, consumer_, "COUNT", count, "BLOCK", "20000", "STREAMS", options_.queue, ">"});
    } else {
      command({"XREADGROUP", "GROUP", kGroup, consumer_, "COUNT", count, "STREAMS", options_.queue, ">"});
    }
    expected_.push_back({Kind::read, 1});
    flush();
  }

 private:
  enum class Kind { group, add, read, acknowledge };
  struct Expected {
    Kind kind;
    std::size_t answers;
    std::size_t messages = 0;
  };

  void command(std::initializer_list<std::string_view> words) {
    const char* text[12];
    std::size_t sizes[12];
    std::size_t count = 0;
    for (const std::string_view word : words) {
      text[count] = word.data();
      sizes[count++] = word.size();
    }
    append(static_cast<int>(count), text, sizes);
  }

  void append(int count, const char** words, const std::size_t* sizes) {
    char* formatted = nullptr;
    const long long size = redisFormatCommandArgv(&formatted, count, words, sizes);
    if (size < 0) die("redis", "no memory");
    output().append(formatted, static_cast<std::size_t>(size));
    redisFreeCommand(formatted);
  }

  // hiredis keeps what is not complete, so everything is always taken.
  std::size_t take(std::string_view input) override {
    if (redisReaderFeed(reader_, input.data(), input.size()) != REDIS_OK) die("redis", reader_->errstr);
    void* reply = nullptr;
    while (redisReaderGetReply(reader_, &reply) == REDIS_OK && reply != nullptr) {
      handle(static_cast<redisReply*>(reply));
      freeReplyObject(reply);
    }
    if (reader_->err != 0) die("redis", reader_->errstr);
    return input.size();
  }

  void handle(const redisReply* reply) {
    if (expected_.empty()) die("redis", "an answer that nobody asked for");
    Expected& expected = expected_.front();
    if (reply->type == REDIS_REPLY_ERROR && !(expected.kind == Kind::group && text_of(reply).starts_with("BUSYGROUP")))
      die("redis", text_of(reply));
    if (expected.kind == Kind::acknowledge && static_cast<std::size_t>(reply->integer) != expected.messages)
      die("redis", "a message was not there to be acknowledged");
    if (--expected.answers > 0) return;
    const Expected done = expected;
    expected_.pop_front();
    if (done.kind == Kind::add) load_.sent(*this, done.messages);
    if (done.kind == Kind::acknowledge) load_.acknowledged(*this, done.messages, true);
    if (done.kind == Kind::read) acknowledge(reply);
  }

  // [[stream, [[id, [field, value]], …]]], or nil.
  void acknowledge(const redisReply* reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
      load_.acknowledged(*this, 0, true);
      return;
    }
    const redisReply* const entries = reply->element[0]->element[1];
    std::vector<const char*> words = {"XACK", options_.queue.c_str(), kGroup};
    std::vector<std::size_t> sizes = {4, options_.queue.size(), std::strlen(kGroup)};
    for (std::size_t i = 0; i < entries->elements; ++i) {
      const redisReply* const entry = entries->element[i];
      words.push_back(entry->element[0]->str);
      sizes.push_back(entry->element[0]->len);
      load_.received(text_of(entry->element[1]->element[1]));
    }
    append(static_cast<int>(words.size()), words.data(), sizes.data());
    // XDEL has no group.
    words.erase(words.begin() + 2);
    sizes.erase(sizes.begin() + 2);
    words[0] = "XDEL";
    append(static_cast<int>(words.size()), words.data(), sizes.data());
    expected_.push_back({Kind::acknowledge, 2, entries->elements});
  }

  const std::string consumer_;
  redisReader* const reader_;
  std::deque<Expected> expected_;
};

}  // namespace

Links open_redis(const Options& options, Load& load, std::size_t count) {
  Redis(options, load, 0).make_group();
  Links links;
  for (std::size_t i = 0; i < count; ++i) links.push_back(std::make_unique<Redis>(options, load, i));
  return links;
}

}  // namespace queue_load
