// Reads the table, at any pace, and perhaps not to its end.
#include <errno.h>

#include <deque>
#include <set>

#include "client.h"
#include "os/dump_pump.h"
#include "report.h"

namespace conntrack::test {

namespace {

constexpr uint8_t untouched = 0xee;

class Dumper : public Client {
 public:
  Dumper() : filter_(random()), kind_(random().below(8)), lazy_(random().once_in(4)) {
    open(node().dump_reader, {{"ask", filter_.ask(node())},
                              {"filter", filter_.filter(node())},
                              {"zeroCounters", node().of(kind_ == 0)},
                              {"dying", node().of(kind_ == 1)}});
  }

  void act() override {
    if (!is_open() || ended_) return close();
    if (lazy_ && random().once_in(60)) return close();
    if (supplied_.empty() || random().once_in(3)) supply();
    if (pending_ > 0) return;
    call("next", {}, [this](JsValue& count) { take(count); });
  }

  void close() override {
    if (!is_open()) return;
    closing_ = asked_ = true;
    call("close", {}, [this](JsValue&) {
      closed_ = true;
      HOLDS(pending_ == 0);
      for (const auto& socket : sockets_) HOLDS(socket->closed);
      for (JsValue* slab : supplied_) give_up(slab);
      supplied_.clear();
      node().drop(object_);
    });
  }

  // Nothing is written to a slab that has come back.
  void check_end() override {
    for (JsValue* slab : given_up_) {
      for (size_t i = 0; i < slab->size; i += 8) HOLDS(slab->memory[i] == untouched);
      Node::forget(slab);
    }
    given_up_.clear();
  }

  size_t memory_limit() const override {
    constexpr size_t ahead = 16 * (receive_buffer_size + 1024);
    return receive_buffer_size + ahead + 32768;
  }

 private:
  void give_up(JsValue* slab) {
    memset(slab->memory.get(), untouched, slab->size);
    given_up_.push_back(slab);
  }

  void supply() {
    JsValue* slabs = node().make(JsValue::array);
    if (supplied_.size() >= 4) return;
    for (uint64_t left = random().below(3) + 1; left > 0; left--) {
      JsValue* slab = nullptr;
      if (!given_up_.empty()) {
        slab = given_up_.back();
        given_up_.pop_back();
      } else {
        slab = node().make_buffer(slab_size);
      }
      slabs->elements.push_back(slab);
      supplied_.push_back(slab);
    }
    if (since_ < 0) since_ = now();
    const double batch = static_cast<double>(random().below(3) + 1);
    HOLDS(node().call(object_, "supply", {slabs, node().of(batch)}));
  }

  void take(const JsValue& count) {
    HOLDS(count.amount <= static_cast<double>(supplied_.size()));
    if (asked_) HOLDS(count.amount == 0);
    for (auto left = static_cast<size_t>(count.amount); left > 0; left--) {
      JsValue* slab = supplied_.front();
      supplied_.pop_front();
      each_entry(slab->memory.get(), [this](const EntryRecord& record) { check(record); });
      give_up(slab);
    }
    if (closing_) return;
    const JsValue* end = node().call(object_, "end");
    if (!end || end->kind == JsValue::undefined) return;
    ended_ = true;
    const Failed failure(end->get("failure"));
    if (failure.is) HOLDS(is_excused() || (failure.by_kernel && failure.error == EPERM));
    if (!failure.is) check_complete();
  }

  void check(const EntryRecord& record) {
    const Place place = place_of(record.original);
    HOLDS(place.table == table_ && kind_ != 1);
    HOLDS(table().had(place.key, record.id, record.mark, since_));
    HOLDS(filter_.matches(record.mark));
    const bool is_new = seen_.insert(record.id).second;
    if (kind_ != 0) HOLDS(is_new);
  }

  // All that was there from the beginning to the end.
  void check_complete() {
    if (kind_ == 1) return;
    for (const Table::Life& life : table().lives()) {
      const bool stayed = life.born < since_ && life.died == Threads::never;
      if (!stayed || seen_.count(life.id) > 0) continue;
      if (!filter_.is_any && (life.changed >= since_ || !filter_.matches(life.mark))) continue;
      violated("a dump lacks the entry with id %u", life.id);
    }
  }

  const MarkFilter filter_;
  const uint64_t kind_;
  const bool lazy_;
  int64_t since_ = -1;
  bool asked_ = false;  // to close
  bool ended_ = false;
  std::deque<JsValue*> supplied_;
  std::vector<JsValue*> given_up_;
  std::set<uint32_t> seen_;
};

}  // namespace

std::unique_ptr<Client> new_dumper() { return std::make_unique<Dumper>(); }

}  // namespace conntrack::test
