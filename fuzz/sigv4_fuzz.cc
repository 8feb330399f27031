#include "security/sigv4.h"

// Verifying signatures of any request: the first line is the path and query, the second the Authorization header, the
// third the time, the rest the body. Nobody who does not have the secret gets in.
namespace {

std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leat;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = take_line(text);
  const auto authorization = take_line(text);
  const auto time = take_line(text);
  const auto question = target.find('?');
  std::vector<std::pair<std::string_view, std::string_view>> headers{{"Host", "example.amazonaws.com"},
                                                                     {"X-Amz-Date", time}};
  if (!authorization.empty()) headers.emplace_back("Authorization", authorization);
  security::AccessKeys keys;
  keys.add("AKIDEXAMPLE", "a secret that the corpus does not know");
  security::SigV4Verifier verifier([&](std::string_view id) { return keys.find(id); }, "service");
  const security::SignedRequest request{
      "GET", target.substr(0, question),
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1), headers, text};
  (void)security::claimed_credential(request);
  if (verifier.verify(request, Timestamp(1'440'938'160'000))) __builtin_trap();
  return 0;
}
