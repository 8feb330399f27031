#include "queue/delays.h"

namespace leat::queue {

void Delays::expect_cold() {
  border_ = Key{Timestamp(0), Offset(0)};
  hold_loads_ = true;
}

void Delays::clear() {
  entries_.clear();
  border_.reset();
  hold_loads_ = broken_ = false;
  put_since_load_.reset();
  load_ = 0;
  spilled_count_ = 0;
  puts_.clear();
}

void Delays::add(DelayEntry entry) {
  const Key key{entry.due, entry.offset};
  if (border_ && key >= *border_) {
    put(entry);
    return;
  }
  entries_.insert_or_assign(key, Held{std::move(entry), false});
  if (entries_.size() > count_max_) shrink();
}

void Delays::put(const DelayEntry& entry) {
  puts_.push_back({delay_entry_key(entry.due, entry.offset), encode_delay_value(entry)});
  ++spilled_count_;
  const Key key{entry.due, entry.offset};
  if (!put_since_load_ || key < *put_since_load_) put_since_load_ = key;
}

void Delays::shrink() {
  auto at = entries_.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(entries_.size() / 2));
  if (!border_ || at->first < *border_) border_ = at->first;
  for (auto moved = at; moved != entries_.end(); ++moved) {
    if (moved->second.indexed) {
      ++spilled_count_;
    } else {
      put(moved->second.entry);
    }
  }
  entries_.erase(at, entries_.end());
  load_ = 0;  // what it brings may lie behind the new border
}

std::optional<Delays::Due> Delays::take_due(Timestamp now) {
  if (!is_next_here()) return std::nullopt;
  const auto first = entries_.begin();
  if (first->first.first > now) return std::nullopt;
  Due due{std::move(first->second.entry), std::nullopt};
  if (first->second.indexed) due.index_key = delay_entry_key(first->first.first, first->first.second);
  entries_.erase(first);
  return due;
}

std::optional<Timestamp> Delays::next_due() const {
  if (!is_next_here()) return std::nullopt;
  return entries_.begin()->first.first;
}

void Delays::collect_work(IndexWork& work, std::uint64_t& next_load) {
  for (IndexEntry& entry : puts_) work.puts.push_back(std::move(entry));
  puts_.clear();
  if (!wants_load()) return;
  load_ = ++next_load;
  put_since_load_.reset();
  work.loads.push_back(
      {load_, delay_entry_key(border_->first, border_->second), std::string(kDelaysEnd), count_max_ / 2});
}

bool Delays::loaded(const IndexLoaded& loaded) {
  if (loaded.id != load_ || load_ == 0) return false;
  load_ = 0;
  Key end = *border_;
  for (const IndexEntry& entry : loaded.entries) {
    auto decoded = decode_delay_entry(entry.key, entry.value);
    broken_ |= !decoded;
    if (!decoded) return true;
    end = {decoded->due, decoded->offset + 1};
    const Key key{decoded->due, decoded->offset};
    const bool is_new = entries_.insert_or_assign(key, Held{std::move(*decoded), true}).second;
    if (is_new && spilled_count_ > 0) --spilled_count_;
  }
  if (loaded.has_more || put_since_load_) {
    border_ = put_since_load_ && *put_since_load_ < end ? *put_since_load_ : end;
  } else {
    border_.reset();
    spilled_count_ = 0;
  }
  return true;
}

void Delays::save_all(IndexWork& work) {
  for (auto& [key, held] : entries_) {
    if (!std::exchange(held.indexed, true))
      work.puts.push_back({delay_entry_key(key.first, key.second), encode_delay_value(held.entry)});
  }
}

}  // namespace leat::queue
