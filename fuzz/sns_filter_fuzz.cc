#include "protocol/sns/filter_policy.h"

// Any filter policy on any message: the first line is the policy, the rest is the body and every attribute's value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using leat::sns::FilterPolicy;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = std::min(input.find('\n'), size);
  const std::string_view body = input.substr(std::min(line_end + 1, size));
  const std::array<leat::sns::MessageAttribute, 4> attributes{{
      {.name = "a", .type = "String", .value = body},
      {.name = "b", .type = "String.Array", .value = body},
      {.name = "c", .type = "Number", .value = body},
      {.name = "d", .type = "Binary", .value = body},
  }};
  for (const auto scope : {FilterPolicy::Scope::attributes, FilterPolicy::Scope::body}) {
    const auto policy = FilterPolicy::parse(input.substr(0, line_end), scope);
    if (!policy) continue;
    // What is kept between two messages does not change what is accepted.
    const bool accepted = policy->accepts(attributes, body);
    static_cast<void>(policy->accepts({}, "[{]"));
    if (policy->accepts(attributes, body) != accepted) __builtin_trap();
  }
  return 0;
}
