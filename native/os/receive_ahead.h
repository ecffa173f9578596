// A thread that receives the datagrams of a large dump ahead of the one that decodes
// them: the kernel builds each inside of recvmsg, and need not wait for us meanwhile.
#pragma once

#include <atomic>
#include <memory>

#include "os/netlink_socket.h"
#include "os/semaphore.h"
#include "os/thread.h"

namespace conntrack {

class ReceiveAhead {
 public:
  ReceiveAhead() = default;
  ReceiveAhead(const ReceiveAhead&) = delete;
  ReceiveAhead& operator=(const ReceiveAhead&) = delete;
  ~ReceiveAhead() { stop(); }

  // The socket must outlive it. Where there is no memory or no thread for it, nothing
  // starts: it is not needed.
  void start(NetlinkSocket& socket);
  bool started() const { return static_cast<bool>(slots_); }

  // The next datagram, as NetlinkSocket::receive() gives it. Its bytes are good until the
  // next call.
  Failure next(int milliseconds, NetlinkSocket::Datagram& out);

  // Waits for a datagram at most.
  void stop();

 private:
  // 1 MiB, of which the kernel fills half.
  static constexpr uint32_t capacity = 16;
  // Waking the other thread costs as much as decoding a datagram: it happens for so many.
  static constexpr uint32_t enough = capacity / 2;

  struct Slot {
    NetlinkSocket::Datagram datagram;
    Failure failure;
    uint8_t bytes[receive_buffer_size];
  };

  static void run(void* ahead) { static_cast<ReceiveAhead*>(ahead)->run(); }
  void run();
  uint32_t waiting() const { return filled_.load() - taken_.load(); }
  void wait_for_room();
  void wait_for_kernel();
  void wake_decoder();

  std::unique_ptr<Slot[]> slots_;
  NetlinkSocket* socket_ = nullptr;
  Thread thread_;
  std::atomic<uint32_t> filled_{0};
  std::atomic<uint32_t> taken_{0};
  std::atomic<bool> stopping_{false};
  // Who sets one of these waits for its semaphore; who takes it back posts.
  std::atomic<bool> wanted_{false};  // the thread that decodes wants datagrams
  std::atomic<bool> full_{false};    // the one that receives wants room
  Semaphore datagrams_;
  Semaphore room_;
  bool holding_ = false;  // the datagram that was given last is still being read
};

}  // namespace conntrack
