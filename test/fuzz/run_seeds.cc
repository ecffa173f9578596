// Gives seeds to a target, without libFuzzer: TARGET [--fixtures FOLDER] FOLDER...
#include <cstdint>
#include <cstdio>
#include <memory>

#include "../wire/fixture.h"

using conntrack::test::Buffer;
using conntrack::test::Exact;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

static size_t seeds = 0;

static void run(const std::string& name, const Buffer& seed) {
  // The last name printed is that of a seed that ends the program.
  printf("%s\n", name.c_str());
  fflush(stdout);
  const Exact exact(seed);
  LLVMFuzzerTestOneInput(exact.bytes().data, exact.bytes().size);
  seeds++;
}

static void run_folder(const char* folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    run(entry.path(), Buffer(std::istreambuf_iterator<char>(file), {}));
  }
}

int main(int count, char** arguments) {
  for (int i = 1; i < count; i++) {
    if (std::string(arguments[i]) != "--fixtures") {
      run_folder(arguments[i]);
    } else if (++i < count) {
      for (const auto& fixture : conntrack::test::read_fixtures(arguments[i])) {
        run(fixture.name, fixture.message);
      }
    }
  }
  printf("%zu seeds\n", seeds);
  return seeds > 0 ? 0 : 1;
}
