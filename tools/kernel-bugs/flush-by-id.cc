// A delete that names an entry by its id alone deletes every entry of the table, and succeeds: the
// kernel takes each delete without a tuple as one of all.
#include "kernel.h"

int main() {
  Kernel kernel;
  create_three(kernel);
  const unsigned before = count(kernel);
  alignas(nlmsghdr) Bytes bytes = {};
  Request request(bytes, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_INET);
  request.integer(CTA_ID, 1);  // that none has
  const int error = kernel.ask(request, bytes);
  const unsigned after = count(kernel);
  printf("a delete of the id 1, which no entry has, answered \"%s\" and left %u of %u entries\n",
         strerror(error), after, before);
  conclude(after < before);
}
