// The fixtures: one message a file, in hexadecimal, under lines of comment.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "message_builder.h"

namespace conntrack::test {

struct Fixture {
  std::string name;
  Buffer message;
};

// They were recorded on little-endian machines. Headers are in the order of the host.
inline void to_host_order(Buffer& message) {
  if (host_is_little_endian) return;
  const auto swap = [&](size_t at, size_t size) {
    std::reverse(message.begin() + static_cast<long>(at),
                 message.begin() + static_cast<long>(at + size));
  };
  constexpr size_t fields[] = {0, 4, 4, 2, 6, 2, 8, 4, 12, 4};  // struct nlmsghdr
  for (size_t i = 0; i < std::size(fields); i += 2) swap(fields[i], fields[i + 1]);
  const std::function<void(size_t, size_t)> attributes = [&](size_t from, size_t to) {
    while (from + 4 <= to) {
      swap(from, 2);
      swap(from + 2, 2);
      uint16_t header[2];  // struct nlattr
      memcpy(header, &message[from], sizeof header);
      if (header[0] < 4 || from + header[0] > to) return;
      if ((header[1] & uapi::NLA_F_NESTED) != 0) attributes(from + 4, from + header[0]);
      from += (header[0] + 3) & ~3u;
    }
  };
  attributes(20, message.size());  // behind struct nfgenmsg
}

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
  to_host_order(fixture.message);
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
