// Collectors of answers. take() is called for each message, and returns 0, or
// EBADMSG when it cannot be understood, or ENOMEM.
#pragma once

#include <errno.h>

#include <memory>
#include <new>

#include "wire/expectation_slab.h"
#include "wire/stats.h"
#include "wire/timeout_record.h"

namespace conntrack {

// An answer, part by part.
template <typename Part>
class PartList {
 public:
  PartList() = default;
  PartList(const PartList&) = delete;
  PartList& operator=(const PartList&) = delete;
  ~PartList() {
    while (first_) {
      Node* next = first_->next;
      delete first_;
      first_ = next;
    }
  }

  // nullptr when there is no memory.
  Part* add() {
    Node* node = new (std::nothrow) Node;
    if (!node) return nullptr;
    (last_ ? last_->next : first_) = node;
    last_ = node;
    return &node->part;
  }
  Part* last() { return last_ ? &last_->part : nullptr; }

  template <typename Visit>
  void each(Visit visit) const {
    for (const Node* node = first_; node; node = node->next) visit(node->part);
  }

 private:
  struct Node {
    Part part;
    Node* next = nullptr;
  };

  Node* first_ = nullptr;
  Node* last_ = nullptr;
};

class UsageAnswer {
 public:
  int take(const Message& message) { return decode_usage(message, usage_) ? 0 : EBADMSG; }
  const TableUsage& usage() const { return usage_; }

 private:
  TableUsage usage_;
};

class CpuStatsAnswer {
 public:
  int take(const Message& message) {
    CpuStats* cpu = cpus_.add();
    if (!cpu) return ENOMEM;
    return decode_cpu_stats(message, *cpu) ? 0 : EBADMSG;
  }
  const PartList<CpuStats>& cpus() const { return cpus_; }

 private:
  PartList<CpuStats> cpus_;
};

// Records of which there are few, in full-sized slabs.
template <typename Record>
class RecordAnswer {
 public:
  template <typename Visit>
  void each_slab(Visit visit) const {
    parts_.each([&](const Part& part) { visit(Bytes{part.memory, slab_size}); });
  }

 protected:
  // A slab that has reserved a record with an extension of this size; nullptr when there is no
  // memory.
  Slab<Record>* reserve(size_t extension, Record*& record) {
    Part* part = parts_.last();
    record = part ? part->slab.reserve() : nullptr;
    if (!record || !part->slab.fits(extension)) {
      part = parts_.add();
      if (!part) return nullptr;
      record = part->slab.reserve();
    }
    return &part->slab;
  }

 private:
  struct Part {
    Slab<Record> slab{memory};
    alignas(8) uint8_t memory[slab_size] = {};  // all of it reaches JavaScript
  };

  PartList<Part> parts_;
};

class ExpectationAnswer : public RecordAnswer<ExpectationRecord> {
 public:
  int take(const Message& message);
};

class TimeoutAnswer : public RecordAnswer<TimeoutRecord> {
 public:
  int take(const Message& message);
};

}  // namespace conntrack
