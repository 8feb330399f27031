#include "observe/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace leat::observe {
namespace {

std::string read_whole(const char* path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} ? std::optional(value) : std::nullopt;
}

// The fields of /proc/self/stat from the third on (proc(5)): the second, the command, may have spaces and parentheses.
std::vector<std::string> stat_fields() {
  const auto text = read_whole("/proc/self/stat");
  const auto command_end = text.rfind(") ");
  if (command_end == std::string::npos) return {};
  std::istringstream rest(text.substr(command_end + 2));
  std::vector<std::string> fields;
  for (std::string field; rest >> field;) fields.push_back(std::move(field));
  return fields;
}

// Seconds since the Unix epoch, from "btime N" in /proc/stat.
std::optional<double> boot_time() {
  std::ifstream in("/proc/stat");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("btime ")) return to_number(std::string_view(line).substr(6));
  }
  return std::nullopt;
}

void collect_descriptors(MetricsPage& page) {
  std::error_code failure;
  double open = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failure), end; !failure && at != end;
       at.increment(failure)) {
    ++open;
  }
  // The listing itself holds one.
  if (!failure) page.gauge("process_open_fds", "Open file descriptors.", {}, open - 1);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    page.gauge("process_max_fds", "Most file descriptors that may be open.", {}, static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace

void collect_process(MetricsPage& page) {
  // Counted from the third field, as proc(5) numbers them.
  constexpr std::size_t kUserTicks = 14 - 3;
  constexpr std::size_t kSystemTicks = 15 - 3;
  constexpr std::size_t kThreads = 20 - 3;
  constexpr std::size_t kStartTicks = 22 - 3;
  constexpr std::size_t kVirtualBytes = 23 - 3;
  constexpr std::size_t kResidentPages = 24 - 3;

  const auto fields = stat_fields();
  const auto field = [&](std::size_t i) { return i < fields.size() ? to_number(fields[i]) : std::nullopt; };
  const auto ticks_per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  if (const auto user = field(kUserTicks), system = field(kSystemTicks); user && system) {
    page.counter("process_cpu_seconds_total", "Processor time used, in and out of the kernel.", {},
                 (*user + *system) / ticks_per_second);
  }
  if (const auto threads = field(kThreads)) page.gauge("process_threads", "Threads.", {}, *threads);
  if (const auto start = field(kStartTicks), boot = boot_time(); start && boot) {
    page.gauge("process_start_time_seconds", "When the process started, since the Unix epoch.", {},
               *boot + *start / ticks_per_second);
  }
  if (const auto bytes = field(kVirtualBytes)) {
    page.gauge("process_virtual_memory_bytes", "Virtual memory.", {}, *bytes);
  }
  if (const auto pages = field(kResidentPages)) {
    page.gauge("process_resident_memory_bytes", "Memory that is resident.", {},
               *pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
  collect_descriptors(page);
}

}  // namespace leat::observe
