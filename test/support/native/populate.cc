// Fills and changes a table, fast.
//
//   populate create FIRST COUNT   creates the entries of these numbers: UDP, the odd ones IPv6
//   populate churn FIRST COUNT    creates and deletes them over and over until stdin ends, then
//                                 prints how many times
//   populate delete               deletes the entries whose numbers come through stdin
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table_request.h"

namespace {

constexpr unsigned requests_a_send = 100;
constexpr size_t largest_request = 256;

[[noreturn]] void fail(const char* what, int error) {
  fprintf(stderr, "populate: %s: %s\n", what, strerror(error));
  exit(1);
}

// fd00::N or 10.N: no two entries share one.
Endpoint client(bool ipv6, uint32_t number) {
  Endpoint endpoint = {{}, 40000};
  const uint32_t wire = htonl(number);
  memcpy(endpoint.address + (ipv6 ? 12 : 0), &wire, sizeof wire);
  endpoint.address[0] = ipv6 ? 0xfd : 10;
  return endpoint;
}

Endpoint server(bool ipv6) {
  if (ipv6) return {{0xfd, 1}, 53};
  return {{192, 0, 2, 1}, 53};
}

size_t write_request(uint8_t* at, bool create, uint32_t number) {
  const bool ipv6 = number % 2 == 1;
  const Endpoint from = client(ipv6, number);
  const Endpoint to = server(ipv6);
  Request out(at, create ? IPCTNL_MSG_CT_NEW : IPCTNL_MSG_CT_DELETE,
              create ? NLM_F_CREATE | NLM_F_EXCL : 0, ipv6 ? AF_INET6 : AF_INET);
  out.tuple(CTA_TUPLE_ORIG, ipv6, from, to);
  if (create) {
    out.tuple(CTA_TUPLE_REPLY, ipv6, to, from);
    out.integer(CTA_TIMEOUT, 86400);
    out.integer(CTA_STATUS, IPS_CONFIRMED);
  }
  return out.finish();
}

class Kernel {
 public:
  Kernel() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) {
    if (fd_ < 0) fail("socket", errno);
  }

  void apply(bool create, uint32_t first, uint32_t count) {
    const uint32_t end = first + count;
    for (uint32_t number = first; number < end;) {
      size_t size = 0;
      memset(buffer_, 0, sizeof buffer_);
      for (unsigned i = 0; i < requests_a_send && number < end; i++, number++) {
        size += write_request(buffer_ + size, create, number);
      }
      if (send(fd_, buffer_, size, 0) < 0) fail("send", errno);
      check_answers();
    }
  }

 private:
  // The kernel has worked on a request when send() returns, and answers only errors.
  void check_answers() {
    struct {
      nlmsghdr header;
      nlmsgerr answer;
    } error;
    if (recv(fd_, &error, sizeof error, MSG_DONTWAIT) >= 0) fail("kernel", -error.answer.error);
    if (errno != EAGAIN) fail("recv", errno);
  }

  const int fd_;
  alignas(8) uint8_t buffer_[requests_a_send * largest_request];
};

bool stdin_ended() {
  pollfd in = {STDIN_FILENO, POLLIN, 0};
  return poll(&in, 1, 0) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  static Kernel kernel;
  if (argc == 2 && strcmp(argv[1], "delete") == 0) {
    for (uint32_t number; scanf("%u", &number) == 1;) kernel.apply(false, number, 1);
    return 0;
  }
  if (argc != 4) fail("usage", EINVAL);
  const auto first = static_cast<uint32_t>(strtoul(argv[2], nullptr, 10));
  const auto count = static_cast<uint32_t>(strtoul(argv[3], nullptr, 10));
  if (strcmp(argv[1], "create") == 0) {
    kernel.apply(true, first, count);
    return 0;
  }
  unsigned times = 0;
  while (!stdin_ended()) {
    kernel.apply(true, first, count);
    kernel.apply(false, first, count);
    times++;
  }
  printf("%u\n", times);
  return 0;
}
