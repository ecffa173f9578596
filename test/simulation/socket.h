// A netlink socket, and what the invariants need to know of it.
#pragma once

#include <vector>

#include "receiving_socket.h"

namespace conntrack::test {

class Table;

class Socket : public ReceivingSocket {
 public:
  Socket(int fd, uint32_t port_id, Table& table, uint32_t receive_buffer, bool is_route)
      : ReceivingSocket(receive_buffer),
        fd(fd),
        port_id(port_id),
        table(&table),
        is_route(is_route) {}

  const int fd;
  const uint32_t port_id;
  Table* const table;
  const bool is_route;
  bool connected = false;
  bool closed = false;

  // netlink_dump()
  bool has_room_for_dump() const { return memory() <= receive_buffer_size() / 2; }
  bool hears(uint32_t group) const { return !closed && is_in(group); }
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
  void on_taken() override {
    if (drained) drained(*this);
  }
};

}  // namespace conntrack::test
