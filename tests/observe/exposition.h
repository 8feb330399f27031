#pragma once

#include <map>
#include <string>

namespace leat::observe {

// A strict reader of Prometheus' text format 0.0.4 for tests: every line must be a HELP, a TYPE or a sample of the family
// that was announced last, no family and no sample may come twice, and histograms must be whole and cumulative.
struct Exposition {
  std::map<std::string, std::string> types;  // family → counter, gauge, histogram
  std::map<std::string, std::string> helps;
  std::map<std::string, double> samples;  // "name{a=\"b\"}", as written → value
  std::string error;                      // the first thing that is wrong, or empty
};

Exposition parse_exposition(const std::string& text);

}  // namespace leat::observe
