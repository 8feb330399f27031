#include "runtime/space_reserve.h"

#include "base/logging.h"

namespace leat::runtime {

SpaceReserve::SpaceReserve(FileSystem& files, const std::string& data, std::uint64_t size)
    : files_(files), path_(join_path(data, "reserve")), size_(size) {}

void SpaceReserve::refill() {
  const std::lock_guard lock(mutex_);
  constexpr std::size_t kBlock = std::size_t{64} << 10;
  const auto file = files_.open(path_, OpenMode::create);
  if (!file) return;
  const auto size = (*file)->size();
  if (!size) return;
  Bytes zeros = Bytes::uninitialized(kBlock);
  std::memset(zeros.data(), 0, kBlock);
  for (std::uint64_t at = *size; at < size_; at += kBlock) {
    if (!(*file)->write_at(zeros.view().first(std::min<std::uint64_t>(kBlock, size_ - at)), at)) return tell_full();
  }
  in_use_ = false;
  if (was_full_.exchange(false)) log_info("runtime", "there is space on the disk again");
}

bool SpaceReserve::release() {
  const std::lock_guard lock(mutex_);
  in_use_ = true;
  const auto file = files_.open(path_, OpenMode::write);
  if (!file) return false;
  const auto size = (*file)->size();
  return size && *size > 0 && (*file)->truncate(0);
}

void SpaceReserve::tell_full() {
  if (in_use_ && !was_full_.exchange(true))
    log_warning("runtime", "the disk is full: records are refused until there is space again");
}

bool SpaceReserve::rescue() {
  in_use_ = true;
  tell_full();
  return release();
}

Status SpaceReserve::check_space() const {
  if (in_use()) return fail(Errc::disk_full, "the disk is full");
  return {};
}

Status SpaceReserve::replace_file(const std::string& path, BytesView content) {
  Status replaced = runtime::replace_file(files_, path, content);
  if (replaced || replaced.error().code != Errc::disk_full || !rescue()) return replaced;
  return runtime::replace_file(files_, path, content);
}

}  // namespace leat::runtime
