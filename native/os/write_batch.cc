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

bool WriteBatch::run(NetlinkSocket& socket, uint8_t* buffer, Failure& failure) {
  const auto take = [](size_t request, const Message& message, void* batch) {
    return static_cast<WriteBatch*>(batch)->entries_[request / 2].take(message);
  };
  bool ended = true;
  failure = Failure::of_syscall("sendto", EMSGSIZE);
  if (complete_) {
    const Expected entry = {uapi::MESSAGE_NEW, take, this};
    ended = transact(exchange_, socket, requests_, buffer, entry, answers_, failure);
  }
  failure_ = failure;
  return ended;
}

Failure WriteBatch::failure_of(size_t request) const {
  const bool refused = answers_.states[request] == BatchAnswers::failed;
  return refused ? answers_.failures[request] : failure_;
}

WriteBatch::Result WriteBatch::result(size_t index) const {
  const size_t write = 2 * index;
  const size_t get = write + 1;
  if (answers_.states[write] != BatchAnswers::done) return {false, {}, failure_of(write)};
  const Bytes slab = entries_[index].slab();
  if (slab.size > 0 && answers_.states[get] != BatchAnswers::failed) return {true, slab, {}};
  Failure unread = failure_of(get);
  unread.unanswered = false;  // the write was
  return {true, {}, unread};
}

}  // namespace conntrack
