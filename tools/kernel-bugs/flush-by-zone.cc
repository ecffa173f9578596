// A delete of the entries of one zone deletes those of every zone where the kernel does not know
// the condition: it ignores what it does not know, also where that limits a delete.
#include "kernel.h"

int main() {
  Kernel kernel;
  create_three(kernel);
  const unsigned before = count(kernel);
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_UNSPEC);
  request.port(CTA_ZONE, 5);  // 16 bits, as a port; no entry is in it
  const int error = kernel.ask(request, bytes);
  const unsigned after = count(kernel);
  printf("a delete of the empty zone 5 answered \"%s\" and left %u of %u entries\n",
         strerror(error), after, before);
  conclude(after < before);
}
