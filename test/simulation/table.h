// The connection tracking table of a network namespace, and its past: which entry was there when.
#pragma once

#include <cstdint>
#include <vector>

#include "threads.h"

namespace conntrack::test {

struct Entry {
  uint32_t key = 0;  // below Table::keys(): of its tuple
  uint32_t id = 0;   // of no other entry, in any namespace
  uint32_t mark = 0;
};

class Table {
 public:
  // Its number is part of each tuple.
  Table(int number, uint32_t keys, uint32_t maximum)
      : number_(number), maximum_(maximum), buckets_(keys / 8 + 1), pasts_(keys) {}

  int number() const { return number_; }
  uint32_t keys() const { return static_cast<uint32_t>(pasts_.size()); }
  uint32_t maximum() const { return maximum_; }
  uint32_t size() const { return size_; }

  // nullptr: there is none.
  const Entry* find(uint32_t key) const;
  void insert(const Entry& entry, int64_t now);
  void change(uint32_t key, uint32_t mark, int64_t now);
  void remove(uint32_t key, int64_t now);

  size_t buckets() const { return buckets_.size(); }
  const std::vector<Entry>& bucket(size_t index) const { return buckets_[index]; }

  // The past ---------------------------------------------------------------------------------

  // Whether the key had this entry with this mark, or with id 0 none, at a time from `since` on.
  bool had(uint32_t key, uint32_t id, uint32_t mark, int64_t since) const;
  bool had_size(uint32_t size, int64_t since) const;

  struct Life {
    uint32_t key;
    uint32_t id;
    int64_t born;
    int64_t died;
    uint32_t mark;
    int64_t changed;  // the mark, last
  };
  const std::vector<Life>& lives() const { return lives_; }

 private:
  struct Moment {
    int64_t from;
    uint32_t id;
    uint32_t mark;
  };
  struct Size {
    int64_t from;
    uint32_t size;
  };

  void resize(int change, int64_t now);
  Life& life(uint32_t id);

  const int number_;
  const uint32_t maximum_;
  uint32_t size_ = 0;
  std::vector<std::vector<Entry>> buckets_;
  std::vector<std::vector<Moment>> pasts_;  // of each key
  std::vector<Size> sizes_ = {{0, 0}};
  std::vector<Life> lives_;
};

}  // namespace conntrack::test
