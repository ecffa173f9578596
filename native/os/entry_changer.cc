#include "os/entry_changer.h"

#include <new>

#include "wire/encode.h"

namespace conntrack {

bool EntryChanger::set_changes(Bytes slab) {
  changes_slab_.reset(new (std::nothrow) uint8_t[slab.size]);
  if (!changes_slab_) return false;
  memcpy(changes_slab_.get(), slab.data, slab.size);
  return read_spec({changes_slab_.get(), slab.size}, 0, changes_, changes_extension_);
}

Failure EntryChanger::open() {
  memory_.reset(new (std::nothrow) Memory);
  return memory_ ? socket_.open() : Failure::of_syscall("malloc", ENOMEM);
}

void EntryChanger::close() {
  socket_.close();
  memory_.reset();
}

Failure EntryChanger::change(const uint8_t* slab) {
  const auto* header = reinterpret_cast<const SlabHeader*>(slab);
  const auto* entries = reinterpret_cast<const EntryRecord*>(slab + sizeof *header);
  Failure failure;
  memory_->batch.clear();
  for (size_t i = 0; i < header->count && !failure; i++) failure = add(entries[i]);
  return failure ? failure : send();
}

Failure EntryChanger::add(const EntryRecord& entry) {
  RequestBatch& batch = memory_->batch;
  const RequestWriter request = kind_ == Kind::remove
                                    ? encode_delete(entry)
                                    : encode_update(entry, changes_, changes_extension_);
  Failure failure;
  if (batch.full()) failure = send();
  if (!failure && !batch.add(request, RequestBatch::ack))
    failure = Failure::of_syscall("sendto", EMSGSIZE);
  return failure;
}

Failure EntryChanger::exchange() {
  const Expected nothing = {nullptr, nullptr};
  Memory& memory = *memory_;
  Exchange exchange;
  Failure failure;
  while (
      !transact(exchange, socket_, memory.batch, memory.inbox, nothing, memory.answers, failure)) {
    if (cancelled()) return Failure::of_cancel(true);
  }
  return failure;
}

// The batch is empty after it.
Failure EntryChanger::send() {
  RequestBatch& batch = memory_->batch;
  BatchAnswers& answers = memory_->answers;
  if (cancelled()) return Failure::of_cancel(false);
  Failure failure = exchange();
  for (size_t i = 0; i < batch.count(); i++) {
    if (answers.states[i] == BatchAnswers::done) {
      changed_.fetch_add(1, std::memory_order_relaxed);
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
