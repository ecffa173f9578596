// The kernel's end of a netlink socket, behind the kernel's lock.
#pragma once

#include <deque>

#include "kernel.h"
#include "message_builder.h"
#include "receiving_socket.h"

namespace conntrack::test {

class KernelSocket : private ReceivingSocket {
 public:
  KernelSocket(Kernel& kernel, int fd, uint32_t port_id);
  KernelSocket(const KernelSocket&) = delete;
  KernelSocket& operator=(const KernelSocket&) = delete;

  uint32_t port_id() const { return port_id_; }
  // In the header of a message that is sent: the port id of this socket.
  static constexpr uint32_t receiver = 0xfffffffe;

  // What the code sends -------------------------------------------------------------

  struct Request {
    uint16_t type;
    uint16_t flags;
    uint32_t sequence;
    Buffer bytes;  // all of it
  };
  // The requests in the next datagram that was sent. Waits for it.
  std::vector<Request> expect();
  // The same; none when nothing was sent.
  std::vector<Request> requests();
  // The datagram itself; false when none was sent.
  bool next_sent(Buffer& out);
  // Waits until something was sent or the socket is closed, or that time is over.
  void await_sent(int milliseconds);
  bool closed();

  // What it is sent -----------------------------------------------------------------

  // One datagram of these messages.
  void send(const std::vector<Buffer>& messages) { forge(0, messages); }
  // One that another process sends.
  void forge(uint32_t port_id, const std::vector<Buffer>& messages);
  // One whose sender is no netlink address.
  void send_from_nowhere(const std::vector<Buffer>& messages);
  // False when there is no room for it. (The real kernel builds a dump when it is read, and
  // the answer to a request when that is sent.)
  bool try_send(const Buffer& bytes, uint32_t sender);

  // An event for a multicast group. `netns`: the id of the namespace that it comes from,
  // as ours knows it; -1: our own.
  enum class Heard { yes, no, dropped, kept_for_later };
  Heard multicast(uint32_t group, const std::vector<Buffer>& messages, int32_t netns = -1);
  // So many events that find no room, whatever there is.
  void overrun(uint32_t events);
  // The same, by a sender that loses its processor before it counts them...
  void overrun_uncounted();
  // ...and has it again.
  void count_drops(uint32_t events);
  // An event for which the kernel had no memory (nfnetlink_set_err): nothing is counted.
  void out_of_memory();
  // The socket fails with this error once all has been taken, and from then on.
  void break_off(int error);

  size_t queued();
  // The next readings of its memory (SO_MEMINFO) show so many bytes more than are queued.
  void flicker(uint32_t bytes, size_t readings = 1);

  // How it was set up -----------------------------------------------------------------

  uint32_t groups();  // bit n - 1: group n
  bool reliable();
  bool hears_all_namespaces();
  uint32_t receive_buffer();
  bool filtered();

  // For system_calls.cc ---------------------------------------------------------------

  static bool is_one(int type, int protocol);
  // These return an errno, or 0.
  int bind();
  int name(sockaddr* address, socklen_t* size) const;
  int set_option(int level, int option, const void* value, size_t size);
  int get_option(int level, int option, void* value, socklen_t* size);
  // These return a negative errno when they fail.
  ssize_t take_sent(const void* bytes, size_t size, const sockaddr* to, socklen_t to_size);
  ssize_t receive(msghdr& message, int flags);
  int receive_many(mmsghdr* messages, unsigned count);
  // As poll() has it.
  short readiness();

 private:
  friend class Kernel;

  Buffer joined(const std::vector<Buffer>& messages) const;
  void queue(const Datagram& datagram);
  // After each change of what poll() sees; the kernel's lock is held.
  void settle();
  uint32_t shown_memory() override;

  Kernel& kernel_;
  const int fd_;  // an eventfd, readable while the socket is
  const uint32_t port_id_;
  bool signalled_ = false;
  bool bound_ = false;
  bool closed_ = false;
  size_t waits_ = 0;     // threads that wait for it in poll()
  size_t returned_ = 0;  // how often one has come back to that

  std::deque<Buffer> sent_;
  uint32_t flicker_ = 0;
  size_t flickering_ = 0;  // readings
};

}  // namespace conntrack::test
