// A change of 32 of the 128 labels under a mask clears the other 96.
//
// The namespace needs a rule that sets a label, or entries have no room for them:
//   nft add table inet t; nft add chain inet t c; nft add rule inet t c ct label set 1
#include "kernel.h"

int main() {
  Kernel kernel;
  const Flow flow = {false, IPPROTO_UDP, endpoint(false, 1, 1000), endpoint(false, 2, 53)};
  create(kernel, flow);
  const auto change = [&](const uint32_t* labels, const uint32_t* mask, size_t size) {
    alignas(nlmsghdr) Bytes bytes = {};
    Request request(bytes, IPCTNL_MSG_CT_NEW, NLM_F_ACK, AF_INET);
    name(request, flow);
    request.put(CTA_LABELS, labels, size);
    request.put(CTA_LABELS_MASK, mask, size);
    const int error = kernel.ask(request, bytes);
    if (error != 0) fail("labels could not be set (is there a rule?)", error);
  };
  const uint32_t all[4] = {1, 1, 1, 1};
  const uint32_t every_bit[4] = {~0U, ~0U, ~0U, ~0U};
  change(all, every_bit, sizeof all);
  const uint32_t two = 2;
  change(&two, &two, sizeof two);
  uint32_t labels[4] = {};
  get(kernel, flow, [&](const nlmsghdr* entry) {
    const nlattr* found = find(entry, CTA_LABELS);
    if (found != nullptr) memcpy(labels, payload(found), sizeof labels);
  });
  printf("labels 1 1 1 1, of which bit 1 of the first word was to be set, are %x %x %x %x\n",
         labels[0], labels[1], labels[2], labels[3]);
  conclude(labels[1] == 0 && labels[2] == 0 && labels[3] == 0);
}
