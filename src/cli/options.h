#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "log/batch.h"

namespace CLI {
class App;
class Validator;
}  // namespace CLI

// Options that several commands share.
namespace leat::cli {

// --server, or LEAT_SERVER, or the default address.
void add_server_option(CLI::App& command, std::string& server);
// --json for what is listed.
void add_json_option(CLI::App& command, bool& json);
// --compression.
void add_compression_option(CLI::App& command, std::string& name);
// --acks.
void add_acks_option(CLI::App& command, std::string& acks);

// Of an option that takes a whole number.
[[nodiscard]] CLI::Validator at_least(std::int64_t least);
// Of one that takes any number.
[[nodiscard]] CLI::Validator above_zero();

// Of values that those options let through.
[[nodiscard]] log::Codec codec_of(std::string_view name);
[[nodiscard]] std::int16_t acks_of(std::string_view acks);

// The two sides of "NAME=VALUE". Error: invalid_argument, naming the option.
[[nodiscard]] Result<std::pair<std::string, std::string>> split_pair(std::string_view option, const std::string& text);

// "\t", "\n", "\0" and "\\" in what people type for a separator.
[[nodiscard]] std::string unescape(std::string_view text);

}  // namespace leat::cli
