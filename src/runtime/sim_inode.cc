#include "runtime/sim_inode.h"

namespace leat::runtime::sim {

Content::Page& Content::writable(std::uint64_t page) {
  std::shared_ptr<Page>& slot = pages[page];
  if (slot == nullptr) {
    slot = std::make_shared<Page>();
  } else if (slot.use_count() > 1) {
    slot = std::make_shared<Page>(*slot);
  }
  return *slot;
}

std::size_t Content::read(MutableBytes into, std::uint64_t offset) const {
  if (offset >= size) return 0;
  const std::size_t total = std::min<std::uint64_t>(into.size(), size - offset);
  for (std::size_t done = 0; done < total;) {
    const std::uint64_t at = offset + done;
    const std::size_t count = std::min<std::uint64_t>(total - done, kPageSize - at % kPageSize);
    const auto page = pages.find(at / kPageSize);
    if (page == pages.end()) {
      std::memset(into.data() + done, 0, count);
    } else {
      std::memcpy(into.data() + done, page->second->data() + at % kPageSize, count);
    }
    done += count;
  }
  return total;
}

void Content::cut(std::uint64_t new_size) {
  size = new_size;
  pages.erase(pages.lower_bound((new_size + kPageSize - 1) / kPageSize), pages.end());
  if (const std::uint64_t kept = new_size % kPageSize; kept != 0 && pages.contains(new_size / kPageSize)) {
    Page& last = writable(new_size / kPageSize);
    std::fill(last.begin() + static_cast<std::ptrdiff_t>(kept), last.end(), std::byte{0});
  }
}

void Inode::write(BytesView bytes, std::uint64_t offset) {
  if (bytes.empty()) return;
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = offset + done;
    const std::size_t count = std::min<std::uint64_t>(bytes.size() - done, kPageSize - at % kPageSize);
    std::memcpy(cached.writable(at / kPageSize).data() + at % kPageSize, bytes.data() + done, count);
    dirty.insert(at / kPageSize);
    lost.erase(at / kPageSize);
    done += count;
  }
  cached.size = std::max(cached.size, offset + bytes.size());
}

void Inode::truncate(std::uint64_t size) {
  if (size < cached.size) {
    const std::uint64_t end = (size + kPageSize - 1) / kPageSize;
    cached.cut(size);
    dirty.erase(dirty.lower_bound(end), dirty.end());
    lost.erase(lost.lower_bound(end), lost.end());
    if (cached.pages.contains(size / kPageSize)) dirty.insert(size / kPageSize);
  }
  cached.size = size;
  low_size = std::min(low_size, size);
}

void Inode::sync() {
  if (low_size < durable.size) durable.cut(low_size);
  for (const std::uint64_t page : dirty) durable.pages[page] = cached.pages[page];
  durable.size = cached.size;
  low_size = cached.size;
  dirty.clear();
}

void Inode::fail_sync() {
  lost.merge(dirty);
  dirty.clear();
}

void Inode::drop_cache() {
  for (const std::uint64_t page : lost) {
    if (const auto on_disk = durable.pages.find(page); on_disk != durable.pages.end()) {
      cached.pages[page] = on_disk->second;
    } else {
      cached.pages.erase(page);
    }
  }
  lost.clear();
}

InodeRef Inode::find(const std::string& name) const {
  const auto entry = entries.find(name);
  return entry == entries.end() ? nullptr : entry->second;
}

void Inode::set(const std::string& name, InodeRef inode) {
  earlier[name].push_back(find(name));
  if (inode == nullptr) {
    entries.erase(name);
  } else {
    entries[name] = std::move(inode);
  }
}

InodeRef copy_tree(const Inode& root) {
  auto copy = std::make_shared<Inode>(root.directory);
  copy->cached = copy->durable = root.cached;
  copy->low_size = root.cached.size;
  for (const auto& [name, child] : root.entries) copy->entries[name] = copy_tree(*child);
  return copy;
}

namespace {

class Crash {
 public:
  explicit Crash(Random& random) : random_(random) {
    // Some power losses keep nearly nothing and some nearly all: bugs hide at both ends.
    constexpr std::array<double, 5> kRates{0.0, 0.1, 0.5, 0.9, 1.0};
    rate_ = kRates[random_.below(kRates.size())];
  }

  // nullptr for a folder that was found by another of its names already.
  InodeRef survivor(const Inode& inode) {
    if (const auto known = survivors_.find(&inode); known != survivors_.end()) {
      return inode.directory ? nullptr : known->second;
    }
    auto survivor = std::make_shared<Inode>(inode.directory);
    survivors_.emplace(&inode, survivor);
    if (inode.directory) {
      survivor->entries = surviving_names(inode);
    } else {
      survivor->cached = survivor->durable = surviving_content(inode);
      survivor->low_size = survivor->cached.size;
    }
    return survivor;
  }

 private:
  std::map<std::string, InodeRef> surviving_names(const Inode& folder) {
    std::map<std::string, InodeRef> kept = folder.entries;
    for (const auto& [name, values] : folder.earlier) {
      if (random_.chance(rate_)) continue;  // as it is now
      kept[name] = values[random_.below(values.size())];
    }
    std::map<std::string, InodeRef> surviving;
    for (const auto& [name, inode] : kept) {
      if (inode == nullptr) continue;
      if (InodeRef child = survivor(*inode)) surviving.emplace(name, std::move(child));
    }
    return surviving;
  }

  Content surviving_content(const Inode& file) {
    Content content = file.durable;
    std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  // pages that start beyond keep their old content
    if (file.low_size < content.size) {
      if (random_.chance(rate_)) {
        content.cut(file.low_size);
      } else {
        limit = file.low_size;  // what was written after a truncation that did not happen did not happen either
      }
    }
    std::uint64_t size = content.size;
    if (limit > file.cached.size && size < file.cached.size) size = surviving_size(size, file.cached.size);
    for (const std::uint64_t page : file.dirty) {
      if (page * kPageSize < std::min(limit, size)) write_back(file, page, content);
    }
    content.cut(size);
    return content;
  }

  std::uint64_t surviving_size(std::uint64_t from, std::uint64_t to) {
    if (random_.chance(rate_)) return to;
    const std::uint64_t between = (from + random_.below(to - from)) / kPageSize * kPageSize;
    return random_.chance(0.5) ? from : std::max(from, between);
  }

  void write_back(const Inode& file, std::uint64_t page, Content& content) {
    const Content::Page& written = *file.cached.pages.at(page);
    const bool torn = random_.chance(0.125);
    if (!torn && !random_.chance(rate_)) return;
    Content::Page& target = content.writable(page);
    for (std::uint64_t at = 0; at < kPageSize; at += kSectorSize) {
      if (!torn || random_.chance(0.5)) std::memcpy(target.data() + at, written.data() + at, kSectorSize);
    }
  }

  Random& random_;
  double rate_;
  std::map<const Inode*, InodeRef> survivors_;
};

}  // namespace

InodeRef surviving_tree(const Inode& root, Random& random) { return Crash(random).survivor(root); }

}  // namespace leat::runtime::sim
