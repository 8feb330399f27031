#include <nlohmann/json.hpp>

#include "cli/data_folder_view.h"
#include "cli/json_record.h"
#include "cli/log_tools.h"
#include "cli/output.h"
#include "cli/time_text.h"
#include "log/manifest.h"
#include "log/segment.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kDecompressedMax = std::size_t{256} << 20;

std::string_view name_of(log::Codec codec) {
  switch (codec) {
    case log::Codec::none: return "none";
    case log::Codec::gzip: return "gzip";
    case log::Codec::snappy: return "snappy";
    case log::Codec::lz4: return "lz4";
    case log::Codec::zstd: return "zstd";
  }
  return "unknown";
}

std::string shown(const std::optional<BytesView>& bytes) {
  if (!bytes) return "null";
  return Json(as_text(*bytes)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Dump {
 public:
  explicit Dump(const LogDumpOptions& options) : options_(options) {}

  Status segment(const std::string& path, const std::string& topic, std::int32_t partition) {
    LEAT_TRY(const auto file, runtime::real_files().open(path, runtime::OpenMode::read));
    LEAT_TRY(const std::uint64_t size, file->size());
    if (!options_.json) out_.write(fmt::format("{}  ({} bytes)\n", path, size));
    log::BatchScanner scanner(*file, 0, size);
    while (!out_.closed()) {
      const auto item = scanner.next(true);
      if (!item) {
        LEAT_TRY(const bool is_room, scanner.is_at_room());
        if (is_room) {
          room(scanner.position(), size);
          break;
        }
        bad(fmt::format("{} at {}: {}", path, scanner.position(), item.error().message));
        break;
      }
      if (!*item) break;
      batch(**item);
      if (options_.records) records((**item).bytes, topic, partition);
    }
    return out_.status();
  }

  Status folder(const std::string& path, const std::string& topic, std::int32_t partition) {
    LEAT_TRY(const auto files, runtime::real_files().list(path));
    if (!options_.json) manifest(path);
    for (const runtime::FileInfo& file : files)
      if (log::parse_segment_name(file.name, ".log"))
        LEAT_CHECK(segment(runtime::join_path(path, file.name), topic, partition));
    return {};
  }

  [[nodiscard]] bool found_damage() const { return damaged_; }

 private:
  void bad(const std::string& what) {
    damaged_ = true;
    out_.write(options_.json ? Json{{"damage", what}}.dump() + '\n' : fmt::format("  DAMAGE: {}\n", what));
  }

  // Told for people, who else take it for batches that are missing.
  void room(std::uint64_t from, std::uint64_t to) {
    if (!options_.json) out_.write(fmt::format("  {:>10}  {} zeros to the end: room for batches\n", from, to - from));
  }

  void manifest(const std::string& path) {
    const auto bytes = runtime::read_file(runtime::real_files(), log::manifest_path(path), log::kManifestSizeMax);
    if (!bytes) return bad(bytes.error().message);
    const auto manifest = log::decode_manifest(*bytes);
    if (!manifest) return bad(fmt::format("{}: {}", log::manifest_path(path), manifest.error().message));
    out_.write(fmt::format("{}  log start {}, {} segments listed", log::manifest_path(path), manifest->log_start,
                           manifest->segments.size()));
    for (const auto& [from, to] : manifest->freed) out_.write(fmt::format(", freed {}..{}", from, to - 1));
    for (const log::EpochEntry& epoch : manifest->epochs)
      out_.write(fmt::format(", epoch {} from {}", epoch.epoch, epoch.start));
    out_.write("\n");
  }

  void batch(const log::BatchScanner::Item& item) {
    const log::BatchHeader& header = item.header;
    const bool whole = log::batch_crc_matches(item.bytes, header);
    damaged_ |= !whole;
    if (options_.json) {
      out_.write(Json{{"position", item.position},
                      {"base_offset", header.base_offset.value()},
                      {"last_offset", header.last_offset().value()},
                      {"records", header.record_count},
                      {"bytes", header.total_size()},
                      {"codec", name_of(header.codec())},
                      {"leader_epoch", header.leader_epoch.value()},
                      {"producer_id", header.producer_id.value()},
                      {"producer_epoch", header.producer_epoch.value()},
                      {"base_sequence", header.base_sequence},
                      {"base_timestamp", header.base_timestamp.value()},
                      {"max_timestamp", header.max_timestamp.value()},
                      {"control", header.is_control()},
                      {"crc_matches", whole}}
                     .dump() +
                 '\n');
      return;
    }
    std::string line =
        fmt::format("  {:>10}  offsets {}..{}  {} records  {} bytes  {}  epoch {}  {}", item.position,
                    header.base_offset, header.last_offset(), header.record_count, header.total_size(),
                    name_of(header.codec()), header.leader_epoch, format_time(header.max_timestamp.value()));
    if (header.is_idempotent())
      line += fmt::format("  producer {}/{} from {}", header.producer_id, header.producer_epoch, header.base_sequence);
    if (header.is_control()) line += "  control";
    if (header.is_transactional()) line += "  transactional";
    if (header.has_delete_horizon()) line += "  delete horizon";
    if (!whole) line += "  DAMAGE: the checksum is wrong";
    out_.write(line + '\n');
  }

  void records(BytesView bytes, const std::string& topic, std::int32_t partition) {
    auto reader = log::BatchReader::open(bytes, kDecompressedMax);
    if (!reader) return bad(reader.error().message);
    for (;;) {
      const auto record = reader->next();
      if (!record) return bad(record.error().message);
      if (!*record) return;
      const auto headers = log::decode_record_headers((**record).raw_headers);
      if (!headers) return bad(headers.error().message);
      if (options_.json) {
        out_.write(render_json_record({topic, partition}, **record, *headers) + '\n');
        continue;
      }
      out_.write(fmt::format("              {}  {}  {} = {}", (**record).offset,
                             format_time((**record).timestamp.value()), shown((**record).key),
                             shown((**record).value)));
      for (const log::RecordHeader& header : *headers)
        out_.write(fmt::format("  {}: {}", header.key, shown(header.value)));
      out_.write("\n");
    }
  }

  const LogDumpOptions& options_;
  Output out_;
  bool damaged_ = false;
};

Status dump_data_folder(const LogDumpOptions& options, Dump& dump) {
  LEAT_TRY(const DataFolderView view, view_data_folder(options.path));
  bool found = false;
  for (const PartitionFolder& folder : view.partitions) {
    if (!options.topic.empty() && folder.topic != options.topic) continue;
    if (options.partition >= 0 && folder.id.partition.value() != options.partition) continue;
    found = true;
    LEAT_CHECK(dump.folder(folder.path, folder.topic, folder.id.partition.value()));
  }
  if (!found && !options.topic.empty())
    return fail(Errc::not_found, fmt::format("{} holds no such partition of '{}'; see `leat log check {}`",
                                             options.path, options.topic, options.path));
  return {};
}

}  // namespace

Result<int> dump_log(const LogDumpOptions& options) {
  Dump dump(options);
  const auto listed = runtime::real_files().list(options.path);
  Status outcome;
  if (is_data_folder(options.path)) {
    outcome = dump_data_folder(options, dump);
  } else {
    const std::string folder = listed ? options.path : runtime::parent_path(options.path);
    const auto place = partition_of_path(folder);
    const std::string topic = place ? place->topic.to_string() : "";
    const std::int32_t partition = place ? place->partition.value() : 0;
    outcome = listed ? dump.folder(options.path, topic, partition) : dump.segment(options.path, topic, partition);
  }
  LEAT_CHECK(std::move(outcome));
  return dump.found_damage() ? 1 : 0;
}

}  // namespace leat::cli
