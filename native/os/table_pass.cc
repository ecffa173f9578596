#include "os/table_pass.h"

#include <new>

#include "wire/encode.h"

namespace conntrack {

bool TablePass::set_changes(Bytes slab) {
  changes_slab_.reset(new (std::nothrow) uint8_t[slab.size]);
  if (!changes_slab_) return false;
  memcpy(changes_slab_.get(), slab.data, slab.size);
  return read_spec({changes_slab_.get(), slab.size}, 0, changes_, changes_extension_);
}

Failure TablePass::open() {
  memory_.reset(new (std::nothrow) Memory);
  if (!memory_) return Failure::of_syscall("malloc", ENOMEM);
  if (Failure failure = dump_.open()) return failure;
  return socket_.open();
}

void TablePass::close() {
  dump_.close();
  socket_.close();
  memory_.reset();
}

DumpReader::Step TablePass::run(Failure& failure) {
  const DumpReader::Outcome outcome = dump_.read(memory_->slab);
  failure = outcome.failure;
  const auto* header = reinterpret_cast<const SlabHeader*>(memory_->slab);
  const auto* entries = reinterpret_cast<const EntryRecord*>(memory_->slab + sizeof *header);
  const size_t count = outcome.filled ? header->count : 0;
  totals_.matched += count;
  if (kind_ == Kind::look) return outcome.step;
  memory_->batch.clear();
  for (size_t i = 0; i < count && !failure; i++) failure = change(entries[i]);
  if (!failure) failure = send();
  return failure ? DumpReader::Step::failed : outcome.step;
}

Failure TablePass::change(const EntryRecord& entry) {
  RequestBatch& batch = memory_->batch;
  const RequestWriter request = kind_ == Kind::remove
                                    ? encode_delete(entry)
                                    : encode_update(entry, changes_, changes_extension_);
  Failure failure;
  if (batch.full()) failure = send();
  if (!failure && !batch.add(request)) failure = Failure::of_syscall("sendto", EMSGSIZE);
  return failure;
}

// The batch is empty after it. The first refusal that is not the absence of the entry
// ends the pass; what went before it, and with it, has happened and is counted.
Failure TablePass::send() {
  RequestBatch& batch = memory_->batch;
  BatchAnswers& answers = memory_->answers;
  Failure failure = transact(socket_, batch, memory_->buffer, {0, nullptr, nullptr}, answers);
  for (size_t i = 0; i < batch.count(); i++) {
    if (answers.states[i] == BatchAnswers::done) totals_.changed++;
    if (answers.states[i] != BatchAnswers::failed) continue;
    if (answers.failures[i].error == ENOENT) {
      totals_.vanished++;
    } else if (!failure) {
      failure = answers.failures[i];
    }
  }
  batch.clear();
  return failure;
}

}  // namespace conntrack
