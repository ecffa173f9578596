// A dump with CTA_FILTER leaves out the ports of SCTP without an error: it returns entries with
// other ports than those that were asked for.
#include "kernel.h"

int main() {
  Kernel kernel;
  const auto matched = [&](uint8_t protocol) {
    const auto flow = [&](uint16_t port) {
      return Flow{false, protocol, endpoint(false, 1, port), endpoint(false, 2, 200)};
    };
    create(kernel, flow(100));
    create(kernel, flow(101));
    unsigned entries = 0;
    dump_matching(kernel, flow(100), filter_protocol | filter_source_port,
                  [&](const nlmsghdr*) { entries++; });
    return entries;
  };
  const unsigned udp = matched(IPPROTO_UDP);
  const unsigned sctp = matched(IPPROTO_SCTP);
  printf("a dump of the source port 100 returned %u of 2 UDP and %u of 2 SCTP entries\n", udp,
         sctp);
  conclude(sctp != 1);
}
