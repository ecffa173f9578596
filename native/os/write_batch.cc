#include "os/write_batch.h"

#include "wire/encode.h"

namespace conntrack {

// Here, so that nobody zeroes the buffer of the requests before.
WriteBatch::WriteBatch() = default;

void WriteBatch::create(const SpecRecord& spec, const Extension& extension) {
  add(encode_create(spec, extension), spec.entry);
}

void WriteBatch::update(const EntryRecord& entry, const SpecRecord& changes,
                        const Extension& extension) {
  add(encode_update(entry, changes, extension), entry);
}

void WriteBatch::add(const RequestWriter& write, const EntryRecord& entry) {
  complete_ = complete_ && requests_.add(write) && requests_.add(encode_get(entry));
  if (count_ < capacity) count_++;
}

Failure WriteBatch::run(NetlinkSocket& socket, uint8_t* buffer) {
  const auto take = [](size_t request, const Message& message, void* batch) {
    return static_cast<WriteBatch*>(batch)->entries_[request / 2].take(message);
  };
  failure_ = complete_
                 ? transact(socket, requests_, buffer, {uapi::MESSAGE_NEW, take, this}, answers_)
                 : Failure::of_syscall("sendto", EMSGSIZE);
  return failure_;
}

const Failure* WriteBatch::failure_of(size_t request) const {
  if (answers_.states[request] == BatchAnswers::failed) return &answers_.failures[request];
  return failure_ ? &failure_ : nullptr;
}

WriteBatch::Result WriteBatch::result(size_t index) const {
  const size_t write = 2 * index;
  const size_t get = write + 1;
  if (answers_.states[write] != BatchAnswers::done) return {false, {}, failure_of(write)};
  const Bytes slab = entries_[index].slab();
  const bool read = slab.size > 0 && answers_.states[get] != BatchAnswers::failed;
  return read ? Result{true, slab, nullptr} : Result{true, {}, failure_of(get)};
}

}  // namespace conntrack
