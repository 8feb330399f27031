#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

// Seeded worlds in which a log works and loses power again and again, and what it had promised is checked each time.
namespace leat::log::testing {

// A defect that the checks have to notice.
enum class Planted : std::uint8_t {
  none,
  skipped_file_sync,      // fdatasync succeeds and does nothing
  skipped_folder_sync,    // the same for folders
  early_acknowledgement,  // appends are acknowledged before they are flushed
  ignored_crc,            // recovery does not look at checksums
};

struct PowerLossOptions {
  std::uint64_t seed = 1;
  int crashes = 3;  // one after the other, each from what the one before left
  Planted planted = Planted::none;
};

// What happened, so that a test can tell that the worlds reach what they are for.
struct PowerLossReport {
  std::optional<std::string> wrong;  // with the line that reproduces it
  std::map<std::string, std::uint64_t> reached;
};

[[nodiscard]] PowerLossReport run_power_losses(const PowerLossOptions& options);

}  // namespace leat::log::testing
