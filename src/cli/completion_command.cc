#include <CLI/CLI.hpp>

#include <cstdio>

#include "cli/subcommand.h"
#include "server/config/table.h"

// Scripts that complete leat's commands and options, written from their declarations.
namespace leat::cli {
namespace {

struct Word {
  std::string text;
  std::string description;
};

// One command by the words that lead to it ("leat topic create"), with what may follow.
struct Node {
  std::string path;
  std::vector<Word> commands;
  std::vector<Word> options;
  std::string names;  // the command that lists the names it takes, or empty
};

std::string names_for(const std::string& path) {
  for (const std::string_view taker : {"leat produce", "leat consume", "leat topic describe", "leat topic alter",
                                       "leat topic delete", "leat bench produce", "leat bench consume"})
    if (path == taker) return "leat topic list --names";
  const std::string_view command = path;
  if (command.starts_with("leat queue ") && command != "leat queue create" && command != "leat queue list")
    return "leat queue list --names";
  return "";
}

void collect(const CLI::App& app, const std::string& path, std::vector<Node>& nodes) {
  Node node{path, {}, {}, names_for(path)};
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      node.options.push_back({"--" + name, option->get_description()});
  if (path == "leat serve" || path == "leat config check")
    for (const server::ConfigKey& key : server::config_keys())
      if (!key.is_secret) node.options.push_back({server::flag_of(key), std::string(key.help)});
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : below) node.commands.push_back({command->get_name(), command->get_description()});
  nodes.push_back(std::move(node));
  for (const CLI::App* command : below) collect(*command, path + ' ' + command->get_name(), nodes);
}

std::vector<Node> all_nodes() {
  CLI::App root;
  Invocation ignored;
  declare_commands(root, ignored);
  std::vector<Node> nodes;
  collect(root, "leat", nodes);
  return nodes;
}

// `text` inside single quotes; `escape` stands for a quote.
std::string quoted(std::string_view text, std::string_view escape) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '\'';
}

// A case of every path that has more below it or is a command.
std::string path_patterns(const std::vector<Node>& nodes) {
  std::string patterns;
  for (const Node& node : nodes)
    if (node.path != "leat") patterns += fmt::format("{}'{}'", patterns.empty() ? "" : "|", node.path);
  return patterns;
}

std::string bash_script(const std::vector<Node>& nodes) {
  std::string out =
      "# Completion of leat's commands in bash: source <(leat completion bash)\n"
      "_leat() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} path=leat words='' word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n";
  out += fmt::format("    case \"$path $word\" in {}) path=\"$path $word\" ;; esac\n  done\n  case \"$path\" in\n",
                     path_patterns(nodes));
  for (const Node& node : nodes) {
    std::string words;
    for (const Word& word : node.commands) words += word.text + ' ';
    for (const Word& word : node.options) words += word.text + ' ';
    out += fmt::format("    '{}') words='{}'", node.path, words);
    if (!node.names.empty()) out += fmt::format("; [[ $current == -* ]] || words+=$({} 2>/dev/null)", node.names);
    out += " ;;\n";
  }
  return out +
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "}\n"
         "complete -o default -F _leat leat\n";
}

std::string zsh_words(const std::vector<Word>& words) {
  std::string out;
  for (const Word& word : words) {
    std::string escaped;
    for (const char c : word.text) escaped += c == ':' ? "\\:" : std::string(1, c);
    out += ' ' + quoted(escaped + ':' + word.description, "'\\''");
  }
  return out;
}

std::string zsh_script(const std::vector<Node>& nodes) {
  std::string out =
      "#compdef leat\n"
      "# Completion of leat's commands in zsh: leat completion zsh > \"${fpath[1]}/_leat\"\n"
      "_leat() {\n"
      "  local path_=leat word\n"
      "  local -a commands_ options_ names_\n"
      "  for word in \"${words[@]:1:$((CURRENT - 2))}\"; do\n";
  out += fmt::format("    case \"$path_ $word\" in {}) path_=\"$path_ $word\" ;; esac\n  done\n  case \"$path_\" in\n",
                     path_patterns(nodes));
  for (const Node& node : nodes) {
    out += fmt::format("    '{}')\n      commands_=({} )\n      options_=({} )\n", node.path, zsh_words(node.commands),
                       zsh_words(node.options));
    if (!node.names.empty()) out += fmt::format("      names_=(${{(f)\"$({} 2>/dev/null)\"}})\n", node.names);
    out += "      ;;\n";
  }
  return out +
         "  esac\n"
         "  if [[ ${words[CURRENT]} == -* ]]; then\n"
         "    _describe -o option options_\n"
         "  elif (( ${#commands_} )); then\n"
         "    _describe command commands_\n"
         "  elif (( ${#names_} )); then\n"
         "    compadd -- $names_\n"
         "  else\n"
         "    _files\n"
         "  fi\n"
         "}\n"
         "if [[ ${funcstack[1]} == _leat ]]; then _leat \"$@\"; else compdef _leat leat; fi\n";
}

std::string fish_script(const std::vector<Node>& nodes) {
  std::string out =
      "# Completion of leat's commands in fish: leat completion fish > ~/.config/fish/completions/leat.fish\n"
      "function __leat_at\n"
      "  set -l path leat\n"
      "  for word in (commandline -opc)[2..]\n"
      "    switch \"$path $word\"\n"
      "      case";
  for (const Node& node : nodes)
    if (node.path != "leat") out += ' ' + quoted(node.path, "\\'");
  out +=
      "\n        set path \"$path $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$path\" = \"$argv[1]\"\n"
      "end\n";
  for (const Node& node : nodes) {
    const std::string here =
        fmt::format("complete -c leat -n {}", quoted(fmt::format("__leat_at \"{}\"", node.path), "\\'"));
    for (const Word& word : node.commands)
      out += fmt::format("{} -f -a {} -d {}\n", here, word.text, quoted(word.description, "\\'"));
    for (const Word& word : node.options)
      out += fmt::format("{} -l {} -d {}\n", here, word.text.substr(2), quoted(word.description, "\\'"));
    if (!node.names.empty()) out += fmt::format("{} -f -a '({} 2>/dev/null)'\n", here, node.names);
  }
  return out;
}

using Script = std::string (*)(const std::vector<Node>&);

void add(CLI::App& completion, const std::string& shell, Script script, Invocation& chosen) {
  const auto print = [script]() -> Result<int> {
    fmt::print("{}", script(all_nodes()));
    return 0;
  };
  add_subcommand(completion, shell, "Print the script for " + shell, print, chosen);
}

}  // namespace

void add_completion_command(CLI::App& root, Invocation& chosen) {
  CLI::App* completion =
      add_subcommand_group(root, "completion", "Print a script that completes leat's commands in a shell");
  completion->footer(
      "bash: source <(leat completion bash)\nzsh:  leat completion zsh > \"${fpath[1]}/_leat\"\n"
      "fish: leat completion fish > ~/.config/fish/completions/leat.fish");
  add(*completion, "bash", bash_script, chosen);
  add(*completion, "zsh", zsh_script, chosen);
  add(*completion, "fish", fish_script, chosen);
}

}  // namespace leat::cli
