// libFuzzer: any bytes as a datagram. See README.md.
#include "checked_decode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static conntrack::test::TestSlab slab;
  conntrack::test::checked_decode({data, size}, slab);
  return 0;
}
