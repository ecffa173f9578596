// A change that the kernel refuses is made in part: it applies one attribute after the other, and
// keeps those before the one that it refuses.
#include "kernel.h"

int main() {
  Kernel kernel;
  const Flow flow = {false, IPPROTO_UDP, endpoint(false, 1, 1000), endpoint(false, 2, 53)};
  create(kernel, flow);
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_NEW, NLM_F_ACK, AF_INET);
  name(request, flow);
  request.integer(CTA_TIMEOUT, 500);
  request.integer(CTA_STATUS, 0);  // without CONFIRMED, which no change may take away
  const int error = kernel.ask(request, bytes);
  uint32_t timeout = 0;
  get(kernel, flow, [&](const nlmsghdr* entry) { timeout = integer_of(find(entry, CTA_TIMEOUT)); });
  printf(
      "a change of the timeout from 1000 to 500 and of the status answered \"%s\"; "
      "the timeout is %s 500 now\n",
      strerror(error), timeout > 500 ? "above" : "at most");
  conclude(error != 0 && timeout <= 500);
}
