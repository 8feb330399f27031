#include "log/reserve.h"

namespace leat::log {

SpaceReserve::SpaceReserve(runtime::FileSystem& files, const std::string& data)
    : files_(files), path_(runtime::join_path(data, "reserve")) {}

void SpaceReserve::refill() {
  constexpr std::size_t kBlock = std::size_t{64} << 10;
  const auto file = files_.open(path_, runtime::OpenMode::create);
  if (!file) return;
  const auto size = (*file)->size();
  if (!size || *size >= kSize) return;
  Bytes zeros = Bytes::uninitialized(kBlock);
  std::memset(zeros.data(), 0, kBlock);
  for (std::uint64_t at = *size; at < kSize; at += kBlock) {
    if (!(*file)->write_at(zeros.view(), at)) return;
  }
}

Status SpaceReserve::replace_file(const std::string& path, BytesView content) {
  Status replaced = runtime::replace_file(files_, path, content);
  if (replaced || replaced.error().code != Errc::disk_full) return replaced;
  {
    const auto file = files_.open(path_, runtime::OpenMode::write);
    if (!file || !(*file)->truncate(0)) return replaced;
  }
  return runtime::replace_file(files_, path, content);
}

}  // namespace leat::log
