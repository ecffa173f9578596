// Every fixture, and what becomes of it when bytes are cut off, bits flip, lengths
// lie, and attributes come in another order, twice, or not at all. What is decoded
// must be in range; where the meaning stays the same, so must the record.
#include <functional>
#include <random>

#include "check.h"
#include "checked_decode.h"
#include "decoded.h"
#include "fixture.h"

using namespace conntrack;
using namespace conntrack::test;

static std::vector<Fixture> fixtures;
static TestSlab slab;

static size_t decode(const Buffer& datagram) {
  const Exact bytes(datagram);
  return checked_decode(bytes.bytes(), slab);
}

TEST(every_fixture_is_an_entry) {
  CHECK(fixtures.size() >= 45);
  for (const Fixture& fixture : fixtures) {
    if (decode(fixture.message) != 1) std::cerr << fixture.name << '\n';
    CHECK_EQUAL(decode(fixture.message), 1u);
  }
}

TEST(all_fixtures_in_one_datagram) {
  Buffer datagram;
  for (const Fixture& fixture : fixtures) datagram = join({datagram, fixture.message});
  CHECK_EQUAL(decode(datagram), fixtures.size());
}

TEST(more_than_a_slab_holds) {
  for (const Fixture& fixture : fixtures) {
    Buffer datagram;
    for (int copy = 0; copy < 350; copy++) {
      datagram.insert(datagram.end(), fixture.message.begin(), fixture.message.end());
    }
    const size_t kept = decode(datagram);
    CHECK(kept > 150 && kept < 350);
  }
}

TEST(a_datagram_that_is_cut) {
  for (const Fixture& fixture : fixtures) {
    for (size_t size = 0; size < fixture.message.size(); size++) {
      Buffer cut(fixture.message.begin(), fixture.message.begin() + static_cast<long>(size));
      CHECK_EQUAL(decode(cut), 0u);
      if (size < 16) continue;
      set_message_length(cut);  // now the message itself ends early
      decode(cut);
    }
  }
}

TEST(every_single_bit) {
  for (const Fixture& fixture : fixtures) {
    Buffer flipped = fixture.message;
    for (size_t bit = 0; bit < flipped.size() * 8; bit++) {
      const auto mask = static_cast<uint8_t>(1 << bit % 8);
      flipped[bit / 8] ^= mask;
      decode(flipped);
      flipped[bit / 8] ^= mask;
    }
  }
}

TEST(every_pair_of_bytes_as_a_length_that_lies) {
  for (const Fixture& fixture : fixtures) {
    for (size_t at = 0; at + 2 <= fixture.message.size(); at += 2) {
      for (uint16_t value : {0, 1, 3, 4, 0xffff}) {
        Buffer lying = fixture.message;
        memcpy(lying.data() + at, &value, sizeof value);
        decode(lying);
      }
    }
  }
}

TEST(many_bytes_at_once) {
  std::mt19937 random(1);
  for (const Fixture& fixture : fixtures) {
    for (int round = 0; round < 500; round++) {
      Buffer noisy = fixture.message;
      for (uint32_t changes = 1 + random() % 8; changes != 0; changes--) {
        const size_t at = 16 + random() % (noisy.size() - 16);
        noisy[at] = static_cast<uint8_t>(random() % 4 == 0 ? random() : random() % 30);
      }
      decode(noisy);
    }
  }
}

// Attributes as a tree ------------------------------------------------------------------

// The kernel marks its nests, so no schema is needed.
struct Node {
  uint16_t type = 0;
  Buffer payload;
  std::vector<Node> children;

  bool is_nest() const { return (type & uapi::NLA_F_NESTED) != 0; }
};

static std::vector<Node> parse(const uint8_t* from, size_t size) {
  std::vector<Node> nodes;
  for (size_t at = 0; at + 4 <= size;) {
    uint16_t length = 0;
    Node node;
    memcpy(&length, from + at, sizeof length);
    memcpy(&node.type, from + at + 2, sizeof node.type);
    if (node.is_nest()) {
      node.children = parse(from + at + 4, size_t{length} - 4);
    } else {
      node.payload.assign(from + at + 4, from + at + length);
    }
    nodes.push_back(node);
    at += (length + 3) & ~3;
  }
  return nodes;
}

static Buffer write(const std::vector<Node>& nodes) {
  Buffer bytes;
  for (const Node& node : nodes) {
    bytes =
        join({bytes, attribute(node.type, node.is_nest() ? write(node.children) : node.payload)});
  }
  return bytes;
}

static std::vector<Node> tree_of(const Fixture& fixture) {
  return parse(fixture.message.data() + 20, fixture.message.size() - 20);
}

static Buffer message_of(const std::vector<Node>& tree) { return conntrack_message(write(tree)); }

using Siblings = std::vector<Node>;

// Calls `visit` for the list of attributes of each nest, the outermost included.
static void each_nest(Siblings& siblings, const std::function<void(Siblings&)>& visit) {
  visit(siblings);
  for (size_t i = 0; i < siblings.size(); i++) {
    if (siblings[i].is_nest()) each_nest(siblings[i].children, visit);
  }
}

// Decodes the tree as it is now, which must mean what the fixture means.
static Decoded check_same(const Fixture& fixture, const Siblings& tree, uint16_t unknown_more) {
  const Decoded expected(fixture.message);
  Buffer bytes = message_of(tree);
  std::copy_n(fixture.message.begin() + 4, 2, bytes.begin() + 4);  // the type
  Decoded entry(bytes);
  CHECK(entry.ok);
  CHECK_EQUAL(entry.record.unknown_attributes, expected.record.unknown_attributes + unknown_more);
  EntryRecord record = entry.record;
  record.unknown_attributes = expected.record.unknown_attributes;
  const bool same = same_entry(record, entry.extension, expected.record, expected.extension);
  CHECK(same);
  if (!same) std::cerr << fixture.name << '\n';
  decode(bytes);
  return entry;
}

TEST(attributes_in_another_order) {
  std::mt19937 random(2);
  for (const Fixture& fixture : fixtures) {
    Siblings tree = tree_of(fixture);
    CHECK(write(tree) == Buffer(fixture.message.begin() + 20, fixture.message.end()));
    each_nest(tree, [&](Siblings& siblings) { std::reverse(siblings.begin(), siblings.end()); });
    check_same(fixture, tree, 0);
    for (int round = 0; round < 10; round++) {
      each_nest(tree, [&](Siblings& siblings) {
        std::shuffle(siblings.begin(), siblings.end(), random);
      });
      check_same(fixture, tree, 0);
    }
  }
}

TEST(an_attribute_that_comes_twice) {
  for (const Fixture& fixture : fixtures) {
    const uint16_t unknown = Decoded(fixture.message).record.unknown_attributes;
    if (unknown != 0) continue;  // each would count twice
    Siblings tree = tree_of(fixture);
    each_nest(tree, [&](Siblings& siblings) {
      for (size_t i = 0; i < siblings.size(); i++) {
        siblings.insert(siblings.begin() + static_cast<long>(i), Node(siblings[i]));
        check_same(fixture, tree, 0);
        siblings.erase(siblings.begin() + static_cast<long>(i));
      }
    });
  }
}

TEST(an_attribute_of_a_newer_kernel) {
  const Node newer = {0x3ffe, {1, 2, 3}, {}};
  for (const Fixture& fixture : fixtures) {
    Siblings tree = tree_of(fixture);
    each_nest(tree, [&](Siblings& siblings) {
      for (size_t i = 0; i <= siblings.size(); i++) {
        siblings.insert(siblings.begin() + static_cast<long>(i), newer);
        check_same(fixture, tree, 1);
        siblings.erase(siblings.begin() + static_cast<long>(i));
      }
    });
  }
}

TEST(values_that_grew_in_a_newer_kernel) {
  for (const Fixture& fixture : fixtures) {
    Siblings tree = tree_of(fixture);
    each_nest(tree, [&](Siblings& siblings) {
      for (Node& node : siblings) {
        const bool is_integer = node.type != uapi::CTA_LABELS && node.payload.size() <= 8;
        if (node.is_nest() || !is_integer) continue;
        const Buffer before = node.payload;
        node.payload.resize(before.size() + 4, 0);
        check_same(fixture, tree, 0);
        node.payload = before;
      }
    });
  }
}

TEST(an_attribute_that_is_missing) {
  for (const Fixture& fixture : fixtures) {
    Siblings tree = tree_of(fixture);
    each_nest(tree, [&](Siblings& siblings) {
      for (size_t i = 0; i < siblings.size(); i++) {
        const Node removed = siblings[i];
        siblings.erase(siblings.begin() + static_cast<long>(i));
        decode(message_of(tree));
        siblings.insert(siblings.begin() + static_cast<long>(i), removed);
      }
    });
  }
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  fixtures = read_fixtures(arguments[1]);
  return check::run_tests();
}
