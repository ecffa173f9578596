// A long timeout overflows without an error: the kernel multiplies the seconds by its ticks per
// second in 32 bits. Seen where a program sets the default timeouts of UDP.
#include <linux/netfilter/nfnetlink_cttimeout.h>

#include "kernel.h"

constexpr uint32_t asked = 1U << 30;

int main() {
  Kernel kernel;
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_TIMEOUT_DEFAULT_SET, NLM_F_ACK, AF_INET);
  reinterpret_cast<nlmsghdr*>(bytes)->nlmsg_type =
      NFNL_SUBSYS_CTNETLINK_TIMEOUT << 8 | IPCTNL_MSG_TIMEOUT_DEFAULT_SET;
  const uint16_t ipv4 = htons(AF_INET);
  request.put(CTA_TIMEOUT_L3PROTO, &ipv4, sizeof ipv4);
  const uint8_t udp = IPPROTO_UDP;
  request.put(CTA_TIMEOUT_L4PROTO, &udp, sizeof udp);
  const size_t data = request.begin(CTA_TIMEOUT_DATA | NLA_F_NESTED);
  request.integer(CTA_TIMEOUT_UDP_UNREPLIED, asked);
  request.end(data);
  const int error = kernel.ask(request, bytes);
  FILE* file = fopen("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "r");
  long seconds = 0;
  if (file == nullptr || fscanf(file, "%ld", &seconds) != 1) fail("udp_timeout", errno);
  fclose(file);
  printf("a default timeout of %u seconds answered \"%s\"; it is %ld now\n", asked, strerror(error),
         seconds);
  conclude(error == 0 && seconds != asked);
}
