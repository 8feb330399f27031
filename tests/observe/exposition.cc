#include "tests/observe/exposition.h"

#include <cmath>
#include <cstdlib>
#include <regex>
#include <sstream>

namespace leat::observe {
namespace {

const std::regex kHelp(R"(# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*))");
const std::regex kType(R"(# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram))");
const std::string kLabel = R"re([a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")re";
const std::regex kSample("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(" + kLabel + "(?:," + kLabel + ")*)?,?\\})? (\\S+)");
const std::regex kBucketBound(R"re(,?le="([^"]*)")re");

struct Buckets {
  double bound = -INFINITY;
  double count = 0;
};

class Reader {
 public:
  Exposition read(const std::string& text) {
    if (!text.empty() && text.back() != '\n') fail("the last line does not end", text);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line) && out_.error.empty();) read_line(line);
    for (const auto& [series, last] : buckets_) {
      if (!std::isinf(last.bound)) fail("no +Inf bucket", series);
    }
    return std::move(out_);
  }

 private:
  void fail(const std::string& why, const std::string& where) {
    if (out_.error.empty()) out_.error = why + ": " + where;
  }
  void read_line(const std::string& line) {
    std::smatch match;
    if (line.starts_with("#")) {
      if (std::regex_match(line, match, kHelp)) {
        if (!out_.helps.emplace(match[1], match[2]).second) fail("a second HELP", line);
      } else if (std::regex_match(line, match, kType)) {
        if (!out_.types.emplace(match[1], match[2]).second) fail("a second TYPE", line);
        family_ = match[1];
      } else {
        fail("not a HELP or TYPE", line);
      }
      return;
    }
    if (!std::regex_match(line, match, kSample)) return fail("not a sample", line);
    char* end = nullptr;
    const std::string number = match[3];
    const double value = std::strtod(number.c_str(), &end);
    if (*end != '\0') fail("not a number", line);
    read_sample(match[1], match[2], value, line);
  }
  void read_sample(const std::string& name, const std::string& labels, double value, const std::string& line) {
    const bool is_histogram = out_.types[family_] == "histogram";
    const bool belongs = is_histogram
                             ? name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count"
                             : name == family_;
    if (!belongs) fail("outside its family", line);
    if (!out_.samples.emplace(labels.empty() ? name : name + "{" + labels + "}", value).second)
      fail("a second sample", line);
    if (out_.types[family_] == "counter" && (value < 0 || !name.ends_with("_total"))) fail("not a counter", line);
    if (is_histogram && name.ends_with("_bucket")) read_bucket(labels, value, line);
  }
  void read_bucket(const std::string& labels, double value, const std::string& line) {
    std::smatch match;
    if (!std::regex_search(labels, match, kBucketBound)) return fail("a bucket without a bound", line);
    auto& last = buckets_[family_ + "{" + std::regex_replace(labels, kBucketBound, "") + "}"];
    const std::string text = match[1];
    const double bound = text == "+Inf" ? INFINITY : std::strtod(text.c_str(), nullptr);
    if (bound <= last.bound || value < last.count) fail("buckets out of order", line);
    last = {bound, value};
  }

  Exposition out_;
  std::string family_;
  std::map<std::string, Buckets> buckets_;
};

}  // namespace

Exposition parse_exposition(const std::string& text) { return Reader().read(text); }

}  // namespace leat::observe
