// The mutator of targets whose input is a datagram. It changes attributes, so that most mutants are
// well-formed; in one of four it changes bytes.
#include <algorithm>
#include <random>

#include "message_builder.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace conntrack::test {

namespace {

constexpr size_t header_size = 20;  // with nfgenmsg

struct Node {
  uint16_t type = 0;
  Buffer payload;
  std::vector<Node> children;  // of one with NLA_F_NESTED

  bool is_nest() const { return (type & uapi::NLA_F_NESTED) != 0; }
};
using Siblings = std::vector<Node>;

Siblings parse(const uint8_t* from, size_t size) {
  Siblings nodes;
  for (size_t at = 0; at + 4 <= size;) {
    uint16_t length = 0;
    Node node;
    memcpy(&length, from + at, sizeof length);
    memcpy(&node.type, from + at + 2, sizeof node.type);
    if (length < 4 || length > size - at) break;
    const uint8_t* payload = from + at + 4;
    if (node.is_nest()) {
      node.children = parse(payload, length - size_t{4});
    } else {
      node.payload.assign(payload, payload + length - 4);
    }
    nodes.push_back(node);
    at += (length + 3) & ~3;
  }
  return nodes;
}

Buffer write(const Siblings& nodes) {
  Buffer bytes;
  for (const Node& node : nodes) {
    const Buffer one = attribute(node.type, node.is_nest() ? write(node.children) : node.payload);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  uint32_t below(size_t limit) { return static_cast<uint32_t>(random_() % limit); }

  void siblings(Siblings& nodes) {
    if (nodes.empty()) {
      nodes.push_back({static_cast<uint16_t>(below(30)), Buffer(below(20)), {}});
      return;
    }
    const size_t at = below(nodes.size());
    const auto place = nodes.begin() + static_cast<long>(at);
    if (nodes[at].is_nest() && below(4) != 0) return siblings(nodes[at].children);
    switch (below(8)) {
      case 0:
        nodes.insert(nodes.begin() + below(nodes.size() + 1), Node(nodes[at]));
        break;
      case 1:
        nodes.erase(place);
        break;
      case 2:
        std::swap(nodes[at], nodes[below(nodes.size())]);
        break;
      case 3:
        nodes[at].type = static_cast<uint16_t>((nodes[at].type & 0xc000) | below(33));
        break;
      case 4:
        nodes[at].payload.resize(below(24));
        break;
      default:
        bytes(nodes[at].payload, nodes[at].payload.size() + 8);
    }
  }

  // The type, the flags, or any byte.
  void header(Buffer& header) {
    switch (below(4)) {
      case 0:
        header[4] = static_cast<uint8_t>(below(8));
        break;
      case 1:
        header[6 + below(2)] ^= static_cast<uint8_t>(1 << below(8));
        break;
      default:
        bytes(header, header_size);
        header.resize(header_size);
    }
  }

  void bytes(Buffer& buffer, size_t most) {
    const size_t size = buffer.size();
    buffer.resize(most);
    buffer.resize(LLVMFuzzerMutate(buffer.data(), size, most));
  }

 private:
  std::minstd_rand random_;
};

// The messages of a datagram, each with all of its bytes.
std::vector<Buffer> split(const uint8_t* data, size_t size) {
  std::vector<Buffer> messages;
  while (size >= header_size) {
    uint32_t length = 0;
    memcpy(&length, data, sizeof length);
    if (length < header_size || length > size) length = static_cast<uint32_t>(size);
    messages.emplace_back(data, data + length);
    const size_t step = std::min(size, (size_t{length} + 3) & ~size_t{3});
    data += step;
    size -= step;
  }
  return messages;
}

}  // namespace

}  // namespace conntrack::test

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  using namespace conntrack::test;
  Mutator mutator(seed);
  std::vector<Buffer> messages = split(data, size);
  if (messages.empty() || mutator.below(4) == 0) return LLVMFuzzerMutate(data, size, max_size);
  Buffer& chosen = messages[mutator.below(messages.size())];
  Buffer header(chosen.begin(), chosen.begin() + header_size);
  Siblings tree = parse(chosen.data() + header_size, chosen.size() - header_size);
  if (mutator.below(6) == 0) {
    mutator.header(header);
  } else {
    for (uint32_t changes = 1 + mutator.below(3); changes > 0; changes--) mutator.siblings(tree);
  }
  chosen = join({header, write(tree)});
  set_message_length(chosen);
  if (mutator.below(32) == 0) messages.push_back(messages[mutator.below(messages.size())]);
  Buffer datagram;
  for (const Buffer& message : messages) datagram = join({datagram, message});
  const size_t kept = std::min(datagram.size(), max_size);
  if (kept > 0) memcpy(data, datagram.data(), kept);
  return kept;
}
