// A netlink socket: its receive buffer, its overruns, and what the invariants need to know of it.
#pragma once

#include <sys/socket.h>

#include <deque>
#include <vector>

#include "bpf.h"

namespace conntrack::test {

class Table;

class Socket {
 public:
  Socket(int fd, uint32_t port_id, Table& table, uint32_t receive_buffer, bool is_route)
      : fd(fd),
        port_id(port_id),
        table(&table),
        is_route(is_route),
        receive_buffer_(receive_buffer) {}

  const int fd;
  const uint32_t port_id;
  Table* const table;
  const bool is_route;
  bool connected = false;
  bool closed = false;

  struct Datagram {
    Buffer bytes;
    uint32_t sender = 0;
    int32_t netns = -1;
    uint32_t memory() const;
  };
  // False when it found no room: the socket has an overrun then.
  bool queue(Datagram datagram);
  // Of a dump, whose next part is made when there is room (netlink_dump()).
  void append(Datagram datagram);
  // It is dropped without a look at the room.
  void overrun();
  // Every call fails with this error, once all that is queued has been taken.
  void break_off(int error) { broken_off_ = error; }
  bool has_room_for_dump() const { return memory_ <= receive_buffer_ / 2; }

  // The system calls. They return what the system does, and -errno.
  int name(sockaddr* address, socklen_t* size) const;
  int set_option(int level, int option, const void* value, size_t size);
  int get_option(int level, int option, void* value, socklen_t* size) const;
  ssize_t receive(msghdr& message);
  // An error behind the first datagram is kept for the next call (net/socket.c).
  int receive_many(mmsghdr* messages, unsigned count);
  short readiness() const;
  bool is_broken() const { return broken_off_ != 0; }

  bool hears(uint32_t group) const { return !closed && (groups_ & 1u << (group - 1)) != 0; }
  bool hears_all_namespaces() const { return all_namespaces_; }
  bool is_reliable() const { return broadcast_error_; }
  // Whether its program lets the message pass.
  bool passes(const Buffer& message) const;
  // Called when room was made.
  void (*drained)(Socket& socket) = nullptr;

  // What the invariants ask ------------------------------------------------------------------

  // Why a request may fail without an answer of the kernel, or with an error that it made up.
  bool excused = false;
  bool refused = false;  // EPERM
  bool made_up = false;  // ENOMEM
  std::vector<uint32_t> usages;

  // An event that was sent to it.
  struct Heard {
    uint32_t serial;
    bool dropped;
    int32_t netns;
  };
  std::vector<Heard> heard;
  size_t foreign = 0;
  size_t kept = 0;  // events that found no room, and are sent again

  // A request about an entry that was removed: the outcome of each.
  struct Removal {
    uint32_t id;
    int error;
  };
  std::vector<Removal> removals;
  size_t flushes = 0;
  size_t updates = 0;     // that were done
  uint32_t sequence = 0;  // of the request that came last

  // The dump that is under way.
  struct Dump {
    bool active = false;
    uint32_t sequence = 0;
    uint16_t type = 0;
    size_t bucket = 0;
    uint32_t last = 0;  // id of the entry where it goes on
    bool by_mark = false;
    uint32_t mark = 0;
    uint32_t mark_mask = 0;
    bool nothing = false;  // of a family without entries
    bool paused = false;
    size_t cpu = 0;
  } dump;

 private:
  ssize_t take(msghdr& message);

  std::deque<Datagram> queue_;
  uint32_t memory_ = 0;
  uint32_t receive_buffer_;
  uint32_t drops_ = 0;
  uint32_t groups_ = 0;
  int error_ = 0;
  int broken_off_ = 0;
  bool congested_ = false;
  bool no_enobufs_ = false;
  bool broadcast_error_ = false;
  bool all_namespaces_ = false;
  FilterProgram program_;
};

}  // namespace conntrack::test
