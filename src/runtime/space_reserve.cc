#include "runtime/space_reserve.h"

#include "base/logging.h"

namespace leat::runtime {

SpaceReserve::SpaceReserve(FileSystem& files, const std::string& data, std::uint64_t size, std::uint64_t journals_size)
    : files_(files),
      share_{join_path(data, "reserve"), size},
      journals_{join_path(data, "reserve-journals"), journals_size} {}

void SpaceReserve::refill() {
  const std::lock_guard lock(mutex_);
  if (!set_aside(share_) || !set_aside(journals_)) return tell_full();
  in_use_ = false;
  if (was_full_.exchange(false)) log_info("runtime", "there is space on the disk again");
}

bool SpaceReserve::set_aside(const Share& share) const {
  constexpr std::size_t kBlock = std::size_t{256} << 10;
  const auto file = files_.open(share.path, OpenMode::create);
  if (!file) return false;
  const auto size = (*file)->size();
  if (!size) return false;
  if (*size >= share.size) return true;
  Bytes zeros = Bytes::uninitialized(kBlock);
  std::memset(zeros.data(), 0, kBlock);
  for (std::uint64_t at = *size; at < share.size; at += kBlock) {
    if (!(*file)->write_at(zeros.view().first(std::min<std::uint64_t>(kBlock, share.size - at)), at)) return false;
  }
  return true;
}

bool SpaceReserve::release() { return give(share_); }

bool SpaceReserve::give(const Share& share) {
  const std::lock_guard lock(mutex_);
  in_use_ = true;
  const auto file = files_.open(share.path, OpenMode::write);
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

bool SpaceReserve::rescue_journal() {
  in_use_ = true;
  tell_full();
  return give(journals_);
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
