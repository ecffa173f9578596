// Turns the fixtures into a corpus for the fuzzer: fuzz_seeds FIXTURES CORPUS
#include <fstream>

#include "fixture.h"

int main(int count, char** arguments) {
  using namespace conntrack::test;
  if (count != 3) return 2;
  const std::filesystem::path corpus = arguments[2];
  std::filesystem::create_directories(corpus);
  for (const Fixture& fixture : read_fixtures(arguments[1])) {
    std::ofstream file(corpus / fixture.name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(fixture.message.data()),
               static_cast<std::streamsize>(fixture.message.size()));
  }
}
