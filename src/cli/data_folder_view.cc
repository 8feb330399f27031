#include "cli/data_folder_view.h"

#include <charconv>
#include <filesystem>

#include "catalog/sqlite_store.h"
#include "catalog/topics.h"

namespace leat::cli {
namespace {

constexpr std::string_view kVersionPrefix = "leat data ";
constexpr int kVersionMax = 1;

// A folder that is removed with all in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "leat-catalog-XXXXXX").string();
    if (::mkdtemp(path.data()) != nullptr) path_ = path;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Reads a copy: opening the catalog writes to it.
Result<catalog::TopicsPtr> read_topics(const std::string& folder) {
  const TemporaryFolder copy;
  if (copy.path().empty()) return fail(Errc::io, "cannot make a temporary folder for a copy of the catalog");
  for (const std::string_view name : {"catalog.db", "catalog.db-wal"}) {
    const std::string from = runtime::join_path(folder, name);
    std::error_code failure;
    if (std::filesystem::exists(from, failure))
      std::filesystem::copy_file(from, runtime::join_path(copy.path(), name), failure);
    if (failure) return fail(Errc::io, fmt::format("cannot read {}: {}", from, failure.message()));
  }
  LEAT_TRY(const auto store, catalog::SqliteStore::open(runtime::real_files(), copy.path()));
  LEAT_TRY(const auto snapshot, store->snapshot(catalog::topic_prefixes()));
  return catalog::topics_from(snapshot);
}

Status check_version(const std::string& folder) {
  const auto content = runtime::read_file(runtime::real_files(), runtime::join_path(folder, "version"), 64);
  if (!content)
    return fail(Errc::not_found,
                fmt::format("{} is no data folder of leat: it has no version file. Name the folder that "
                            "`leat serve` was given with --data",
                            folder));
  std::string_view text = as_text(*content);
  int version = 0;
  if (text.starts_with(kVersionPrefix)) {
    text.remove_prefix(kVersionPrefix.size());
    std::from_chars(text.data(), text.data() + text.size(), version);
  }
  if (version < 1)
    return fail(Errc::not_found,
                fmt::format("{} is no data folder of leat: its version file is another program's. Name "
                            "the folder that leat serve was given with --data",
                            folder));
  if (version > kVersionMax)
    return fail(
        Errc::unsupported,
        fmt::format("{} was written by a newer leat (data version {}): use that version's leat", folder, version));
  return {};
}

// A folder of a topic, added to `view` with its partitions. Anything else that lies there is told.
void add_topic_folder(const std::string& path, const std::string& name, const catalog::TopicsSnapshot& topics,
                      DataFolderView& view) {
  const auto id = Uuid::parse(name);
  const auto listed = runtime::real_files().list(path);
  if (!id || !listed) {
    view.findings.push_back(fmt::format("{} is no topic's folder", path));
    return;
  }
  const catalog::Topic* topic = topics.find(*id);
  for (const runtime::FileInfo& file : *listed) {
    PartitionFolder partition{
        runtime::join_path(path, file.name), {}, topic != nullptr ? topic->entry.name : name, true};
    const auto place = partition_of_path(partition.path);
    if (!file.is_directory || !place) {
      view.findings.push_back(fmt::format("{} is no partition's folder", partition.path));
      continue;
    }
    partition.id = *place;
    partition.known = topic != nullptr && place->partition.value() < topic->entry.partitions;
    if (!partition.known) view.findings.push_back(fmt::format("{} is of no topic in the catalog", partition.path));
    view.partitions.push_back(std::move(partition));
  }
}

void find_missing(const catalog::TopicsSnapshot& topics, DataFolderView& view) {
  std::set<TopicPartition> present;
  for (const PartitionFolder& partition : view.partitions) present.insert(partition.id);
  for (const auto& [name, topic] : topics.topics())
    for (std::int32_t i = 0; i < topic->entry.partitions; ++i)
      if (!present.contains({topic->entry.id, PartitionIndex(i)}))
        view.damage.push_back(fmt::format("{}/{} is in the catalog and has no folder", name, i));
}

}  // namespace

bool is_data_folder(const std::string& folder) {
  return runtime::real_files().exists(runtime::join_path(folder, "version"));
}

std::optional<TopicPartition> partition_of_path(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view number = path.substr(slash + 1);
  const std::string_view parent = path.substr(0, slash);
  const auto topic = Uuid::parse(parent.substr(parent.rfind('/') + 1));
  std::int32_t partition = -1;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), partition);
  if (!topic || failure != std::errc() || end != number.data() + number.size() || partition < 0) return std::nullopt;
  return TopicPartition{*topic, PartitionIndex(partition)};
}

Result<DataFolderView> view_data_folder(const std::string& folder) {
  LEAT_CHECK(check_version(folder));
  DataFolderView view;
  auto lock = runtime::real_files().lock_directory(folder);
  if (lock) {
    view.lock = std::move(*lock);
  } else if (lock.error().code == Errc::exists) {
    return fail(Errc::exists, fmt::format("a server uses {}: stop it first, then try again", folder));
  }
  catalog::TopicsPtr topics = std::make_shared<catalog::TopicsSnapshot>();
  if (auto read = read_topics(folder); read) {
    topics = std::move(*read);
  } else {
    view.damage.push_back(fmt::format("the catalog cannot be read: {}", read.error().message));
  }
  const std::string root = runtime::join_path(folder, "topics");
  if (runtime::real_files().exists(root)) {
    LEAT_TRY(const auto listed, runtime::real_files().list(root));
    for (const runtime::FileInfo& file : listed)
      add_topic_folder(runtime::join_path(root, file.name), file.name, *topics, view);
  }
  find_missing(*topics, view);
  std::ranges::sort(view.partitions, {}, [](const PartitionFolder& p) { return std::pair(p.topic, p.id.partition); });
  return view;
}

}  // namespace leat::cli
