#include "security/scram.h"

#include "tests/security/scram_client.h"

// A server's exchange with any client: the first line is its first message, the rest its final one. Nobody gets in
// whose proof is not right, and whoever's is does, whatever else the first message says.
namespace {

using leat::security::ScramMechanism;
using leat::security::ScramServer;

constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

void demand(bool is_so) {
  if (!is_so) __builtin_trap();
}

void run(ScramMechanism mechanism, std::string_view first, std::string_view last) {
  using namespace leat::security;
  const std::string salted(scram_key_bytes(mechanism), 'k');  // as if the password had been salted into this
  const auto credential = scram_credential_of_salted(mechanism, salted, "sixteen of salt.", 4096);
  ScramServer server(mechanism, std::string(kServerNonce));
  const auto user = server.user_of_first(first);
  if (!user) {
    demand(!server.server_final(last));
    return;
  }
  demand(!user->empty() && user->size() < first.size());
  const auto bare_at = first.find(',', first.find(',') + 1) + 1;
  const test::Exchange exchange{mechanism, std::string(first.substr(0, bare_at)), std::string(first.substr(bare_at)),
                                server.server_first(credential), salted};
  const std::string right = exchange.final();
  const auto end = server.server_final(last);
  demand(!end || last == right);
  demand(!server.server_final(right));

  ScramServer other(mechanism, std::string(kServerNonce));
  demand(other.user_of_first(first) == *user && other.server_first(credential) == exchange.server_first);
  const auto good_end = other.server_final(right);
  demand(good_end && *good_end == exchange.expected_server_final());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  const auto last = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
  run(ScramMechanism::sha256, text.substr(0, line), last);
  run(ScramMechanism::sha512, text.substr(0, line), last);
  return 0;
}
