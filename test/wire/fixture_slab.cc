// Writes the slab that holds the entry of one fixture to standard output, so that
// TypeScript can read it: fixture_slab FILE.hex
#include "checked_decode.h"
#include "fixture.h"

int main(int count, char** arguments) {
  using namespace conntrack::test;
  if (count != 2) return 2;
  const Exact message(read_fixture(arguments[1]).message);
  TestSlab slab;
  if (checked_decode(message.bytes(), slab) != 1) {
    fprintf(stderr, "%s: no entry\n", arguments[1]);
    return 1;
  }
  return fwrite(slab.memory(), 1, conntrack::slab_size, stdout) == conntrack::slab_size ? 0 : 1;
}
