#include "base/line_file.h"

#include <spdlog/async.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <sys/stat.h>

#include "base/logging.h"

namespace leat {

class LineFile::Impl {
 public:
  Impl(const std::string& path, const LineFileOptions& options)
      : thread_(std::make_shared<spdlog::details::thread_pool>(kWaitingMax, 1)) {
    spdlog::file_event_handlers events;
    events.after_open = [](const spdlog::filename_t&, std::FILE* file) { (void)::fchmod(::fileno(file), 0600); };
    auto sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(path, options.file_bytes_max, options.files_max,
                                                                       false, events);
    logger_ = std::make_shared<spdlog::async_logger>(path, std::move(sink), thread_,
                                                     spdlog::async_overflow_policy::overrun_oldest);
    logger_->set_pattern("%v");
    logger_->flush_on(spdlog::level::info);
    logger_->set_error_handler([path](const std::string& what) { log_error("base", "{}: {}", path, what); });
  }

  void write(const std::string& line) { logger_->info(spdlog::string_view_t(line)); }
  [[nodiscard]] std::uint64_t lost() const { return thread_->overrun_counter(); }

 private:
  std::shared_ptr<spdlog::details::thread_pool> thread_;  // joined, when all is written, once nobody has it
  std::shared_ptr<spdlog::async_logger> logger_;
};

LineFile::LineFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineFile::~LineFile() = default;

Result<std::unique_ptr<LineFile>> LineFile::open(const std::string& path, const LineFileOptions& options) {
  try {
    return std::unique_ptr<LineFile>(new LineFile(std::make_unique<Impl>(path, options)));
  } catch (const spdlog::spdlog_ex& failure) {
    return fail(Errc::io, failure.what());
  }
}

void LineFile::write(const std::string& line) { impl_->write(line); }

std::uint64_t LineFile::take_lost() {
  const std::uint64_t lost = impl_->lost();
  std::uint64_t told = lost_.load();
  while (told < lost) {
    if (lost_.compare_exchange_weak(told, lost)) return lost - told;
  }
  return 0;
}

}  // namespace leat
