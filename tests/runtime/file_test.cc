#include "runtime/file.h"

#include "tests/runtime/homes.h"

namespace leat::runtime {
namespace {

using testing::InEachHome;

class FileContract : public InEachHome {
 protected:
  std::unique_ptr<File> open(std::string_view name, OpenMode mode = OpenMode::create) {
    auto file = files().open(path(name), mode);
    EXPECT_TRUE(file) << (file ? "" : file.error().message);
    return file ? std::move(*file) : nullptr;
  }
  Errc open_error(std::string_view name, OpenMode mode) {
    const auto file = files().open(path(name), mode);
    EXPECT_FALSE(file);
    return file ? Errc::internal : file.error().code;
  }
  static std::string read(File& file, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    const auto count = file.read_at(std::as_writable_bytes(std::span(text)), offset);
    EXPECT_TRUE(count);
    text.resize(count.value_or(0));
    return text;
  }
  std::vector<std::string> names(std::string_view folder) {
    std::vector<std::string> found;
    const auto entries = files().list(path(folder));
    EXPECT_TRUE(entries);
    for (const FileInfo& entry : entries.value_or(std::vector<FileInfo>{})) {
      found.push_back(entry.is_directory ? entry.name + "/" : fmt::format("{}:{}", entry.name, entry.size));
    }
    return found;
  }
};

TEST_P(FileContract, OpenModesAreHonoured) {
  EXPECT_EQ(open_error("a", OpenMode::read), Errc::not_found);
  EXPECT_EQ(open_error("a", OpenMode::write), Errc::not_found);
  EXPECT_FALSE(files().exists(path("a")));
  ASSERT_TRUE(open("a", OpenMode::create_new)->write_at(as_bytes("kept"), 0));
  EXPECT_EQ(open_error("a", OpenMode::create_new), Errc::exists);
  EXPECT_EQ(read(*open("a", OpenMode::create), 0, 10), "kept");
  EXPECT_EQ(read(*open("a", OpenMode::read), 0, 10), "kept");
  EXPECT_FALSE(open("a", OpenMode::read)->write_at(as_bytes("x"), 0));
  EXPECT_EQ(open_error("missing/a", OpenMode::create), Errc::not_found);
  EXPECT_TRUE(files().exists(path("a")));
}

TEST_P(FileContract, ReadsEndAtTheEndOfTheFileAndGapsAreZeros) {
  const auto file = open("a");
  ASSERT_TRUE(file->write_at(as_bytes("end"), 5000));
  EXPECT_EQ(file->size().value(), 5003U);
  EXPECT_EQ(read(*file, 4998, 100), std::string("\0\0end", 5));
  EXPECT_EQ(read(*file, 5003, 10), "");
  EXPECT_EQ(read(*file, 9000, 10), "");
}

TEST_P(FileContract, ManyPartsAreWrittenOneAfterTheOther) {
  std::vector<std::string> texts;
  std::string all;
  for (int i = 0; i < 3000; ++i) {
    texts.push_back(i % 7 == 0 ? "" : std::to_string(i));
    all += texts.back();
  }
  std::vector<BytesView> parts;
  parts.reserve(texts.size());
  for (const std::string& text : texts) parts.push_back(as_bytes(text));
  const auto file = open("a");
  ASSERT_TRUE(file->write_at(parts, 10));
  EXPECT_EQ(read(*file, 10, all.size() + 1), all);
  ASSERT_TRUE(file->write_at(std::span<const BytesView>(), 0));
  ASSERT_TRUE(file->write_at(BytesView(), 0));
  EXPECT_EQ(file->size().value(), 10 + all.size());
}

TEST_P(FileContract, TruncateCutsAndExtends) {
  const auto file = open("a");
  ASSERT_TRUE(file->write_at(as_bytes("0123456789"), 0));
  ASSERT_TRUE(file->truncate(4));
  EXPECT_EQ(read(*file, 0, 100), "0123");
  ASSERT_TRUE(file->truncate(6));
  EXPECT_EQ(read(*file, 0, 100), std::string("0123\0\0", 6));
  EXPECT_TRUE(file->sync());
}

TEST_P(FileContract, CachedReadsGiveTheBytesOrSayThatTheyWouldBlock) {
  const auto file = open("a");
  const std::string content(300'000, 'c');
  ASSERT_TRUE(file->write_at(as_bytes(content), 0));
  ASSERT_TRUE(file->sync());
  file->drop_cache();
  std::string text(content.size() + 10, '?');
  bool came = false;
  for (int i = 0; i < 1000 && !came; ++i) {
    file->prefetch(0, content.size());
    const auto count = file->read_cached(std::as_writable_bytes(std::span(text)), 0);
    if (count) {
      came = true;
      EXPECT_EQ(*count, content.size());
      EXPECT_EQ(text.substr(0, *count), content);
    } else {
      EXPECT_EQ(count.error().code, Errc::would_block);
    }
  }
  EXPECT_TRUE(came) << "the page cache never had what was just fetched";
  EXPECT_TRUE(file->is_cached(content.size(), 100)) << "past the end there is nothing to wait for";
}

TEST_P(FileContract, AnOpenFileOutlivesItsNameAndFollowsARename) {
  const auto file = open("a");
  ASSERT_TRUE(file->write_at(as_bytes("one"), 0));
  ASSERT_TRUE(files().rename(path("a"), path("b")));
  EXPECT_EQ(open_error("a", OpenMode::read), Errc::not_found);
  EXPECT_EQ(read(*open("b"), 0, 10), "one");
  ASSERT_TRUE(files().remove(path("b")));
  EXPECT_EQ(read(*file, 0, 10), "one");
  ASSERT_TRUE(open("b", OpenMode::create_new));
  EXPECT_EQ(read(*file, 0, 10), "one");
}

TEST_P(FileContract, RenameReplacesAFile) {
  ASSERT_TRUE(open("a")->write_at(as_bytes("new"), 0));
  ASSERT_TRUE(open("b")->write_at(as_bytes("older"), 0));
  ASSERT_TRUE(files().rename(path("a"), path("b")));
  EXPECT_EQ(read(*open("b"), 0, 10), "new");
  EXPECT_FALSE(files().exists(path("a")));
  EXPECT_EQ(files().rename(path("none"), path("b")).error().code, Errc::not_found);
}

TEST_P(FileContract, FoldersAreMadeListedInNameOrderAndRemoved) {
  ASSERT_TRUE(files().create_directories(path("x/y/z")));
  ASSERT_TRUE(files().create_directories(path("x/y/z")));
  ASSERT_TRUE(open("x/b")->write_at(as_bytes("12"), 0));
  ASSERT_TRUE(open("x/a"));
  ASSERT_TRUE(open("x/y/z/deep"));
  EXPECT_EQ(names("x"), (std::vector<std::string>{"a:0", "b:2", "y/"}));
  EXPECT_EQ(files().list(path("none")).error().code, Errc::not_found);
  EXPECT_TRUE(files().sync_directory(path("x")));
  EXPECT_FALSE(files().sync_directory(path("none")));
  EXPECT_EQ(files().remove(path("x/none")).error().code, Errc::not_found);
  ASSERT_TRUE(files().rename(path("x/y"), path("w")));
  EXPECT_TRUE(files().exists(path("w/z/deep")));
  ASSERT_TRUE(files().remove_all(path("x")));
  ASSERT_TRUE(files().remove_all(path("x")));
  EXPECT_EQ(names(""), (std::vector<std::string>{"w/"}));
  EXPECT_TRUE(files().sync_all(path("w")));
  EXPECT_GT(files().free_space(path("w")).value(), 0U);
}

TEST_P(FileContract, AFolderIsLockedOnceAtATime) {
  auto lock = files().lock_directory(home_->folder());
  ASSERT_TRUE(lock);
  EXPECT_EQ(files().lock_directory(home_->folder()).error().code, Errc::exists);
  lock->reset();
  EXPECT_TRUE(files().lock_directory(home_->folder()));
}

TEST_P(FileContract, ReplaceFileAndReadFileGoTogether) {
  ASSERT_TRUE(replace_file(files(), path("a"), as_bytes("a long first content")));
  ASSERT_TRUE(replace_file(files(), path("a"), as_bytes("second")));
  EXPECT_EQ(as_text(read_file(files(), path("a"), 100).value()), "second");
  EXPECT_EQ(names(""), (std::vector<std::string>{"a:6"}));
  EXPECT_EQ(read_file(files(), path("a"), 5).error().code, Errc::too_large);
  EXPECT_EQ(read_file(files(), path("b"), 5).error().code, Errc::not_found);
  EXPECT_FALSE(replace_file(files(), path("none/a"), as_bytes("x")));
}

LEAT_IN_EACH_HOME(FileContract);

TEST(Paths, JoinAndParent) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(join_path("/", "b"), "/b");
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(parent_path("/a"), "/");
  EXPECT_EQ(parent_path("/"), "/");
  EXPECT_EQ(parent_path("a/b/"), "a");
  EXPECT_EQ(parent_path("a//b"), "a");
}

}  // namespace
}  // namespace leat::runtime
