// Reads the whole table through one socket. It is pulled: each call fills the
// slabs that it is given and stops. The kernel keeps the place, so a reader that
// never comes back costs no memory.
#pragma once

#include <atomic>
#include <memory>

#include "os/netlink_socket.h"
#include "os/receive_ahead.h"
#include "os/silence.h"
#include "os/turn.h"
#include "wire/encode.h"
#include "wire/filter.h"
#include "wire/recent_tuples.h"
#include "wire/slab.h"

namespace conntrack {

class DumpReader {
 public:
  // `ask`: what the kernel is asked to leave out, as encode_dump() takes it.
  DumpReader(const FilterRecord& ask, DumpKind kind) : ask_(ask), kind_(kind) {}
  DumpReader(const DumpReader&) = delete;
  DumpReader& operator=(const DumpReader&) = delete;

  // more: there may be more to read. idle: the kernel has sent nothing for
  // Silence::wait, or cancel() was called. done: the table has been read to its end.
  enum class Step { more, idle, done, failed };
  struct Outcome {
    Step step = Step::more;
    bool filled = false;  // whether the slab holds anything
    Failure failure;
  };

  // Only entries that match these records are given. Before the first read.
  Failure set_filter(Bytes records);

  // Opens the socket in the network namespace of the calling thread.
  Failure open();

  // Fills the slab at `memory`. Runs on one thread at a time, and not again after the
  // end or a failure. It comes back when the kernel is silent, and with what it has
  // when little matches and the turn is over, because a process that exits waits for running
  // jobs and has no way to reach them: none may run for long. (The real kernel never
  // makes a dump wait: it is built inside recvmsg.)
  Outcome read(uint8_t* memory, const Turn& turn = Turn());

  // From any thread; read() returns soon.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  // Not while read() runs.
  void close() {
    ahead_.stop();
    socket_.close();
    buffer_.reset();
  }

 private:
  // A look at the clock for each would take longer than one filter.
  static constexpr size_t matches_between_looks = 16;
  static constexpr size_t receives_in_a_read = 64;

  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // Puts entries into the slab until it is full (more) or none is there.
  Step fill(SlabWriter& slab, const Turn& turn, Failure& failure);
  Step next_message(Message& out, Failure& failure);
  Step take_end(const Message& message, Failure& failure);
  Step receive(Failure& failure);
  // Sends the first request.
  Failure begin();
  Failure start();
  // The conditions beside the family that the request has: AskedFields.
  uint32_t asked() const { return kind_ == DumpKind::dying ? 0 : asked_fields(ask_); }
  // After the end of a dump. False when it was the last one.
  bool another_family();
  bool can_ask_for_less(const Answer& answer) const;
  void ask_for_less();

  FilterRecord ask_;
  const DumpKind kind_;
  std::atomic<bool> cancelled_{false};
  uint8_t family_ = uapi::FAMILY_UNSPECIFIED;  // of the dump that is under way
  bool started_ = false;
  bool answered_ = false;  // with an entry, perhaps of the other family
  size_t receives_ = 0;    // in this read()
  Silence silence_;
  bool filtered_ = false;
  EntryFilter filter_;
  NetlinkSocket socket_;
  ReceiveAhead ahead_;
  size_t large_ = 0;  // datagrams that have come, one after the other, as those of large tables are
  std::unique_ptr<uint8_t[]> buffer_;  // receive_buffer_size bytes
  MessageReader messages_;             // what of buffer_ is still to be read
  RecentTuples recent_;
};

}  // namespace conntrack
