// Loads a shared object with all its symbols resolved, and says why it cannot.
// Built by load.mjs, with stubs for Node-API.
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (dlopen(argv[1], RTLD_NOW)) return 0;
  fprintf(stderr, "%s\n", dlerror());
  return 1;
}
