#include "protocol/api/tags.h"

#include <openssl/evp.h>

namespace leat::api {
namespace {

// Whether a condition is for anything, or one of its tags fits.
template <class F>
bool is_any(std::string_view condition, F fits) {
  if (condition == "*") return true;
  while (!condition.empty()) {
    std::string_view tag = condition.substr(0, condition.find(','));
    condition.remove_prefix(std::min(condition.size(), tag.size() + 1));
    while (tag.starts_with(' ') || tag.starts_with('\t')) tag.remove_prefix(1);
    while (tag.ends_with(' ') || tag.ends_with('\t')) tag.remove_suffix(1);
    if (tag.size() > 2 && tag.ends_with('"') && fits(tag)) return true;
  }
  return false;
}

}  // namespace

std::string digest_of(std::string_view text) {
  unsigned char out[EVP_MAX_MD_SIZE];
  std::size_t size = 0;
  ::EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), out, &size);
  std::string digest;
  for (std::size_t i = 0; i < 16; ++i) fmt::format_to(std::back_inserter(digest), "{:02x}", out[i]);
  return digest;
}

std::string tag_of(std::string_view mark, std::string_view shown) {
  return fmt::format("\"{}-{}\"", mark, digest_of(shown));
}
std::string tag_of(std::string_view mark) { return fmt::format("\"{}\"", mark); }

bool names_mark(std::string_view condition, std::string_view mark) {
  return is_any(condition, [mark](std::string_view tag) {
    return !mark.empty() && tag.starts_with('"') && tag.substr(1, tag.find_first_of("-\"", 1) - 1) == mark;
  });
}

bool names_tag(std::string_view condition, std::string_view tag) {
  return is_any(condition, [tag](std::string_view each) {
    if (each.starts_with("W/")) each.remove_prefix(2);
    return each == tag;
  });
}

Outcome<> check_match(const Request& request, std::string_view mark) {
  if (!request.has("If-Match") || names_mark(request.text("If-Match"), mark)) return {};
  return precondition_failed();
}

std::unexpected<Problem> precondition_failed() {
  return refuse(412, "precondition-failed", "it is another one by now; GET tells how it is");
}

}  // namespace leat::api
