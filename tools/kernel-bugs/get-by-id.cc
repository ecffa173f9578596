// A request for an entry ignores the id in it: it returns whatever entry has the tuple.
#include "kernel.h"

int main() {
  Kernel kernel;
  const Flow flow = {false, IPPROTO_UDP, endpoint(false, 1, 1000), endpoint(false, 2, 53)};
  create(kernel, flow);
  uint32_t id = 0;
  get(kernel, flow, [&](const nlmsghdr* entry) { id = integer_of(find(entry, CTA_ID)); });
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_GET, NLM_F_ACK, AF_INET);
  name(request, flow);
  request.integer(CTA_ID, ~id);
  uint32_t found = ~id;
  const int error = kernel.ask(
      request, bytes, [&](const nlmsghdr* entry) { found = integer_of(find(entry, CTA_ID)); });
  printf("a request for the tuple with another id answered \"%s\"%s\n", strerror(error),
         found == id ? ", with the entry" : "");
  conclude(error == 0 && found == id);
}
