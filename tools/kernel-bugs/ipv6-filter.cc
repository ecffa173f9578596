// A dump with CTA_FILTER compares IPv6 addresses the wrong way round: it returns every entry but
// those that were asked for.
#include <arpa/inet.h>

#include "kernel.h"

int main() {
  Kernel kernel;
  const auto flow = [](uint8_t number) {
    return Flow{true, IPPROTO_UDP, endpoint(true, number, 1000), endpoint(true, 9, 53)};
  };
  for (uint8_t number = 1; number <= 3; number++) create(kernel, flow(number));
  unsigned right = 0;
  unsigned wrong = 0;
  printf("a dump of the source fd00::1 returned:");
  dump_matching(kernel, flow(1), filter_source_address, [&](const nlmsghdr* entry) {
    const nlattr* addresses = find(find(entry, CTA_TUPLE_ORIG), CTA_TUPLE_IP);
    const nlattr* source = find(addresses, CTA_IP_V6_SRC);
    if (source == nullptr) return;
    char text[INET6_ADDRSTRLEN];
    printf(" %s", inet_ntop(AF_INET6, payload(source), text, sizeof text));
    (payload(source)[15] == 1 ? right : wrong)++;
  });
  printf("\n");
  conclude(wrong > 0 || right == 0);
}
