#include "wire/layout.h"

#include <set>
#include <string>

#include "check.h"

using namespace conntrack;

namespace {

constexpr LayoutField one_field[] = {{"a", 1}};

constexpr LayoutTable plain[] = {{"T", "", one_field}};
constexpr LayoutTable other_comment[] = {{"T", "of another kind", one_field}};
constexpr LayoutTable other_table_name[] = {{"U", "", one_field}};
constexpr LayoutTable twice[] = {{"T", "", one_field}, {"T", "", one_field}};

constexpr uint64_t hash_of_fields(const LayoutField& first, const LayoutField& second) {
  const LayoutField fields[] = {first, second};
  const LayoutTable tables[] = {{"T", "", fields}};
  return hash_of(tables);
}

}  // namespace

TEST(the_hash_is_fnv_1a) {
  LayoutHash hash;
  CHECK_EQUAL(hash.value(), 0xcbf29ce484222325u);
  // "foobar" is 0x85944171f73967e8 in the vectors of its authors; this adds a NUL.
  hash.add("foobar");
  CHECK_EQUAL(hash.value(), 0x85944171f73967e8u * 0x100000001b3u);
}

TEST(the_hash_is_of_names_and_numbers) {
  const uint64_t hash = hash_of_fields({"a", 1}, {"b", 2});
  CHECK(hash != hash_of_fields({"a", 2}, {"b", 2}));
  CHECK(hash != hash_of_fields({"a", 1}, {"b", 0x02000000}));
  CHECK(hash != hash_of_fields({"a", 1}, {"c", 2}));
  CHECK(hash != hash_of_fields({"b", 2}, {"a", 1}));
  CHECK(hash != hash_of(plain));
  CHECK(hash_of(plain) != hash_of(other_table_name));
  CHECK(hash_of(plain) != hash_of(twice));
  CHECK_EQUAL(hash_of(plain), hash_of(other_comment));
}

TEST(the_hash_is_written_in_hex) {
  CHECK_EQUAL(std::string(HexText{0x0123456789abcdef}.text), "0123456789abcdef");
  CHECK_EQUAL(std::string(HexText{1}.text), "0000000000000001");
  CHECK_EQUAL(std::string(layout_hash.text).size(), 16u);
}

TEST(no_name_stands_twice) {
  std::set<std::string> tables;
  for (const LayoutTable& table : layout) {
    CHECK(tables.insert(table.name).second);
    std::set<std::string> fields;
    for (const LayoutField& field : table) CHECK(fields.insert(field.name).second);
  }
}

TEST(a_value_has_a_bit_of_its_own) {
  for (const LayoutTable& table : layout) {
    if (std::string(table.name).find("_PRESENT") == std::string::npos) continue;
    uint32_t seen = 0;
    for (const LayoutField& field : table) {
      CHECK(field.number != 0 && (field.number & (field.number - 1)) == 0);
      CHECK_EQUAL(seen & field.number, 0u);
      seen |= field.number;
    }
  }
}

int main() { return check::run_tests(); }
