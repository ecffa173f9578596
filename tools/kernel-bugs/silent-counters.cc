// A request for the counters of the processors without NLM_F_DUMP has no answer at all, neither
// data nor an error.
#include "kernel.h"

int main() {
  Kernel kernel;
  const auto answer = [&](uint16_t flags, unsigned* messages) {
    alignas(nlmsghdr) Bytes bytes = {};
    Request request(bytes, IPCTNL_MSG_CT_GET_STATS_CPU, flags, AF_UNSPEC);
    return kernel.ask(request, bytes, [&](const nlmsghdr*) { ++*messages; });
  };
  unsigned rows = 0;
  if (answer(NLM_F_DUMP, &rows) != 0) fail("the counters could not be read", EOPNOTSUPP);
  unsigned messages = 0;
  const int error = answer(0, &messages);
  const bool is_silent = error == Kernel::silent && messages == 0;
  printf("a dump returned the counters of %s; without NLM_F_DUMP came %s\n",
         rows > 0 ? "each processor" : "no processor",
         is_silent ? "nothing within a second" : "an answer");
  conclude(is_silent);
}
