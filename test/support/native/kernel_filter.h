// The verdict of the real kernel about a classic BPF program and a message: a socket that the
// program is attached to gets the message, or does not. The socket is a UNIX one, to whose
// datagrams the kernel applies programs as to those of netlink (sk_filter), and which needs no
// table.
#pragma once

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message_builder.h"
#include "require.h"
#include "wire/filter_program.h"

namespace conntrack::test {

class KernelFilter {
 public:
  KernelFilter() { REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends_) == 0); }
  ~KernelFilter() {
    for (const int end : ends_) ::close(end);
  }
  KernelFilter(const KernelFilter&) = delete;
  KernelFilter& operator=(const KernelFilter&) = delete;

  // Takes the place of the program before it. The kernel must accept it.
  void attach(const FilterProgram& program) {
    static_assert(sizeof(sock_filter) == sizeof(FilterInstruction));
    sock_filter instructions[FilterProgram::capacity];
    memcpy(instructions, program.instructions, program.count * sizeof(sock_filter));
    const sock_fprog attached = {static_cast<unsigned short>(program.count), instructions};
    REQUIRE(::setsockopt(ends_[1], SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) == 0);
  }

  // Whether all of the message passes.
  bool passes(const Buffer& message) {
    const auto size = static_cast<ssize_t>(message.size());
    REQUIRE(::send(ends_[0], message.data(), message.size(), 0) == size);
    uint8_t byte = 0;
    const ssize_t received = ::recv(ends_[1], &byte, 1, MSG_DONTWAIT | MSG_TRUNC);
    REQUIRE(received == size || (received < 0 && errno == EAGAIN));
    return received == size;
  }

 private:
  int ends_[2] = {-1, -1};
};

}  // namespace conntrack::test
