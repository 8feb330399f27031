#pragma once

#include <string>

#include "base/result.h"

namespace leat::cli {

class Client;

// Lets the user do everything, everywhere.
[[nodiscard]] Status grant_everything(Client& client, const std::string& user);

}  // namespace leat::cli
