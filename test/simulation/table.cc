#include "table.h"

#include <algorithm>

namespace conntrack::test {

const Entry* Table::find(uint32_t key) const {
  for (const Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

void Table::resize(int change, int64_t now) {
  size_ += static_cast<uint32_t>(change);
  sizes_.push_back({now, size_});
}

Table::Life& Table::life(uint32_t id) {
  // The ids only grow.
  return *std::lower_bound(lives_.begin(), lives_.end(), id,
                           [](const Life& one, uint32_t other) { return one.id < other; });
}

void Table::insert(const Entry& entry, int64_t now) {
  std::vector<Entry>& bucket = buckets_[entry.key % buckets_.size()];
  bucket.insert(bucket.begin(), entry);
  pasts_[entry.key].push_back({now, entry.id, entry.mark});
  lives_.push_back({entry.key, entry.id, now, Threads::never, entry.mark, now});
  resize(+1, now);
}

void Table::change(uint32_t key, uint32_t mark, int64_t now) {
  for (Entry& entry : buckets_[key % buckets_.size()]) {
    if (entry.key != key) continue;
    entry.mark = mark;
    pasts_[key].push_back({now, entry.id, mark});
    Life& one = life(entry.id);
    one.mark = mark;
    one.changed = now;
  }
}

void Table::remove(uint32_t key, int64_t now) {
  std::vector<Entry>& bucket = buckets_[key % buckets_.size()];
  const auto found = std::find_if(bucket.begin(), bucket.end(),
                                  [key](const Entry& entry) { return entry.key == key; });
  life(found->id).died = now;
  bucket.erase(found);
  pasts_[key].push_back({now, 0, 0});
  resize(-1, now);
}

bool Table::had(uint32_t key, uint32_t id, uint32_t mark, int64_t since) const {
  if (key >= pasts_.size()) return false;
  const std::vector<Moment>& past = pasts_[key];
  for (size_t i = past.size(); i-- > 0;) {
    if (past[i].id == id && past[i].mark == mark) return true;
    if (past[i].from < since) return false;
  }
  return id == 0;
}

bool Table::had_size(uint32_t size, int64_t since) const {
  for (size_t i = sizes_.size(); i-- > 0;) {
    if (sizes_[i].size == size) return true;
    if (sizes_[i].from < since) return false;
  }
  return false;
}

}  // namespace conntrack::test
