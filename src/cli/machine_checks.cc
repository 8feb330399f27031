#include "cli/machine_checks.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/result.h"
#include "cli/latency_histogram.h"
#include "cli/output.h"
#include "cli/time_text.h"

namespace leat::cli {
namespace {

using State = Finding::State;

constexpr std::uint64_t kFilesWanted = 16'384;  // partitions' segments and connections, with room
constexpr std::int64_t kMemoryWanted = std::int64_t{256} << 20;
constexpr std::int64_t kSpaceWanted = std::int64_t{1} << 30;
constexpr double kSlowSyncNs = 10e6;
constexpr double kTooFastSyncNs = 15e3;
constexpr std::int64_t kBeforeLeat = 1'735'689'600'000;  // 2025-01-01

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Finding check_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  Finding finding{"open files", State::fine, fmt::format("{} (may be raised to {})", limit.rlim_cur, limit.rlim_max),
                  ""};
  if (limit.rlim_cur < kFilesWanted) {
    finding.state = State::notice;
    finding.advice = fmt::format(
        "each connection and each open segment takes a descriptor; raise the limit with `ulimit -n {}` "
        "or LimitNOFILE= in the service",
        4 * kFilesWanted);
  }
  return finding;
}

Finding check_memory() {
  std::ifstream info("/proc/meminfo");
  std::string key, unit;
  std::int64_t kib = 0, total = 0, available = -1;
  while (info >> key >> kib && std::getline(info, unit)) {
    if (key == "MemTotal:") total = kib << 10;
    if (key == "MemAvailable:") available = kib << 10;
  }
  Finding finding{"memory", State::fine, fmt::format("{} available of {}", human_bytes(available), human_bytes(total)),
                  ""};
  if (available >= 0 && available < kMemoryWanted) {
    finding.state = State::notice;
    finding.advice = "little is left: records are read from the page cache as long as they fit there";
  }
  return finding;
}

Finding check_kernel() {
  utsname name{};
  ::uname(&name);
  return {"kernel", State::fine,
          fmt::format("{} {}, {} cores", name.sysname, name.release, std::thread::hardware_concurrency()), ""};
}

Finding check_huge_pages() {
  const std::string line = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
  const auto begin = line.find('['), end = line.find(']');
  const std::string chosen =
      begin == std::string::npos || end < begin ? "unknown" : line.substr(begin + 1, end - begin - 1);
  Finding finding{"huge pages", State::fine, chosen, ""};
  if (chosen == "always") {
    finding.state = State::notice;
    finding.advice =
        "with 'always' the kernel may give small allocations 2 MiB each; 'madvise' keeps memory as small as it is "
        "(/sys/kernel/mm/transparent_hugepage/enabled)";
  }
  return finding;
}

Finding check_backlog() {
  const std::string value = first_line("/proc/sys/net/core/somaxconn");
  Finding finding{"accept backlog", State::fine, value.empty() ? "unknown" : value, ""};
  if (!value.empty() && std::atoi(value.c_str()) < 1024) {
    finding.state = State::notice;
    finding.advice = "many clients that connect at once may have to try again: sysctl net.core.somaxconn=4096";
  }
  return finding;
}

Finding check_clock_source() {
  const std::string source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kReads = 20'000;
  for (int i = 0; i < kReads; ++i) (void)std::chrono::steady_clock::now();
  const double each =
      std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / kReads;
  Finding finding{"clock source", State::fine,
                  fmt::format("{}, {:.0f} ns a read", source.empty() ? "unknown" : source, each), ""};
  if (each > 500) {
    finding.state = State::notice;
    finding.advice = "reading the time is slow, and a server reads it for every request; prefer tsc or kvm-clock";
  }
  return finding;
}

Finding check_wall_clock(const std::string& folder) {
  timex state{};
  const bool known = ::adjtimex(&state) >= 0;
  const bool synchronized = known && (state.status & STA_UNSYNC) == 0;
  const std::int64_t now = wall_clock_ms();
  Finding finding{"wall clock", State::fine,
                  fmt::format("{}, {}", format_time(now), synchronized ? "synchronized" : "not synchronized"), ""};
  struct stat about{};
  const std::string stamp = (std::filesystem::path(folder) / "checkpoint").string();
  const bool newer_file = ::stat(stamp.c_str(), &about) == 0 && about.st_mtim.tv_sec * 1000 > now + 60'000;
  if (now < kBeforeLeat || newer_file) {
    finding.state = State::bad;
    finding.advice = newer_file
                         ? fmt::format("{} was written at a later time than it is now: the clock went back", stamp)
                         : "the clock is years behind: timestamps and retention would be wrong";
  } else if (!synchronized) {
    finding.state = State::notice;
    finding.advice =
        "nothing keeps this clock right; timestamps and retention by time depend on it. Run chrony, ntpd or "
        "systemd-timesyncd (in a container, the host's may do)";
  }
  return finding;
}

Finding check_space(const std::string& folder) {
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0)
    return {"disk space", State::bad, system_error("statvfs " + folder, errno).message,
            "choose a folder that exists with --data"};
  const auto free = static_cast<std::int64_t>(info.f_bavail * info.f_frsize);
  const auto total = static_cast<std::int64_t>(info.f_blocks * info.f_frsize);
  Finding finding{"disk space", State::fine,
                  fmt::format("{} free of {} at {}", human_bytes(free), human_bytes(total), folder), ""};
  if (free < kSpaceWanted || free < total / 20) {
    finding.state = State::notice;
    finding.advice =
        "when the disk is full, producers are refused and consumers go on; free some space or set retention.bytes";
  }
  return finding;
}

Finding check_file_system(const std::string& folder) {
  struct statfs info{};
  if (::statfs(folder.c_str(), &info) != 0)
    return {"file system", State::bad, system_error("statfs " + folder, errno).message, ""};
  struct Known {
    std::uint64_t magic;
    std::string_view name;
    std::string_view advice;
  };
  static constexpr Known kKnown[] = {
      {0xEF53, "ext4", ""},
      {0x58465342, "xfs", ""},
      {0x9123683E, "btrfs", "copy-on-write makes small flushes slower: chattr +C the folder before its first use"},
      {0x2FC12FC1, "zfs", "flushes go through its intent log: check that its device is fast"},
      {0x01021994, "tmpfs", "it is memory: everything is gone after a restart of the machine"},
      {0x858458F6, "ramfs", "it is memory: everything is gone after a restart of the machine"},
      {0x6969, "nfs", "locks and flushes over a network are slower and promise less: use a local disk"},
      {0xFF534D42, "cifs", "locks and flushes over a network are slower and promise less: use a local disk"},
      {0x65735546, "fuse", "what a flush promises depends on the program behind it"},
      {0x794C7630, "overlayfs", "a container's own layer is lost with it: mount a volume for the data folder"},
      {0x01021997, "9p", "what a flush promises depends on the host"},
  };
  for (const Known& known : kKnown)
    if (static_cast<std::uint32_t>(info.f_type) == known.magic)
      return {"file system", known.advice.empty() ? State::fine : State::notice, std::string(known.name),
              std::string(known.advice)};
  return {"file system", State::fine, fmt::format("type {:#x}", static_cast<std::uint64_t>(info.f_type)), ""};
}

// Appends of 1 KiB, each flushed, as `commit` does for a lone producer.
Finding check_flush(const std::string& folder, int syncs) {
  const std::string path = (std::filesystem::path(folder) / fmt::format(".leat-doctor-{}", ::getpid())).string();
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return {"flush speed", State::bad, system_error("create " + path, errno).message,
            "the server needs to write here: check the folder's owner and permissions"};
  LatencyHistogram latencies;
  const std::string block(1024, 'x');
  int failure = 0;
  for (int i = 0; i < syncs && failure == 0; ++i) {
    if (::write(file, block.data(), block.size()) < 0) failure = errno;
    const auto begin = std::chrono::steady_clock::now();
    if (::fdatasync(file) != 0) failure = errno;
    latencies.record(std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
  }
  ::close(file);
  ::unlink(path.c_str());
  if (failure != 0)
    return {"flush speed", State::bad, system_error("write to " + path, failure).message, "see the kernel's log"};
  const auto p50 = static_cast<double>(latencies.percentile_ns(0.5));
  Finding finding{"flush speed", State::fine,
                  fmt::format("fdatasync p50 {}, p99 {}, max {} ({} of 1 KiB)", human_ns(p50),
                              human_ns(static_cast<double>(latencies.percentile_ns(0.99))),
                              human_ns(static_cast<double>(latencies.max_ns())), syncs),
                  ""};
  if (p50 > kSlowSyncNs) {
    finding.state = State::notice;
    finding.advice =
        "a lone producer with acks=all waits this long for each request; many at once share a flush. "
        "A disk with a protected write cache is faster";
  } else if (p50 < kTooFastSyncNs) {
    finding.state = State::notice;
    finding.advice =
        "no disk is this fast: something acknowledges flushes that are not done, and a power loss may take records";
  }
  return finding;
}

std::string nearest_existing(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::path path = std::filesystem::absolute(folder, ignored);
  while (!std::filesystem::is_directory(path, ignored) && path.has_parent_path() && path != path.parent_path())
    path = path.parent_path();
  return path.string();
}

}  // namespace

std::vector<Finding> examine_machine(const std::string& folder, int syncs) {
  const std::string path = nearest_existing(folder);
  return {check_kernel(),       check_memory(),          check_files(),     check_backlog(),
          check_huge_pages(),   check_file_system(path), check_space(path), check_flush(path, syncs),
          check_clock_source(), check_wall_clock(path)};
}

}  // namespace leat::cli
