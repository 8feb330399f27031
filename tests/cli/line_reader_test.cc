#include "cli/line_reader.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace leat::cli {
namespace {

std::vector<std::string> lines_of(const std::string& content) {
  const std::string path = testing::TempDir() + "leat-lines";
  std::ofstream(path, std::ios::binary) << content;
  auto reader = LineReader::open(path);
  EXPECT_TRUE(reader);
  std::vector<std::string> lines;
  for (;;) {
    const auto line = reader->next();
    EXPECT_TRUE(line);
    if (!line || !*line) break;
    lines.emplace_back(**line);
  }
  EXPECT_EQ(reader->position(), content.size());
  std::remove(path.c_str());
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LineReader, SplitsAtNewlinesOnly) {
  EXPECT_EQ(lines_of(""), Lines{});
  EXPECT_EQ(lines_of("a\n\nb\r\n"), (Lines{"a", "", "b\r"}));
  EXPECT_EQ(lines_of("a\nlast without newline"), (Lines{"a", "last without newline"}));
}

TEST(LineReader, JoinsLinesAcrossReads) {
  const std::string large(700'000, 'x');
  EXPECT_EQ(lines_of("a\n" + large + "\nb"), (Lines{"a", large, "b"}));
}

TEST(LineReader, TellsWhichFileIsMissing) {
  const auto reader = LineReader::open("/no/such/file");
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().message.find("/no/such/file"), std::string::npos);
}

}  // namespace
}  // namespace leat::cli
