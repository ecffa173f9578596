// Gives each file of the folders to the target, without libFuzzer: TARGET FOLDER...
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

static void run(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> read{std::istreambuf_iterator<char>(file), {}};
  // Nothing behind it: AddressSanitizer sees a read one byte too far.
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[read.size()]);
  for (size_t i = 0; i < read.size(); i++) bytes[i] = static_cast<uint8_t>(read[i]);
  // The last name printed is that of a seed that ends the program.
  printf("%s\n", path.c_str());
  fflush(stdout);
  LLVMFuzzerTestOneInput(bytes.get(), read.size());
}

int main(int count, char** arguments) {
  size_t seeds = 0;
  for (int i = 1; i < count; i++) {
    for (const auto& file : std::filesystem::directory_iterator(arguments[i])) {
      run(file.path());
      seeds++;
    }
  }
  printf("%zu seeds\n", seeds);
  return seeds > 0 ? 0 : 1;
}
