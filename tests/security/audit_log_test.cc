#include "security/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/sim.h"
#include "runtime/sync.h"

namespace leat::security {
namespace {

using Json = nlohmann::json;
using runtime::Task;
using namespace std::chrono_literals;

const Principal kAda{"User:ada", "10.0.0.1"};

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "leat-audit-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file() const { return (path_ / "audit.log").string(); }

 private:
  std::filesystem::path path_;
};

std::vector<Json> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

template <class Body>
std::vector<Json> write(Body body) {
  const Folder folder;
  auto file = LineFile::open(folder.file(), {});
  EXPECT_TRUE(file);
  auto log = std::make_unique<AuditLog>(1, std::move(*file));
  runtime::sim::SimWorld world(1);
  static AuditLog* current;
  static Task<> (*run)(AuditLog&);
  current = log.get();
  run = body;
  world.run(+[]() -> Task<> { return run(*current); });
  log.reset();  // writes out what waits
  return lines_of(folder.file());
}

Task<> one_of_each(AuditLog& log) {
  log.came_in("kafka", kAda, "SCRAM");
  log.failed_to_come_in("http", "bob \"b\"\n", "10.0.0.2", "password");
  log.refused("sqs", kAda, Operation::write, {ResourceType::queue, "a\xff"});
  log.changed("http", kAda, "grants", "User:eve", "added: allow read");
  co_return;
}
TEST(AuditLog, EachEventIsOneLineOfJson) {
  const auto lines = write(one_of_each);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].at("event"), "came_in");
  EXPECT_EQ(lines[0].at("principal"), "User:ada");
  EXPECT_EQ(lines[0].at("host"), "10.0.0.1");
  EXPECT_EQ(lines[1].at("user"), "bob \"b\"\n");
  EXPECT_EQ(lines[2].at("operation"), "write");
  EXPECT_EQ(lines[2].at("name"), "a%FF");
  EXPECT_EQ(lines[3].at("how"), "added: allow read");
  for (const Json& line : lines) EXPECT_TRUE(line.at("time").get<std::string>().ends_with('Z'));
}

Task<> alike(AuditLog& log) {
  for (int i = 0; i < 1000; ++i) log.refused("kafka", kAda, Operation::read, {ResourceType::topic, "a"});
  log.refused("kafka", kAda, Operation::read, {ResourceType::topic, "b"});
  log.sweep();  // too soon
  co_await runtime::sleep_for(11s);
  log.sweep();
  log.refused("kafka", kAda, Operation::read, {ResourceType::topic, "a"});
  log.refused("kafka", kAda, Operation::read, {ResourceType::topic, "a"});
  log.sweep(true);
  EXPECT_EQ(log.totals().events, 1003U);
}
TEST(AuditLog, AlikeLinesAreWrittenAtOnceAndThenCounted) {
  const auto lines = write(alike);
  std::size_t a = 0;
  std::vector<std::size_t> times;
  for (const Json& line : lines) {
    if (line.at("name") != "a") continue;
    times.push_back(line.value("times", std::size_t{1}));
    a += times.back();
  }
  EXPECT_EQ(a, 1002U);
  EXPECT_THAT(times, testing::ElementsAre(1, 999, 1, 1));
}

Task<> different(AuditLog& log) {
  for (int i = 0; i < 12'000; ++i) log.changed("kafka", kAda, "user", fmt::format("u{}", i), "password set");
  co_return;
}
TEST(AuditLog, MoreThanCanBeRememberedAreWrittenLineByLine) { EXPECT_EQ(write(different).size(), 12'000U); }

Task<> flood(AuditLog& log) {
  const Principal eve{"User:eve", "10.0.0.2"};
  for (int i = 0; i < 5000; ++i) {
    log.refused("kafka", eve, Operation::read, {ResourceType::topic, fmt::format("t{}", i)});
    log.failed_to_come_in("http", fmt::format("user{}", i), "10.0.0.3", "password");
  }
  log.refused("kafka", kAda, Operation::read, {ResourceType::topic, "t"});
  for (int i = 0; i < 5000; ++i) log.failed_to_come_in("http", "u", fmt::format("10.1.0.{}", i), "password");
  log.sweep(true);
  co_return;
}
TEST(AuditLog, NobodyFloodsIt) {
  const auto lines = write(flood);
  EXPECT_LT(lines.size(), 1200U);
  std::size_t events = 0;
  for (const Json& line : lines) events += line.value("times", std::size_t{1});
  EXPECT_EQ(events, 15'001U);
  const auto is_adas = [](const Json& line) { return line.value("principal", "") == "User:ada"; };
  EXPECT_EQ(std::ranges::count_if(lines, is_adas), 1);
}

TEST(LineFile, IsRotatedAndItsOwnersAlone) {
  const Folder folder;
  {
    auto file = LineFile::open(folder.file(), {.file_bytes_max = 1000, .files_max = 2});
    ASSERT_TRUE(file) << file.error().message;
    for (int i = 0; i < 100; ++i) (*file)->write(fmt::format("{:099}", i));
    EXPECT_EQ((*file)->take_lost(), 0U);
  }
  std::size_t files = 0;
  for (const auto& each : std::filesystem::directory_iterator(std::filesystem::path(folder.file()).parent_path())) {
    ++files;
    EXPECT_LE(each.file_size(), 1000U);
    EXPECT_EQ(each.status().permissions() & std::filesystem::perms::all,
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_EQ(files, 3U);
  std::ifstream last(folder.file());
  std::string line;
  std::string end;
  while (std::getline(last, line)) end = line;
  EXPECT_EQ(end, fmt::format("{:099}", 99));
}

TEST(LineFile, GoesOnWithWhatIsThere) {
  const Folder folder;
  for (int i = 0; i < 2; ++i) {
    auto file = LineFile::open(folder.file(), {});
    ASSERT_TRUE(file);
    (*file)->write("line");
  }
  std::ifstream file(folder.file());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "line\nline\n");
}

TEST(LineFile, AFolderThatIsNoneIsAnError) {
  const auto file = LineFile::open("/dev/null/audit.log", {});
  EXPECT_EQ(file.error().code, Errc::io);
}

}  // namespace
}  // namespace leat::security
