#include <CLI/CLI.hpp>

#include "cli/subcommand.h"
#include "cli/environment.h"
#include "cli/options.h"
#include "cli/queue_command.h"

// The words of `leat queue`.
namespace leat::cli {
namespace {

using Handler = Result<int> (*)(const QueueOptions&);

// Each command has options of its own, for they share names but not defaults.
std::pair<CLI::App*, std::shared_ptr<QueueOptions>> add(CLI::App& queue, const std::string& name,
                                                        const std::string& what, Handler handler, Invocation& chosen) {
  auto options = std::make_shared<QueueOptions>();
  CLI::App* command = add_subcommand(queue, name, what, handler, options, chosen);
  options->server = environment("LEAT_SQS", "127.0.0.1:9324");
  command->add_option("--server", options->server, "The SQS listener to talk to, or a URL of https (LEAT_SQS)")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  return {command, options};
}

void add_name(CLI::App& command, QueueOptions& options, const std::string& what = "The queue") {
  command.add_option("queue", options.name, what)->required()->type_name("QUEUE");
}
void add_names(CLI::App& command, QueueOptions& options) {
  command.add_option("queues", options.names, "Queues")->required()->type_name("QUEUE");
}
void add_text(CLI::App& command, const std::string& name, std::string& into, const std::string& what,
              const std::string& type) {
  command.add_option(name, into, what)->type_name(type);
}
void add_list(CLI::App& command, const std::string& name, std::vector<std::string>& into, const std::string& what) {
  command.add_option(name, into, what)->type_name("NAME=VALUE")->expected(1)->take_all();
}
void add_count(CLI::App& command, QueueOptions& options, std::int64_t otherwise, std::int64_t most) {
  options.count_max = otherwise;
  command.add_option("--max", options.count_max, "The most messages to show")
      ->check(CLI::Range(std::int64_t{1}, most))
      ->type_name("N")
      ->capture_default_str();
}

void add_create(CLI::App& queue, Invocation& chosen) {
  const auto [command, options] = add(queue, "create", "Create queues", queue_create, chosen);
  add_names(*command, *options);
  command->add_flag("--fifo", options->fifo, "Keep order within message groups; names end in .fifo");
  add_text(*command, "--lease", options->lease, "How long a delivery is its consumer's; 30s if not given", "TIME");
  add_text(*command, "--delay", options->delay, "How long a message waits before its first delivery", "TIME");
  add_text(*command, "--dead-letter-queue", options->dead_letter_queue, "Where messages go that failed too often",
           "QUEUE");
  command->add_option("--deliveries", options->deliveries, "How often a message is tried before that; 5 if not given")
      ->check(CLI::Range(1, 1000))
      ->type_name("N");
  add_text(*command, "--topic", options->topic, "A topic that exists, whose records are the messages", "TOPIC");
  add_text(*command, "--start", options->start,
           "Where on that topic to start: beginning, end, an offset, or a time (2026-03-01T12:30Z, -1h)", "WHERE");
  command->add_option("--partitions", options->partitions, "Partitions of the topic that is made for the queue")
      ->check(at_least(1))
      ->type_name("N");
  add_list(*command, "--set", options->settings, "Any other setting of queues; repeatable");
  add_json_option(*command, options->json);
}

void add_views(CLI::App& queue, Invocation& chosen) {
  {
    const auto [command, options] = add(queue, "list", "List queues", queue_list, chosen);
    add_text(*command, "--prefix", options->prefix, "Only those whose names begin so", "TEXT");
    command->add_flag("--names", options->names_only, "Names only, one a line");
    add_json_option(*command, options->json);
  }
  {
    const auto [command, options] =
        add(queue, "stats", "Show how many messages wait, are leased or delayed", queue_stats, chosen);
    add_names(*command, *options);
    command->add_flag("--watch", options->watch, "A line a second with the rate at which it drains, until Ctrl-C");
    command->add_flag("--drain", options->drain, "Wait until the queue is empty, showing progress");
    add_json_option(*command, options->json);
  }
}

void add_traffic(CLI::App& queue, Invocation& chosen) {
  {
    const auto [command, options] =
        add(queue, "send", "Send each line of files or standard input as a message", queue_send, chosen);
    add_name(*command, *options);
    command->add_option("files", options->files, "Files to read; none or '-' is standard input")->type_name("FILE");
    add_text(*command, "--group", options->group, "The message group of every message", "TEXT");
    add_text(*command, "--key-separator", options->key_separator,
             "What stands between a line's group and its body (\\t: a tab)", "TEXT");
    add_list(*command, "--header", options->headers, "An attribute for every message; repeatable");
    add_text(*command, "--delay", options->delay, "How long they wait before they are delivered, up to 15m", "TIME");
    command->add_option("--priority", options->priority, "0 to 9, in a queue with priorities")
        ->check(CLI::Range(0, 9))
        ->type_name("N");
  }
  {
    const auto [command, options] = add(queue, "receive", "Take messages and print them", queue_receive, chosen);
    add_name(*command, *options);
    options->count_max = 1;
    command->add_option("--max", options->count_max, "The most messages to take")
        ->check(at_least(1))
        ->type_name("N")
        ->capture_default_str();
    command->add_flag("--all", options->all, "Take messages until none is ready");
    command->add_flag("--follow", options->follow, "Go on and wait for more, until Ctrl-C");
    add_text(*command, "--wait", options->wait, "How long to wait for the first message, up to 20s", "TIME");
    add_text(*command, "--lease", options->lease, "How long they are leased; the queue's own if not given", "TIME");
    command->add_flag("--ack,!--no-ack", options->acknowledge,
                      "Acknowledge what was printed (default); --no-ack: it comes back when its lease ends");
    add_json_option(*command, options->json);
  }
}

void add_care(CLI::App& queue, Invocation& chosen) {
  {
    const auto [command, options] =
        add(queue, "peek", "Show the first messages without taking them", queue_peek, chosen);
    add_name(*command, *options);
    add_count(*command, *options, 10, 100);
    add_json_option(*command, options->json);
  }
  {
    const auto [command, options] =
        add(queue, "purge", "Acknowledge everything that is in queues now", queue_purge, chosen);
    add_names(*command, *options);
  }
  {
    const auto [command, options] =
        add(queue, "rewind", "Deliver again from a point on, acknowledged messages too", queue_rewind, chosen);
    add_name(*command, *options);
    command->add_option("--to", options->to, "beginning, an offset, or a time (2026-03-01T12:30Z, -1h)")
        ->required()
        ->type_name("WHERE");
  }
  {
    const auto [command, options] =
        add(queue, "redrive", "Move dead letters back to where they came from", queue_redrive, chosen);
    add_name(*command, *options, "The dead-letter queue");
    add_text(*command, "--to", options->to, "Move them to this queue instead", "QUEUE");
    command->add_option("--rate", options->rate, "The most messages a second; as fast as it goes if not given")
        ->check(CLI::Range(1, 500))
        ->type_name("N");
    command
        ->add_option("--message", options->messages, "Move this one alone, as `leat queue peek` shows it. Repeatable")
        ->type_name("PARTITION:OFFSET")
        ->excludes("--rate");
    command->add_flag("--detach", options->detach, "Start it and do not wait until it is done")->excludes("--message");
    add_json_option(*command, options->json);
  }
  {
    const auto [command, options] =
        add(queue, "dead", "List dead letters: where they come from and why they failed", queue_dead, chosen);
    add_name(*command, *options, "A dead-letter queue, or a queue that has one");
    add_count(*command, *options, 20, 100);
    add_json_option(*command, options->json);
  }
  {
    const auto [command, options] = add(queue, "delete", "Delete queues and what is in them", queue_delete, chosen);
    add_names(*command, *options);
  }
}

}  // namespace

void add_queue_command(CLI::App& root, Invocation& chosen) {
  CLI::App* queue = add_subcommand_group(root, "queue", "Create, list, fill, drain and repair queues");
  add_create(*queue, chosen);
  add_views(*queue, chosen);
  add_traffic(*queue, chosen);
  add_care(*queue, chosen);
}

}  // namespace leat::cli
