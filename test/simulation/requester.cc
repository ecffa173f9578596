// Requests: several at a time in a call, several calls at a time.
#include <errno.h>

#include <algorithm>
#include <set>

#include "client.h"
#include "memory.h"
#include "os/request_job.h"
#include "report.h"

namespace conntrack::test {

namespace {

class Requester : public Client {
 public:
  Requester() { open(node().request_socket, {{"followsThread", node().of(random().once_in(3))}}); }

  void act() override {
    if (!is_open() || pending_ >= 40) return;
    switch (random().below(8)) {
      case 0:
        return ask_stats();
      case 1:
        if (JsValue* same = node().call(object_, "isOfThread")) HOLDS(same->amount <= 1);
        return;
      default:
        return send();
    }
  }

  void close() override {
    if (!is_open()) return;
    closing_ = true;
    call("close", {}, [this](JsValue&) {
      closed_ = true;
      // Nothing settles after it.
      HOLDS(pending_ == 0);
      for (const auto& socket : sockets_) HOLDS(socket->closed);
      node().drop(object_);
    });
  }

  void check_end() override {
    if (sockets_.empty()) return;
    HOLDS(flushed_ <= sockets_[0]->flushes);
    HOLDS(sockets_[0]->flushes + not_flushed_ <= flushes_);
  }

  size_t memory_limit() const override {
    constexpr size_t per_request = sizeof(RequestJob::Result) + 512 + sizeof(Bytes);
    return sizeof(RequestMemory) + asked_ * per_request + pending_ * (slab_size + 2048);
  }

 private:
  struct Asked {
    RequestKind kind;
    uint32_t key = 0;
    uint32_t id = 0;
    uint32_t mark = 0;
  };

  void ask_stats() {
    call("stats", {}, [this](JsValue& outcome) { check_stats(outcome); });
  }

  void check_stats(const JsValue& outcome) {
    const Failed failure(outcome.get("failure"));
    if (failure.is) {
      HOLDS(is_excused() || closing_);
      return;
    }
    const std::vector<JsValue*>& cpus = outcome.get("cpus")->elements;
    HOLDS(cpus.size() == 5);
    for (size_t i = 0; i < cpus.size(); i++) {
      HOLDS(cpus[i]->elements[0]->amount == static_cast<double>(i));
      HOLDS(cpus[i]->elements[2]->amount == 100 + table_);
    }
  }

  void send() {
    std::vector<Asked> all;
    Buffer bytes;
    const uint64_t most = random().once_in(6) ? 300 : 12;
    for (uint64_t left = random().below(most) + 1; left > 0; left--) {
      Asked asked = {};
      asked.key = static_cast<uint32_t>(random().below(table().keys()));
      const Entry* entry = table().find(asked.key);
      switch (random().below(16)) {
        case 0:
          asked.kind = random().once_in(8) ? REQUEST_FLUSH : REQUEST_USAGE;
          break;
        case 1:
        case 2:
        case 3:
          asked.kind = REQUEST_DELETE;
          // Each entry once, so that an answer is that of one request.
          asked.id = entry ? entry->id : last_known_id_;
          if (asked.id == 0 || !removed_.insert(asked.id).second) asked.kind = REQUEST_USAGE;
          break;
        case 4:
        case 5:
        case 6:
          asked.kind = REQUEST_CREATE;
          break;
        case 7:
        case 8:
        case 9:
          asked.kind = REQUEST_UPDATE;
          break;
        default:
          asked.kind = random().once_in(4) ? REQUEST_GET_ZERO : REQUEST_GET;
      }
      if (entry && random().once_in(4)) last_known_id_ = entry->id;
      append(bytes, asked);
      all.push_back(asked);
    }
    JsValue* buffer = node().make_buffer(bytes.size());
    memcpy(buffer->memory.get(), bytes.data(), bytes.size());
    const int64_t since = now();
    asked_ += all.size();
    for (const Asked& asked : all) flushes_ += asked.kind == REQUEST_FLUSH ? 1 : 0;
    call("send", {buffer, node().of(static_cast<double>(bytes.size()))},
         [this, all, since](JsValue& outcome) {
           asked_ -= all.size();
           check(all, since, outcome);
         });
    Node::forget(buffer);
  }

  void append(Buffer& out, Asked& asked) {
    RequestHeader header = {};
    header.kind = asked.kind;
    header.size = sizeof header;
    EntryRecord key = key_record(table_, asked.key);
    SpecRecord spec = {};
    Buffer body;
    const auto add = [&body](const auto& record) {
      const auto* start = reinterpret_cast<const uint8_t*>(&record);
      body.insert(body.end(), start, start + sizeof record);
    };
    switch (asked.kind) {
      case REQUEST_FLUSH:
        header.family = uapi::FAMILY_IPV4;
        break;
      case REQUEST_USAGE:
        break;
      case REQUEST_DELETE:
        key.present |= ENTRY_ID;
        key.id = asked.id;
        add(key);
        break;
      case REQUEST_CREATE:
      case REQUEST_UPDATE:
        asked.mark = world().kernel.new_mark();
        spec.entry = key;
        spec.entry.present |= ENTRY_MARK | ENTRY_TIMEOUT;
        spec.entry.mark = asked.mark;
        spec.entry.timeout = 100;
        spec.mark_mask = UINT32_MAX;
        add(spec);
        if (asked.kind == REQUEST_UPDATE) {
          header.entry = static_cast<uint32_t>(sizeof header + body.size());
          add(key);
        }
        break;
      default:
        add(key);
    }
    header.size += static_cast<uint32_t>(body.size());
    const auto* start = reinterpret_cast<const uint8_t*>(&header);
    out.insert(out.end(), start, start + sizeof header);
    out.insert(out.end(), body.begin(), body.end());
  }

  void check(const std::vector<Asked>& all, int64_t since, const JsValue& outcome) {
    if (!outcome.has("answers")) {  // nothing was sent
      const Failed failure(outcome.get("failure"));
      HOLDS(failure.error == ENOMEM && memory::failures() > 0);
      for (const Asked& asked : all) check(asked, since, {}, failure, outcome);
      return;
    }
    const JsValue& answers = *outcome.get("answers");
    const JsValue* failures = outcome.get("failures");
    HOLDS(answers.size == all.size() * sizeof(AnswerRecord));
    size_t next = 0;
    for (size_t i = 0; i < all.size(); i++) {
      AnswerRecord answer;
      memcpy(&answer, answers.memory.get() + i * sizeof answer, sizeof answer);
      const JsValue* failure = nullptr;
      if (failures && next < failures->elements.size() &&
          failures->elements[next]->amount == static_cast<double>(i)) {
        failure = failures->elements[next + 1];
        next += 2;
      }
      check(all[i], since, answer, Failed(failure), *outcome.get("slabs"));
    }
    HOLDS(!failures || next == failures->elements.size());
  }

  void check(const Asked& asked, int64_t since, const AnswerRecord& answer, const Failed& failure,
             const JsValue& slabs) {
    const bool done = (answer.present & ANSWER_DONE) != 0;
    // Without an answer of the kernel only where there is a reason.
    if (failure.is && !failure.by_kernel) HOLDS(is_excused() || closing_);
    if (failure.by_kernel) HOLDS(!failure.unanswered);
    if (failure.is && failure.by_kernel && failure.error == EPERM) HOLDS(sockets_[0]->refused);
    if (!failure.is) HOLDS(done);
    const EntryRecord* record = nullptr;
    if ((answer.present & ANSWER_RECORD) != 0) {
      const JsValue& slab = *slabs.elements[answer.slab];
      HOLDS(answer.at + sizeof *record <= slab.size);
      record = reinterpret_cast<const EntryRecord*>(slab.memory.get() + answer.at);
      const Place place = place_of(record->original);
      HOLDS(place.table == table_ && place.key == asked.key);
      HOLDS(table().had(asked.key, record->id, record->mark, since));
    }
    switch (asked.kind) {
      case REQUEST_CREATE:
      case REQUEST_UPDATE:
        return check_write(asked, done, failure, record);
      case REQUEST_DELETE:
        return check_delete(asked, done, failure);
      case REQUEST_USAGE:
        return check_usage(answer, failure);
      case REQUEST_FLUSH:
        flushed_ += !failure.is ? 1 : 0;
        not_flushed_ += failure.is && !failure.by_kernel && !failure.unanswered ? 1 : 0;
        return;
      default:
        HOLDS(!failure.is == (record != nullptr));
        if (!failure.is || !failure.by_kernel || failure.error == EPERM) return;
        if (failure.error == ENOMEM) HOLDS(is_excused());
        if (failure.error == ENOENT) HOLDS(table().had(asked.key, 0, 0, since));
    }
  }

  // What the kernel did is not reported as not done, nor the other way round.
  void check_write(const Asked& asked, bool done, const Failed& failure,
                   const EntryRecord* record) {
    const Kernel::Write& write = world().kernel.write(asked.mark);
    HOLDS(write.times <= 1);
    if (record) HOLDS(record->mark == asked.mark);
    if (done) {
      HOLDS(write.times == 1 && write.error == 0);
      HOLDS(failure.is || record);
    } else if (failure.by_kernel) {
      if (failure.error == EPERM) return;
      HOLDS(write.times == 1 && write.error == failure.error);
    } else if (!failure.unanswered) {
      HOLDS(write.times == 0);
    }
  }

  void check_delete(const Asked& asked, bool done, const Failed& failure) {
    size_t times = 0;
    int error = 0;
    for (const Socket::Removal& removal : sockets_[0]->removals) {
      if (removal.id != asked.id) continue;
      times++;
      error = removal.error;
    }
    HOLDS(times <= 1);
    if (done) {
      HOLDS(times == 1 && error == 0);
    } else if (failure.by_kernel) {
      if (failure.error != EPERM) HOLDS(times == 1 && error == failure.error);
    } else if (!failure.unanswered) {
      HOLDS(times == 0);
    }
  }

  void check_usage(const AnswerRecord& answer, const Failed& failure) {
    if (failure.is) return;
    HOLDS(answer.at == table().maximum());
    const std::vector<uint32_t>& usages = sockets_[0]->usages;
    HOLDS(std::find(usages.begin(), usages.end(), answer.slab) != usages.end());
  }

  std::set<uint32_t> removed_;
  uint32_t last_known_id_ = 0;
  size_t asked_ = 0;  // requests that are under way
  size_t flushes_ = 0;
  size_t flushed_ = 0;
  size_t not_flushed_ = 0;
};

}  // namespace

std::unique_ptr<Client> new_requester() { return std::make_unique<Requester>(); }

}  // namespace conntrack::test
