#include "protocol/resp/local_commands.h"

#include "protocol/resp/local_client.h"
#include "protocol/resp/local_rules.h"
#include "runtime/call.h"

namespace leat::resp {
namespace {

using runtime::Task;

std::vector<std::string_view> views_of(const std::vector<std::string>& words) { return {words.begin(), words.end()}; }

}  // namespace

// One call under way.
class LocalCommands::Admission {
 public:
  explicit Admission(LocalCommands& commands) : commands_(commands) { ++commands_.running_; }
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;
  ~Admission() {
    --commands_.running_;
    commands_.ended_.notify_all();
  }

 private:
  LocalCommands& commands_;
};

LocalCommands::LocalCommands(Executor& executor) : executor_(executor) {
  for (const std::string_view rule : {"on", "nopass", "~*", "&*", "+@all"}) (void)user_.apply(rule);
}

LocalCommands::~LocalCommands() = default;

Task<> LocalCommands::stop() {
  begin_stop();
  while (running_ > 0) co_await ended_.wait();
}

Status LocalCommands::admit(const LocalOptions& options) const {
  const auto cancelled = [](std::string_view why) { return fail(Errc::cancelled, std::string(why)); };
  if (stopping_) return cancelled("the server stops");
  if (options.cancellation != nullptr && options.cancellation->cancelled_) return cancelled("the caller has left");
  const Settings& settings = executor_.settings();
  if (options.database >= settings.databases)
    return fail(Errc::invalid_argument, fmt::format("there is no database {}", options.database));
  if (running_ >= settings.local_calls_max)
    return fail(Errc::would_block, fmt::format("{} calls are under way, and more are not taken", running_));
  return {};
}

Task<Result<ReplyValue>> LocalCommands::run(std::vector<std::string> words, LocalOptions options) {
  // Before the executor has any work with it.
  LEAT_CO_CHECK(look_up_local(views_of(words), {.administers = options.administers}));
  const Result<std::string> reply =
      co_await runtime::call_on(executor_.shard(), run_here, this, std::move(words), std::move(options));
  if (!reply) co_return fail(reply.error());
  co_return parse_reply(*reply);
}

Task<Result<std::string>> LocalCommands::run_here(LocalCommands* self, std::vector<std::string>& words,
                                                  LocalOptions& options) {
  LEAT_CO_CHECK(self->admit(options));
  const Admission admission(*self);
  LocalClient client(*self, self->executor_, options);
  client.execute(views_of(words));
  co_return co_await client.reply();
}

Task<Status> LocalCommands::run_unit(std::function<void(LocalUnit&)> decide, LocalOptions options) {
  co_return co_await runtime::call_on(executor_.shard(), run_unit_here, this, std::move(decide), std::move(options));
}

Task<Status> LocalCommands::run_unit_here(LocalCommands* self, std::function<void(LocalUnit&)>& decide,
                                          LocalOptions& options) {
  LEAT_CO_CHECK(self->admit(options));
  const Admission admission(*self);
  LocalClient client(*self, self->executor_, options);
  if (!co_await client.wait_for_pause()) co_return fail(Errc::cancelled, "the commands were ended before they began");
  if (self->executor_.is_suspended())
    co_return fail(Errc::would_block, "a script takes long, and nothing else is executed until it is done");
  client.execute_unit(decide, options.administers);
  const Result<std::string> reply = co_await client.reply();
  if (!reply) co_return fail(reply.error());
  co_return Status{};
}

Task<> LocalCommands::cancel(std::shared_ptr<Cancellation> cancellation) {
  co_await runtime::call_on(executor_.shard(), cancel_here, this, std::move(cancellation));
}

Task<> LocalCommands::cancel_here(LocalCommands* /*self*/, std::shared_ptr<Cancellation>& cancellation) {
  cancellation->cancelled_ = true;
  for (LocalClient* client : cancellation->clients_) client->cancel();
  co_return;
}

}  // namespace leat::resp
