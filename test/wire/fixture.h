// The fixtures: one message a file, in hexadecimal, under lines of comment.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "message_builder.h"

namespace conntrack::test {

struct Fixture {
  std::string name;
  Buffer message;
};

inline Fixture read_fixture(const std::filesystem::path& path) {
  Fixture fixture = {path.stem().string(), {}};
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::string digits;
    for (char c : line) {
      if (c != ' ') digits += c;
    }
    for (size_t at = 0; at + 1 < digits.size(); at += 2) {
      fixture.message.push_back(
          static_cast<uint8_t>(std::stoul(digits.substr(at, 2), nullptr, 16)));
    }
  }
  return fixture;
}

inline std::vector<Fixture> read_fixtures(const std::filesystem::path& folder) {
  std::vector<Fixture> fixtures;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".hex") fixtures.push_back(read_fixture(file.path()));
  }
  std::sort(fixtures.begin(), fixtures.end(),
            [](const Fixture& a, const Fixture& b) { return a.name < b.name; });
  return fixtures;
}

}  // namespace conntrack::test
