#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "keyspace/listpack.h"
#include "keyspace/stream_id.h"

namespace leat::keyspace {

// Some consecutive entries of a stream in a listpack, laid out as Redis does. It begins with how many entries are there, how
// many are marked as deleted, the number of the first entry's fields, their names, and 0. Then each entry: flags, its id as
// differences to the block's, its fields (only values, if the names are the first entry's), and the count of these elements.
class StreamBlock {
 public:
  using Position = Listpack::Position;

  // An entry, which lasts until the block changes.
  class Entry {
   public:
    [[nodiscard]] StreamId id() const { return id_; }
    [[nodiscard]] bool is_deleted() const { return (flags_ & kDeleted) != 0; }
    [[nodiscard]] std::size_t fields() const { return fields_; }
    // Calls `use` with each field's name and value.
    template <class F>
    void for_each(F&& use) const {
      Position at = first_;
      Position name = has_names() ? Listpack::kNone : block_->first_name();
      for (std::size_t i = 0; i < fields_; ++i) {
        if (has_names()) {
          name = at;
          at = block_->listpack_.next(at);
        }
        use(block_->listpack_.at(name), block_->listpack_.at(at));
        at = block_->listpack_.next(at);
        if (!has_names()) name = block_->listpack_.next(name);
      }
    }

   private:
    friend class StreamBlock;
    [[nodiscard]] bool has_names() const { return (flags_ & kSameFields) == 0; }

    const StreamBlock* block_ = nullptr;
    StreamId id_;
    std::int64_t flags_ = 0;
    std::size_t fields_ = 0;
    Position begin_ = 0;  // its flags
    Position first_ = 0;  // its first field
    std::size_t elements_ = 0;
  };

  explicit StreamBlock(StreamId id) : id_(id) {}
  // A block whose bytes may come from anyone. Refuses what is not sound: entries must be there, in rising order of their ids.
  [[nodiscard]] static Result<StreamBlock> validate_and_adopt(StreamId id, std::string_view bytes);
  [[nodiscard]] StreamBlock clone() const;

  // What its entries' ids are counted from: the first entry's when the block began.
  [[nodiscard]] StreamId id() const { return id_; }
  [[nodiscard]] const Listpack& listpack() const { return listpack_; }
  // Entries that are there, and those besides that are marked as deleted.
  [[nodiscard]] std::size_t size() const { return number_at(listpack_.first()); }
  [[nodiscard]] std::size_t deleted() const { return number_at(listpack_.next(listpack_.first())); }

  // `id` is above all others, and `words` are names and values by turns.
  void append(StreamId id, std::span<const std::string_view> words);
  void mark_deleted(const Entry& entry);

  // Entries one by one, those marked as deleted included.
  [[nodiscard]] std::optional<Entry> first() const;
  [[nodiscard]] std::optional<Entry> last() const;
  [[nodiscard]] std::optional<Entry> next(const Entry& entry) const;
  [[nodiscard]] std::optional<Entry> previous(const Entry& entry) const;

 private:
  static constexpr std::int64_t kDeleted = 1;
  static constexpr std::int64_t kSameFields = 2;

  [[nodiscard]] std::size_t number_at(Position at) const {
    return static_cast<std::size_t>(listpack_.at(at).integer());
  }
  [[nodiscard]] Position field_count() const { return listpack_.next(listpack_.next(listpack_.first())); }
  [[nodiscard]] Position first_name() const { return listpack_.next(field_count()); }
  [[nodiscard]] Position skip(Position at, std::size_t elements) const;
  // Where the first entry begins.
  [[nodiscard]] Position entries_begin() const { return skip(field_count(), number_at(field_count()) + 2); }
  [[nodiscard]] bool has_first_names(std::span<const std::string_view> words) const;
  [[nodiscard]] Entry read(Position begin) const;
  [[nodiscard]] std::optional<Entry> read_before(Position end_element) const;
  [[nodiscard]] bool is_sound() const;

  StreamId id_;
  Listpack listpack_;
};

}  // namespace leat::keyspace
