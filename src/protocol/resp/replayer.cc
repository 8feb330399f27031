#include "protocol/resp/replayer.h"

#include "protocol/resp/registry.h"

namespace leat::resp {

Replayer::Replayer(Executor& executor) : executor_(executor), client_(executor, *this, 0, "journal", "journal") {
  client_.is_local = client_.is_replayed = true;
}

Status Replayer::apply(const keyspace::JournalUnit& unit) {
  ++units_;
  executor_.keyspace().set_now(unit.time);
  keyspace::EffectsReader effects(unit.effects);
  Reply reply(client_.out, client_.protocol);
  while (effects.next()) {
    const Arguments words = effects.arguments();
    const Command* command = find_command(words[0]);
    if (command != nullptr && !command->subcommands.empty() && words.size() > 1)
      command = find_subcommand(*command, words[1]);
    if (command == nullptr || command->handler == nullptr || effects.database() >= executor_.keyspace().databases()) {
      return fail(Errc::corrupt, fmt::format("the keyspace's journal has '{}' on database {}, which cannot be done",
                                             words[0], effects.database()));
    }
    client_.database = effects.database();
    executor_.begin_unit();
    executor_.run(client_, *command, words, reply);
    executor_.end_unit();
    const bool refused = client_.out.starts_with('-');
    const std::string said = refused ? client_.out : "";
    client_.out.clear();
    if (refused) {
      return fail(Errc::corrupt,
                  fmt::format("'{}' in the keyspace's journal is refused: {}", words[0], said.substr(1)));
    }
  }
  if (effects.broken()) return fail(Errc::corrupt, "an effect in the keyspace's journal is cut short");
  return {};
}

}  // namespace leat::resp
