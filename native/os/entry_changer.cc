#include "os/entry_changer.h"

#include <errno.h>

#include <new>

#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/final_record.h"

namespace conntrack {

int EntryChanger::set_changes(Bytes slab) {
  changes_slab_.reset(new (std::nothrow) uint8_t[slab.size]);
  if (!changes_slab_) return ENOMEM;
  memcpy(changes_slab_.get(), slab.data, slab.size);
  const Bytes copy = {changes_slab_.get(), slab.size};
  return read_spec(copy, 0, changes_, changes_extension_) ? 0 : EINVAL;
}

Failure EntryChanger::open() {
  memory_.reset(new (std::nothrow) Memory);
  return memory_ ? socket_.open() : Failure::of_syscall("malloc", ENOMEM);
}

void EntryChanger::close() {
  socket_.close();
  memory_.reset();
}

Failure EntryChanger::change(uint8_t* slab) {
  auto* header = reinterpret_cast<SlabHeader*>(slab);
  auto* entries = reinterpret_cast<EntryRecord*>(slab + sizeof *header);
  Failure failure;
  memory_->batch.clear();
  first_ = kept_ = entries;
  for (size_t i = 0; i < header->count && !failure; i++) failure = add(entries[i]);
  if (!failure) failure = send();
  if (kind_ == Kind::report) header->count = static_cast<uint32_t>(kept_ - entries);
  return failure;
}

Failure EntryChanger::add(const EntryRecord& entry) {
  RequestBatch& batch = memory_->batch;
  const bool reports = kind_ == Kind::report;
  const RequestWriter request = kind_ == Kind::update
                                    ? encode_update(entry, changes_, changes_extension_)
                                    : encode_delete(entry, reports);
  Failure failure;
  if (batch.full() || (reports && batch.count() == reported_at_once)) failure = send();
  if (!failure && !batch.add(request, reports ? RequestBatch::silence : RequestBatch::ack))
    failure = Failure::of_syscall("sendto", EMSGSIZE);
  return failure;
}

Failure EntryChanger::exchange() {
  Expected expected = {nullptr, this};
  if (kind_ == Kind::report) {
    expected.echo = [](const Message& message, void* changer) {
      static_cast<EntryChanger*>(changer)->take_event(message);
    };
  }
  Memory& memory = *memory_;
  heard_ = 0;
  Exchange exchange;
  Failure failure;
  while (
      !transact(exchange, socket_, memory.batch, memory.inbox, expected, memory.answers, failure)) {
    if (!cancelled()) continue;
    conclude(exchange, memory.batch, memory.answers);
    return Failure::of_cancel(true);
  }
  return failure;
}

void EntryChanger::take_event(const Message& message) {
  EntryRecord last = {};
  Extension extension;
  if (!decode_entry(message, last, extension)) return;
  for (size_t i = heard_; i < memory_->batch.count(); i++) {
    if (!is_same_entry(first_[i], last)) continue;
    take_last_values(first_[i], last);
    heard_ = i + 1;
    return;
  }
}

// The batch is empty after it.
Failure EntryChanger::send() {
  RequestBatch& batch = memory_->batch;
  BatchAnswers& answers = memory_->answers;
  if (cancelled()) return Failure::of_cancel(false);
  if (kind_ == Kind::report) batch.ask_last();
  Failure failure = exchange();
  for (size_t i = 0; i < batch.count(); i++, first_++) {
    // Its event tells as much as the answer, which may have found no room.
    const bool ended = kind_ == Kind::report && (first_->present & ENTRY_FINAL) != 0;
    if (answers.states[i] == BatchAnswers::done || ended) {
      changed_.fetch_add(1, std::memory_order_relaxed);
      if (kind_ == Kind::report) *kept_++ = *first_;
    } else if (answers.states[i] == BatchAnswers::none) {
      continue;
    } else if (answers.failures[i].error == ENOENT) {
      vanished_.fetch_add(1, std::memory_order_relaxed);
    } else if (!failure) {
      failure = answers.failures[i];
    }
  }
  batch.clear();
  return failure;
}

}  // namespace conntrack
