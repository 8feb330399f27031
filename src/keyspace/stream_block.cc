#include "keyspace/stream_block.h"

namespace leat::keyspace {

StreamBlock StreamBlock::clone() const {
  StreamBlock copy(id_);
  copy.listpack_ = listpack_.clone();
  return copy;
}

StreamBlock::Position StreamBlock::skip(Position at, std::size_t elements) const {
  for (; elements > 0 && at != Listpack::kNone; --elements) at = listpack_.next(at);
  return at;
}

bool StreamBlock::has_first_names(std::span<const std::string_view> words) const {
  Position at = field_count();
  if (number_at(at) != words.size() / 2) return false;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    at = listpack_.next(at);
    IntegerText buffer;
    if (text(listpack_.at(at), buffer) != words[i]) return false;
  }
  return true;
}

void StreamBlock::append(StreamId id, std::span<const std::string_view> words) {
  const std::size_t fields = words.size() / 2;
  if (listpack_.empty()) {
    listpack_.push_back(std::int64_t{1});
    listpack_.push_back(std::int64_t{0});
    listpack_.push_back(static_cast<std::int64_t>(fields));
    for (std::size_t i = 0; i < words.size(); i += 2) listpack_.push_back(words[i]);
    listpack_.push_back(std::int64_t{0});
  } else {
    listpack_.replace(listpack_.first(), static_cast<std::int64_t>(size() + 1));
  }
  const bool same_fields = has_first_names(words);
  listpack_.push_back(same_fields ? kSameFields : std::int64_t{0});
  listpack_.push_back(static_cast<std::int64_t>(id.ms - id_.ms));
  listpack_.push_back(static_cast<std::int64_t>(id.sequence - id_.sequence));
  if (!same_fields) listpack_.push_back(static_cast<std::int64_t>(fields));
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!same_fields || i % 2 == 1) listpack_.push_back(words[i]);
  }
  listpack_.push_back(static_cast<std::int64_t>(same_fields ? fields + 3 : words.size() + 4));
}

void StreamBlock::mark_deleted(const Entry& entry) {
  // Only after the entry: what is before it may change its size.
  listpack_.replace(entry.begin_, entry.flags_ | kDeleted);
  const std::size_t live = size();
  const std::size_t marked = deleted();
  listpack_.replace(listpack_.first(), static_cast<std::int64_t>(live - 1));
  listpack_.replace(listpack_.next(listpack_.first()), static_cast<std::int64_t>(marked + 1));
}

StreamBlock::Entry StreamBlock::read(Position begin) const {
  Entry entry;
  entry.block_ = this;
  entry.begin_ = begin;
  entry.flags_ = listpack_.at(begin).integer();
  const Position ms = listpack_.next(begin);
  const Position sequence = listpack_.next(ms);
  entry.id_ = {id_.ms + listpack_.at(ms).word, id_.sequence + listpack_.at(sequence).word};
  entry.first_ = listpack_.next(sequence);
  if (entry.has_names()) {
    entry.fields_ = number_at(entry.first_);
    entry.first_ = listpack_.next(entry.first_);
    entry.elements_ = 2 * entry.fields_ + 4;
  } else {
    entry.fields_ = number_at(field_count());
    entry.elements_ = entry.fields_ + 3;
  }
  return entry;
}

std::optional<StreamBlock::Entry> StreamBlock::first() const {
  const Position begin = listpack_.empty() ? Listpack::kNone : entries_begin();
  if (begin == Listpack::kNone) return std::nullopt;
  return read(begin);
}

std::optional<StreamBlock::Entry> StreamBlock::next(const Entry& entry) const {
  const std::size_t left = entry.has_names() ? 2 * entry.fields_ : entry.fields_;
  const Position begin = skip(entry.first_, left + 1);
  if (begin == Listpack::kNone) return std::nullopt;
  return read(begin);
}

// The entry whose last element is this; 0 stands before the first entry.
std::optional<StreamBlock::Entry> StreamBlock::read_before(Position end_element) const {
  std::size_t left = end_element == Listpack::kNone ? 0 : number_at(end_element);
  if (left == 0) return std::nullopt;
  Position at = end_element;
  for (; left > 0; --left) at = listpack_.previous(at);
  return read(at);
}

std::optional<StreamBlock::Entry> StreamBlock::last() const { return read_before(listpack_.last()); }

std::optional<StreamBlock::Entry> StreamBlock::previous(const Entry& entry) const {
  return read_before(listpack_.previous(entry.begin_));
}

// Follows the layout element by element, so that all else may trust it.
bool StreamBlock::is_sound() const {
  Position at = listpack_.first();
  const std::size_t elements = listpack_.size();
  const auto number = [&]() -> std::optional<std::uint64_t> {
    if (at == Listpack::kNone) return std::nullopt;
    const Element element = listpack_.at(at);
    at = listpack_.next(at);
    return element.is_integer() ? std::optional(element.word) : std::nullopt;
  };
  const auto count = [&]() -> std::optional<std::uint64_t> {
    const auto value = number();
    return value && *value <= elements ? value : std::nullopt;
  };
  const auto live = count();
  const auto marked = live ? count() : std::nullopt;
  const auto names = marked ? count() : std::nullopt;
  if (!names || *live == 0) return false;
  at = skip(at, *names);
  if (number() != 0) return false;
  std::uint64_t found_live = 0;
  std::uint64_t found_marked = 0;
  std::optional<StreamId> before;
  while (at != Listpack::kNone) {
    const auto flags = number();
    const auto ms = flags ? number() : std::nullopt;
    const auto sequence = ms ? number() : std::nullopt;
    if (!sequence || (*flags & ~std::uint64_t{kDeleted | kSameFields}) != 0) return false;
    const bool same_fields = (*flags & kSameFields) != 0;
    const auto fields = same_fields ? names : count();
    if (!fields) return false;
    at = skip(at, same_fields ? *fields : 2 * *fields);
    if (number() != (same_fields ? *fields + 3 : 2 * *fields + 4)) return false;
    const StreamId id{id_.ms + *ms, id_.sequence + *sequence};
    if (id < id_ || (before && id <= *before)) return false;
    before = id;
    ++((*flags & kDeleted) != 0 ? found_marked : found_live);
  }
  return found_live == *live && found_marked == *marked;
}

Result<StreamBlock> StreamBlock::validate_and_adopt(StreamId id, std::string_view bytes) {
  StreamBlock block(id);
  LEAT_TRY(block.listpack_, Listpack::validate_and_adopt(bytes));
  if (!block.is_sound()) return fail(Errc::corrupt_message, "a stream's block is broken");
  return block;
}

}  // namespace leat::keyspace
