#include "runtime/file.h"

namespace leat::runtime {

std::string join_path(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string parent_path(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  while (slash > 0 && path[slash - 1] == '/') --slash;
  return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

namespace {

Status write_whole_file(FileSystem& files, const std::string& path, BytesView content) {
  LEAT_TRY(auto file, files.open(path, OpenMode::create));
  LEAT_CHECK(file->truncate(0));
  LEAT_CHECK(file->write_at(content, 0));
  return file->sync();
}

}  // namespace

Status replace_file(FileSystem& files, const std::string& path, BytesView content) {
  const std::string temporary = path + ".tmp";
  if (Status written = write_whole_file(files, temporary, content); !written) {
    // What stopped the write is the error to report; a temporary file that stays is overwritten next time.
    (void)files.remove(temporary);
    return written;
  }
  LEAT_CHECK(files.rename(temporary, path));
  return files.sync_directory(parent_path(path));
}

Result<Bytes> read_file(FileSystem& files, const std::string& path, std::uint64_t size_max) {
  LEAT_TRY(auto file, files.open(path, OpenMode::read));
  LEAT_TRY(const std::uint64_t size, file->size());
  if (size > size_max) {
    return fail(Errc::too_large, fmt::format("{} has {} bytes, more than the {} allowed", path, size, size_max));
  }
  Bytes content = Bytes::uninitialized(size);
  LEAT_TRY(const std::size_t count, file->read_at(content.mutable_view(), 0));
  content.resize(count);
  return content;
}

}  // namespace leat::runtime
