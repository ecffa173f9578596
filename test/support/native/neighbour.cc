// Another program on the same table. It does what the lines of stdin say, and prints for each how
// many entries the kernel changed and how many requests it refused:
//
//   create FIRST COUNT        entries of these numbers: every other one IPv6, every other two TCP,
//                             an eighth in zone 1, a sixth with source NAT
//   update FIRST COUNT MARK   gives them another mark
//   delete FIRST COUNT
//   flush                     the whole table; 1 is one flush
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "table_request.h"

namespace {

// 10.192.0.0 and fd02:: have these entries alone.
constexpr uint32_t address_space = 0x0ac00000;
constexpr unsigned requests_a_send = 100;
constexpr size_t largest_request = 320;
constexpr uint8_t tcp_established = 3;

[[noreturn]] void fail(const char* what) {
  fprintf(stderr, "neighbour: %s: %s\n", what, strerror(errno));
  exit(1);
}

enum class Act { create, update, remove };

Endpoint client(bool ipv6, uint32_t number) {
  // By port, NAT finds a free tuple at once.
  Endpoint endpoint = {{}, static_cast<uint16_t>(1024 + number % 60000)};
  const uint32_t wire = htonl(ipv6 ? number : address_space + number);
  memcpy(endpoint.address + (ipv6 ? 12 : 0), &wire, sizeof wire);
  if (ipv6) {
    endpoint.address[0] = 0xfd;
    endpoint.address[1] = 2;
  }
  return endpoint;
}

Endpoint server(bool ipv6) {
  if (ipv6) return {{0xfd, 3}, 53};
  return {{192, 0, 2, 7}, 53};
}

void put_tcp(Request& out) {
  const size_t info = out.begin(CTA_PROTOINFO);
  const size_t tcp = out.begin(CTA_PROTOINFO_TCP);
  out.put(CTA_PROTOINFO_TCP_STATE, &tcp_established, sizeof tcp_established);
  out.end(tcp);
  out.end(info);
}

void put_source_nat(Request& out) {
  const uint8_t address[] = {198, 51, 100, 7};
  const size_t nat = out.begin(CTA_NAT_SRC);
  out.put(CTA_NAT_V4_MINIP, address, sizeof address);
  out.put(CTA_NAT_V4_MAXIP, address, sizeof address);
  out.end(nat);
}

size_t write_request(uint8_t* at, Act act, uint32_t number, uint32_t mark) {
  const bool ipv6 = number % 2 == 1;
  const bool tcp = number % 4 < 2;
  const uint8_t protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
  Request out(at, act == Act::remove ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW,
              act == Act::create ? NLM_F_CREATE | NLM_F_EXCL : 0, ipv6 ? AF_INET6 : AF_INET);
  out.tuple(CTA_TUPLE_ORIG, ipv6, client(ipv6, number), server(ipv6), protocol);
  if (number % 8 == 4) out.port(CTA_ZONE, 1);
  if (act == Act::create) {
    out.tuple(CTA_TUPLE_REPLY, ipv6, server(ipv6), client(ipv6, number), protocol);
    out.integer(CTA_TIMEOUT, 86400);
    out.integer(CTA_STATUS, IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED);
    if (tcp) put_tcp(out);
    if (number % 6 == 0) put_source_nat(out);
  }
  if (act != Act::remove && mark != 0) out.integer(CTA_MARK, mark);
  return out.finish();
}

class Kernel {
 public:
  Kernel() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)) {
    if (fd_ < 0) fail("socket");
  }

  // Returns how many of them the kernel refused.
  unsigned apply(Act act, uint32_t first, uint32_t count, uint32_t mark) {
    unsigned refused = 0;
    const uint32_t end = first + count;
    for (uint32_t number = first; number < end;) {
      size_t size = 0;
      memset(buffer_, 0, sizeof buffer_);
      for (unsigned i = 0; i < requests_a_send && number < end; i++, number++) {
        size += write_request(buffer_ + size, act, number, mark);
      }
      refused += send_requests(size);
    }
    return refused;
  }

  unsigned flush() {
    memset(buffer_, 0, largest_request);
    Request out(buffer_, IPCTNL_MSG_CT_DELETE, 0, AF_UNSPEC);
    return send_requests(out.finish());
  }

 private:
  // The kernel has worked on a request when send() returns, and answers only errors.
  unsigned send_requests(size_t size) {
    if (send(fd_, buffer_, size, 0) < 0) fail("send");
    unsigned answers = 0;
    while (recv(fd_, buffer_, sizeof buffer_, MSG_DONTWAIT) >= 0) answers++;
    if (errno != EAGAIN) fail("recv");
    return answers;
  }

  const int fd_;
  alignas(8) uint8_t buffer_[requests_a_send * largest_request];
};

}  // namespace

int main() {
  static Kernel kernel;
  char line[128];
  while (fgets(line, sizeof line, stdin) != nullptr) {
    char act[16] = {};
    unsigned first = 0;
    unsigned count = 0;
    unsigned mark = 0;
    const int words = sscanf(line, "%15s %u %u %u", act, &first, &count, &mark);
    unsigned asked = count;
    unsigned refused = 0;
    if (strcmp(act, "create") == 0 && words == 3) {
      refused = kernel.apply(Act::create, first, count, 0);
    } else if (strcmp(act, "update") == 0 && words == 4) {
      refused = kernel.apply(Act::update, first, count, mark);
    } else if (strcmp(act, "delete") == 0 && words == 3) {
      refused = kernel.apply(Act::remove, first, count, 0);
    } else if (strcmp(act, "flush") == 0) {
      asked = 1;
      refused = kernel.flush();
    } else {
      fprintf(stderr, "neighbour: no such line: %s", line);
      return 2;
    }
    printf("%u %u\n", asked - refused, refused);
    fflush(stdout);
  }
  return 0;
}
