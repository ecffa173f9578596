// The kernel of a run: tables, netlink sockets and other descriptors, packets that change the
// tables, and the faults that the seed has drawn.
#pragma once

#include <memory>
#include <vector>

#include "random.h"
#include "socket.h"
#include "table.h"

namespace conntrack::test {

class Kernel {
 public:
  // Of each fault: once in so many times; 0: never.
  struct Plan {
    uint32_t keys = 32;             // of each table
    uint32_t maximum = 1000;        // entries of it
    uint32_t filled = 16;           // at first
    int64_t traffic = millisecond;  // between two changes by packets
    uint64_t burst = 1;             // changes at a time, at most
    size_t dump_bytes = 3800;       // of a datagram of a dump
    uint32_t receive_buffer = 212992;
    bool filters = true;   // it compares the filter of a dump
    bool refuses = false;  // a dump with the filter of a tuple
    bool connects = true;  // a socket can be connected to it
    bool privileged = true;
    uint64_t silence = 0;  // of answers
    uint64_t lateness = 0;
    uint64_t errors = 0;  // it grants what it has not done, and refuses what it could do: ENOMEM
    uint64_t interrupts = 0;
    uint64_t shortness = 0;  // recvmmsg
    uint64_t refusals = 0;   // sendto
    uint64_t stalls = 0;     // a thread loses its processor
    uint64_t forgeries = 0;  // of changes by packets
    bool ends = false;       // the second namespace
  };

  Kernel(Random& random, const Plan& plan);
  const Plan& plan() const { return plan_; }

  // Another thread: packets, and what the kernel does later.
  void run();
  void stop() { stopping_ = true; }

  Table& table(int number) { return *tables_[static_cast<size_t>(number)]; }
  static constexpr int tables = 2;
  bool has_ended(int table) const { return table == 1 && ended_; }

  // What the clients name ----------------------------------------------------------------------

  uint32_t new_mark() {
    marks_.push_back({});
    return static_cast<uint32_t>(marks_.size() - 1);
  }
  // A write with this mark.
  struct Write {
    size_t times = 0;
    int error = 0;
  };
  const Write& write(uint32_t mark) const { return marks_[mark]; }
  // All that were opened, in order.
  const std::vector<std::shared_ptr<Socket>>& sockets() const { return sockets_; }
  size_t open_descriptors() const;

  // System calls: -errno ----------------------------------------------------------------------

  struct File {
    enum Kind : uint8_t { closed, counter, socket, path, space, folder } kind = closed;
    bool is_semaphore = false;
    uint64_t count = 0;  // of an eventfd; of a namespace its number
    std::shared_ptr<Socket> netlink;
  };
  // Ends the run when it is not open. nullptr: not one of the simulation.
  File* file(int fd, const char* call);
  int open(File file);
  int open_socket(int protocol);
  ssize_t send(Socket& socket, const uint8_t* bytes, size_t size);
  void close(int fd);

 private:
  struct Late {
    int64_t due;
    std::shared_ptr<Socket> socket;
    Buffer bytes;  // empty: the dump goes on
  };
  struct Kept {  // a DESTROY that a reliable socket had no room for
    int64_t due;
    int table;
    Entry entry;
  };

  void handle(Socket& socket, uint16_t type, uint16_t flags, uint32_t sequence, Bytes payload);
  int do_request(Socket& socket, uint16_t type, uint16_t flags, uint32_t sequence, Bytes payload);
  int do_new(Socket& socket, uint16_t flags, Bytes attributes);
  int do_delete(Socket& socket, uint16_t flags, Bytes attributes);
  int start_dump(Socket& socket, uint16_t type, uint32_t sequence, uint8_t family,
                 Bytes attributes);
  void go_on(Socket& socket);
  bool dump_entries(Socket& socket, Buffer& out);
  bool dump_stats(Socket& socket, Buffer& out);
  void answer(Socket& socket, Buffer bytes);
  void put_off(const Socket& socket, int64_t due, Buffer bytes);

  void remove(Table& table, uint32_t key, uint32_t origin, Socket* echo);
  // False when a reliable socket had no room.
  bool broadcast(uint32_t group, Table& table, const Entry& entry, uint32_t origin,
                 const Socket* except);
  void change_by_packet();
  void forge();
  void end_namespace();

  Random& random_;
  const Plan plan_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<File> files_;
  std::vector<std::shared_ptr<Socket>> sockets_;
  std::vector<Write> marks_ = {{}};
  std::vector<Late> late_;
  std::vector<Kept> kept_;
  uint32_t next_id_ = 1;
  uint32_t next_event_ = 1;
  int64_t next_change_ = 0;
  int64_t answers_at_ = 0;  // of the datagram that is worked through; 0: at once
  int64_t ends_at_ = Threads::never;
  bool ended_ = false;
  bool stopping_ = false;
};

}  // namespace conntrack::test
