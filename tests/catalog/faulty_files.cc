#include "tests/catalog/faulty_files.h"

namespace leat::catalog {
namespace {

class FaultyFile final : public runtime::File {
 public:
  FaultyFile(FaultyFiles& files, std::string path, std::unique_ptr<runtime::File> file)
      : files_(files), path_(std::move(path)), file_(std::move(file)) {}
  Result<std::size_t> read_at(MutableBytes into, std::uint64_t offset) override {
    LEAT_CHECK(files_.check("read", path_));
    return file_->read_at(into, offset);
  }
  Result<std::size_t> read_cached(MutableBytes into, std::uint64_t offset) override {
    return file_->read_cached(into, offset);
  }
  bool is_cached(std::uint64_t offset, std::uint64_t length) override { return file_->is_cached(offset, length); }
  void prefetch(std::uint64_t offset, std::uint64_t length) override { file_->prefetch(offset, length); }
  Status write_at(std::span<const BytesView> parts, std::uint64_t offset) override {
    LEAT_CHECK(files_.check("write", path_));
    return file_->write_at(parts, offset);
  }
  Status sync() override {
    LEAT_CHECK(files_.check("sync", path_));
    return file_->sync();
  }
  Status truncate(std::uint64_t size) override {
    LEAT_CHECK(files_.check("truncate", path_));
    return file_->truncate(size);
  }
  Result<std::uint64_t> size() override { return file_->size(); }
  void drop_cache() override { file_->drop_cache(); }
  int descriptor() const override { return file_->descriptor(); }

 private:
  FaultyFiles& files_;
  std::string path_;
  std::unique_ptr<runtime::File> file_;
};

}  // namespace

Status FaultyFiles::check(std::string_view call, const std::string& path) {
  calls.push_back(fmt::format("{} {}", call, path.substr(path.rfind('/') + 1)));
  if (!fault) return {};
  if (const auto code = fault(call, path)) return fail(*code, "injected");
  return {};
}

Result<std::unique_ptr<runtime::File>> FaultyFiles::open(const std::string& path, runtime::OpenMode mode) {
  LEAT_CHECK(check("open", path));
  LEAT_TRY(auto file, base_.open(path, mode));
  return std::make_unique<FaultyFile>(*this, path, std::move(file));
}

Status FaultyFiles::rename(const std::string& from, const std::string& to) {
  LEAT_CHECK(check("rename", to));
  return base_.rename(from, to);
}

Status FaultyFiles::remove(const std::string& path) {
  LEAT_CHECK(check("remove", path));
  return base_.remove(path);
}

Status FaultyFiles::sync_directory(const std::string& path) {
  LEAT_CHECK(check("sync_directory", path));
  return base_.sync_directory(path);
}

}  // namespace leat::catalog
