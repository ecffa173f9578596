// The messages of the simulated kernel.
#pragma once

#include "message_builder.h"
#include "table.h"
#include "wire/entry_record.h"

namespace conntrack::test {

// Of the requests and answers about an entry: the address holds the table and the key.
uint32_t address_of(int table, uint32_t key);
struct Place {
  int table;
  uint32_t key;
};
Place place_of(uint32_t address);
Place place_of(const TupleRecord& tuple);
// As the product's callers give it.
EntryRecord key_record(int table, uint32_t key);

// A message about an entry. `use`: the value of CTA_USE.
void append_entry(Buffer& out, uint16_t type, uint16_t flags, uint32_t sequence, uint32_t port_id,
                  int table, const Entry& entry, uint32_t use);
constexpr size_t entry_size = 224;  // at most

Buffer error_message(uint32_t sequence, uint32_t port_id, int error);
Buffer done_message(uint32_t sequence, uint32_t port_id);
Buffer usage_message(uint32_t sequence, uint32_t port_id, uint32_t entries, uint32_t maximum);
Buffer stats_message(uint32_t sequence, uint32_t port_id, uint16_t cpu, uint32_t value);

// The payload of an attribute, or empty; through nested ones.
Bytes attribute_in(Bytes attributes, uint16_t type);
bool number_in(Bytes attributes, uint16_t type, uint32_t& out);

}  // namespace conntrack::test
