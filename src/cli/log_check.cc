#include <cstdio>

#include <nlohmann/json.hpp>

#include "cli/data_folder_view.h"
#include "cli/log_tools.h"
#include "cli/output.h"
#include "log/recovery.h"
#include "log/store.h"

namespace leat::cli {
namespace {

using Json = nlohmann::ordered_json;

struct CheckedPartition {
  const PartitionFolder* folder = nullptr;
  std::size_t segments = 0;
  std::uint64_t bytes = 0;
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::uint64_t torn_bytes = 0;
  std::string damage;
  std::vector<std::string> findings;
};

// Files that recovery put aside earlier.
void find_kept_files(const std::string& folder, std::vector<std::string>& findings) {
  const auto listed = runtime::real_files().list(folder);
  if (!listed) return;
  for (const runtime::FileInfo& file : *listed)
    if (file.name.ends_with(".cut") || file.name.ends_with(".orphan"))
      findings.push_back(
          fmt::format("{}: {} that an earlier recovery took out of service; remove it when nobody needs it",
                      runtime::join_path(folder, file.name), human_bytes(static_cast<std::int64_t>(file.size))));
}

CheckedPartition check_partition(const PartitionFolder& folder, const log::Checkpoint& checkpoint) {
  log::RecoveryOptions options;
  options.repair = false;
  const log::RecoveredLog log =
      log::recover_log(runtime::real_files(), folder.path, folder.id, std::nullopt, false, options);
  CheckedPartition checked;
  checked.folder = &folder;
  checked.segments = log.segments.size();
  for (const auto& segment : log.segments) checked.bytes += segment->size;
  checked.start = log.manifest.log_start.value();
  if (!log.segments.empty()) checked.end = log.segments.back()->end.value();
  checked.torn_bytes = log.cut_bytes;
  checked.findings = log.findings;
  find_kept_files(folder.path, checked.findings);
  if (log.damage) {
    checked.damage = log.damage->message;
    return checked;
  }
  // What a checkpoint vouches for was flushed: a log that ends below it has lost committed records.
  const auto point = checkpoint.points.find(folder.id);
  if (point != checkpoint.points.end() && checked.end < point->second.offset.value())
    checked.damage = fmt::format("{} can be read up to offset {} only; the checkpoint vouches for {}", folder.path,
                                 checked.end, point->second.offset);
  else if (checkpoint.clean && log.cut_bytes > 0)
    checked.damage =
        fmt::format("{} was closed cleanly, and its last {} bytes cannot be read", folder.path, log.cut_bytes);
  return checked;
}

std::string state_of(const CheckedPartition& checked) {
  if (!checked.damage.empty()) return "DAMAGED";
  return checked.torn_bytes > 0 ? fmt::format("torn tail of {} bytes", checked.torn_bytes) : "ok";
}

void print_json(const DataFolderView& view, const std::vector<CheckedPartition>& all, bool clean, bool damaged) {
  Json out{{"damaged", damaged}, {"clean_stop", clean}};
  Json& partitions = out["partitions"] = Json::array();
  for (const CheckedPartition& checked : all)
    partitions.push_back({{"topic", checked.folder->topic},
                          {"partition", checked.folder->id.partition.value()},
                          {"folder", checked.folder->path},
                          {"segments", checked.segments},
                          {"bytes", checked.bytes},
                          {"start", checked.start},
                          {"end", checked.end},
                          {"torn_bytes", checked.torn_bytes},
                          {"damage", checked.damage.empty() ? Json(nullptr) : Json(checked.damage)},
                          {"findings", checked.findings}});
  out["damage"] = view.damage;
  out["findings"] = view.findings;
  fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
}

void print_text(const DataFolderView& view, const std::vector<CheckedPartition>& all, bool clean) {
  Table table({"TOPIC", ">PARTITION", ">SEGMENTS", ">SIZE", ">START", ">END", "STATE"});
  for (const CheckedPartition& checked : all)
    table.add({checked.folder->topic, std::to_string(checked.folder->id.partition.value()),
               std::to_string(checked.segments), human_bytes(static_cast<std::int64_t>(checked.bytes)),
               std::to_string(checked.start), std::to_string(checked.end), state_of(checked)});
  if (!table.empty()) fmt::print("{}\n", table.render());
  for (const std::string& finding : view.findings) fmt::print("note: {}\n", finding);
  for (const CheckedPartition& checked : all)
    for (const std::string& finding : checked.findings)
      fmt::print("note{}: {}\n", checked.torn_bytes > 0 ? ", for the next start" : "", finding);
  for (const std::string& damage : view.damage) fmt::print("DAMAGE: {}\n", damage);
  for (const CheckedPartition& checked : all)
    if (!checked.damage.empty()) fmt::print("DAMAGE: {}\n", checked.damage);
  if (!clean) fmt::print("The server was not stopped cleanly; the next start verifies what this did.\n");
}

}  // namespace

Result<int> check_log(const LogCheckOptions& options) {
  LEAT_TRY(const DataFolderView view, view_data_folder(options.folder));
  const log::Checkpoint checkpoint = log::load_checkpoint(runtime::real_files(), options.folder);
  std::vector<CheckedPartition> all;
  bool damaged = !view.damage.empty();
  {
    Progress progress("partitions", view.partitions.size());
    for (const PartitionFolder& folder : view.partitions) {
      all.push_back(check_partition(folder, checkpoint));
      damaged |= !all.back().damage.empty();
      progress.update(all.size());
    }
  }
  if (options.json) {
    print_json(view, all, checkpoint.clean, damaged);
  } else {
    print_text(view, all, checkpoint.clean);
    fmt::print(
        "{} partition{}: {}\n", all.size(), all.size() == 1 ? "" : "s",
        damaged ? "DAMAGE was found. Keep a copy of the folder; what is not damaged will be served" : "no damage");
  }
  return damaged ? 1 : 0;
}

}  // namespace leat::cli
