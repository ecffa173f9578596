// Goes over the table, and removes, changes or counts, perhaps not to its end.
#include <errno.h>

#include <set>

#include "client.h"
#include "os/table_walk.h"
#include "report.h"

namespace conntrack::test {

namespace {

class Walker : public Client {
 public:
  Walker()
      : filter_(random()), kind_(static_cast<Kind>(random().below(4))), lazy_(random().once_in(3)) {
    reports_ = kind_ == removes ? random().once_in(2) : kind_ == counts && random().once_in(2);
    JsValue* changes = node().make(JsValue::undefined);
    if (kind_ == updates) {
      SpecRecord spec = {};
      mark_ = world().kernel.new_mark();
      spec.entry.present = ENTRY_MARK;
      spec.entry.mark = mark_;
      spec.mark_mask = UINT32_MAX;
      const SlabHeader header = {1, 0, 0};
      changes = node().make_buffer(sizeof header + sizeof spec);
      memcpy(changes->memory.get(), &header, sizeof header);
      memcpy(changes->memory.get() + sizeof header, &spec, sizeof spec);
    }
    open(node().table_changer, {{"ask", filter_.ask(node())},
                                {"filter", filter_.filter(node())},
                                {"remove", node().of(kind_ == removes || kind_ == removes_too)},
                                {"report", node().of(reports_)},
                                {"changes", changes}});
    if (kind_ == removes_too) kind_ = removes;
  }

  void act() override {
    if (!is_open() || ended_) return close();
    if (lazy_ && random().once_in(10)) return close();
    if (pending_ > 0) return;
    if (since_ < 0) since_ = now();
    const double slabs = static_cast<double>(random().below(4) + 1);
    call("run", {node().of(slabs)}, [this](JsValue& outcome) {
      check(outcome);
      check_sums();
    });
  }

  void close() override {
    if (!is_open()) return;
    closing_ = true;
    call("close", {}, [this](JsValue& outcome) {
      closed_ = true;
      last_ = &outcome;
      check(outcome);
      // A run() that was under way settles in the same turn of the loop.
      check_sums();
      for (const auto& socket : sockets_) HOLDS(socket->closed);
      node().drop(object_);
    });
  }

  size_t memory_limit() const override {
    constexpr size_t ahead = 16 * (receive_buffer_size + 1024);
    return receive_buffer_size + ahead + TableWalk::parts * slab_size + sizeof(Inbox) +
           sizeof(RequestBatch) + sizeof(BatchAnswers) + 65536;
  }

 private:
  enum Kind : uint64_t { removes, removes_too, updates, counts };

  const Socket& changer() const { return *sockets_[1]; }

  void check(const JsValue& outcome) {
    const Failed failure(outcome.get("failure"));
    const bool made_up = failure.by_kernel && failure.error == ENOMEM && changer().made_up;
    if (failure.is) HOLDS(is_excused() || closing_ || made_up);
    failed_ = failed_ || failure.is;
    for (const JsValue* slab : outcome.get("slabs")->elements) {
      each_entry(slab->memory.get(), [this](const EntryRecord& record) { check(record); });
    }
    const bool done = outcome.get("done")->amount != 0;
    if (done || failure.is) ended_ = true;
    if (done && !failure.is) check_complete();
  }

  void check(const EntryRecord& record) {
    HOLDS(reports_);
    HOLDS(place_of(record.original).table == table_);
    HOLDS(seen_.insert(record.id).second);
    if (kind_ != removes) return;
    for (const Socket::Removal& removal : changer().removals) {
      if (removal.id == record.id && removal.error == 0) return;
    }
    violated("the entry with id %u was reported, and not removed", record.id);
  }

  void check_complete() {
    for (const Table::Life& life : table().lives()) {
      const bool stayed = life.born < since_ && life.died == Threads::never;
      if (!stayed || (!filter_.is_any && life.changed >= since_)) continue;
      if (!filter_.matches(life.mark)) continue;
      if (kind_ == removes) violated("the entry with id %u was not removed", life.id);
      if (reports_ && seen_.count(life.id) == 0) violated("entry %u was not counted", life.id);
      if (kind_ == updates && life.changed < since_) violated("entry %u did not change", life.id);
    }
  }

  void check_sums() {
    if (!closed_ || pending_ > 0) return;
    const auto changed = static_cast<size_t>(last_->number_of("changed"));
    const auto matched = static_cast<size_t>(last_->number_of("matched"));
    const auto vanished = static_cast<size_t>(last_->number_of("vanished"));
    if (kind_ == counts) {
      HOLDS(changed == 0);
      // What was read last is not reported when the reading has failed.
      if (reports_) HOLDS(failed_ ? seen_.size() <= matched : seen_.size() == matched);
      return;
    }
    size_t done = kind_ == updates ? changer().updates : 0;
    for (const Socket::Removal& removal : changer().removals) done += removal.error == 0 ? 1 : 0;
    if (reports_) HOLDS(seen_.size() == changed);
    HOLDS(changed <= done && changed + vanished <= matched);
    // Without a lost answer all is known, even of one that was cancelled between two batches.
    if (!is_excused() && !failed_ && ended_) HOLDS(changed == done);
    if (!is_excused() && !failed_ && ended_) HOLDS(changed + vanished == matched);
  }

  const MarkFilter filter_;
  Kind kind_;
  const bool lazy_;
  bool reports_ = false;
  bool ended_ = false;
  bool failed_ = false;
  uint32_t mark_ = 0;
  int64_t since_ = -1;
  const JsValue* last_ = nullptr;  // the outcome of close()
  std::set<uint32_t> seen_;
};

}  // namespace

std::unique_ptr<Client> new_walker() { return std::make_unique<Walker>(); }

}  // namespace conntrack::test
