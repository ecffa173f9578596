// A filter as a classic BPF program for event sockets: what does not match is not
// even queued for us. The program runs where the kernel sends the event, which may
// be the path of a packet, so it is short, or is not.
//
// It lets pass all that the filter does, and what it cannot tell: states, labels,
// helpers, ICMP fields, zones of one direction and the keys of GRE, which look like
// ports. EntryFilter decides. Facts: net/core/filter.c, SKF_AD_NLATTR.
#pragma once

#include "wire/filter_record.h"

namespace conntrack {

// struct sock_filter of linux/filter.h.
struct FilterInstruction {
  uint16_t code;
  uint8_t if_true;
  uint8_t if_false;
  uint32_t k;
};
static_assert(sizeof(FilterInstruction) == 8);

struct FilterProgram {
  static constexpr size_t capacity = 512;

  FilterInstruction instructions[capacity];
  size_t count = 0;  // 0: no program, everything passes
};

// From filter records, as EntryFilter::parse takes them. Without a program when it
// would let everything pass, or would be too long.
void make_filter_program(Bytes records, FilterProgram& program);

}  // namespace conntrack
