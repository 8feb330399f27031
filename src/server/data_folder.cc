#include "server/data_folder.h"

#include <sys/stat.h>

#include <charconv>

namespace leat::server {
namespace {

constexpr std::string_view kVersionPrefix = "leat data ";

Status check_version(runtime::FileSystem& files, const std::string& folder) {
  const std::string path = runtime::join_path(folder, "version");
  const auto content = runtime::read_file(files, path, 64);
  if (!content && content.error().code == Errc::not_found) {
    LEAT_TRY(const auto listed, files.list(folder));
    for (const runtime::FileInfo& file : listed) {
      if (file.name != "lock" && file.name != "lost+found" && !file.name.ends_with(".tmp"))
        return fail(Errc::corrupt,
                    fmt::format("{} is not empty and has no version file: it is not a data folder of leat. "
                                "Choose an empty folder with --data",
                                folder));
    }
    return runtime::replace_file(files, path, as_bytes(fmt::format("{}{}\n", kVersionPrefix, kDataVersion)));
  }
  if (!content) return fail(content.error());
  std::string_view text = as_text(*content);
  int version = 0;
  if (text.starts_with(kVersionPrefix)) {
    text.remove_prefix(kVersionPrefix.size());
    std::from_chars(text.data(), text.data() + text.size(), version);
  }
  if (version < 1) return fail(Errc::corrupt, fmt::format("{} does not say which version of leat wrote it", path));
  if (version > kDataVersion)
    return fail(Errc::unsupported,
                fmt::format("{} was written by a newer leat (data version {}; this one reads up to {}): "
                            "install that version or a newer one",
                            folder, version, kDataVersion));
  return {};
}

}  // namespace

Result<std::unique_ptr<runtime::DirectoryLock>> open_data_folder(runtime::FileSystem& files,
                                                                 const std::string& folder) {
  LEAT_CHECK(files.create_directories(folder));
  auto lock = files.lock_directory(folder);
  if (!lock) {
    if (lock.error().code == Errc::exists)
      return fail(Errc::exists,
                  fmt::format("another leat uses {}: stop it, or choose another folder with --data", folder));
    return lock;
  }
  LEAT_CHECK(check_version(files, folder));
  return lock;
}

bool is_open_to_others(const std::string& folder) {
  struct stat info{};
  return ::stat(folder.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

}  // namespace leat::server
