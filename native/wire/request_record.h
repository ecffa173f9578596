// The fixed layout of requests, as TypeScript writes them one behind the other. Each is laid out
// as a slab whose first record is what it is about, with another header.
#pragma once

#include "wire/expectation_slab.h"
#include "wire/slab.h"

namespace conntrack {

enum RequestKind : uint16_t {
  REQUEST_GET = 1,  // an entry record: its original tuple, else its reply tuple
  REQUEST_USAGE,
  REQUEST_CREATE,  // a specification
  REQUEST_UPDATE,  // a specification, and behind its extension the entry that changes
  REQUEST_DELETE,  // an entry record
  REQUEST_FLUSH,
  REQUEST_GET_EXPECTATION,  // an expectation record
  REQUEST_CREATE_EXPECTATION,
  REQUEST_DELETE_EXPECTATION,
  REQUEST_FLUSH_EXPECTATIONS,
  REQUEST_GET_TIMEOUTS,  // a timeout record, as all that follow
  REQUEST_CREATE_TIMEOUTS,
  REQUEST_REPLACE_TIMEOUTS,
  REQUEST_DELETE_TIMEOUTS,
  REQUEST_GET_DEFAULT_TIMEOUTS,
  REQUEST_SET_DEFAULT_TIMEOUTS,
  REQUEST_FLUSH_EXPECTATIONS_OF,  // an expectation record with a helper
  REQUEST_GET_ZERO,               // as REQUEST_GET; zeroes the counters that it reads
  REQUEST_UPDATE_EXPECTATION,     // an expectation record with its new timeout
};

inline constexpr LayoutField request_kinds[] = {
    {"get", REQUEST_GET},
    {"usage", REQUEST_USAGE},
    {"create", REQUEST_CREATE},
    {"update", REQUEST_UPDATE},
    {"remove", REQUEST_DELETE},
    {"flush", REQUEST_FLUSH},
    {"getExpectation", REQUEST_GET_EXPECTATION},
    {"createExpectation", REQUEST_CREATE_EXPECTATION},
    {"removeExpectation", REQUEST_DELETE_EXPECTATION},
    {"flushExpectations", REQUEST_FLUSH_EXPECTATIONS},
    {"getTimeouts", REQUEST_GET_TIMEOUTS},
    {"createTimeouts", REQUEST_CREATE_TIMEOUTS},
    {"replaceTimeouts", REQUEST_REPLACE_TIMEOUTS},
    {"removeTimeouts", REQUEST_DELETE_TIMEOUTS},
    {"getDefaultTimeouts", REQUEST_GET_DEFAULT_TIMEOUTS},
    {"setDefaultTimeouts", REQUEST_SET_DEFAULT_TIMEOUTS},
    {"flushExpectationsOf", REQUEST_FLUSH_EXPECTATIONS_OF},
    {"getAndZero", REQUEST_GET_ZERO},
    {"updateExpectation", REQUEST_UPDATE_EXPECTATION},
};

struct RequestHeader {
  uint32_t size;    // of the request with this header, a multiple of 8
  uint16_t kind;    // RequestKind
  uint16_t family;  // what a flush empties; 0: both
  uint32_t entry;   // where the entry of an update is
  uint32_t padding;
};
static_assert(sizeof(RequestHeader) == sizeof(SlabHeader));

inline constexpr LayoutField request_fields[] = {
    {"headerSize", sizeof(RequestHeader)},     {"size", offsetof(RequestHeader, size)},
    {"kind", offsetof(RequestHeader, kind)},   {"family", offsetof(RequestHeader, family)},
    {"entry", offsetof(RequestHeader, entry)},
};

// The result of a request. One that failed has a Failure besides.
struct AnswerRecord {
  uint32_t present;  // AnswerPresent
  uint32_t slab;     // number of the slab with its record; of a usage: entries
  uint32_t at;       // where the record is in it, in bytes; of a usage: the maximum
};

inline constexpr LayoutField answer_fields[] = {
    {"size", sizeof(AnswerRecord)},
    {"present", offsetof(AnswerRecord, present)},
    {"slab", offsetof(AnswerRecord, slab)},
    {"at", offsetof(AnswerRecord, at)},
    {"entries", offsetof(AnswerRecord, slab)},
    {"maxEntries", offsetof(AnswerRecord, at)},
};

enum AnswerPresent : uint32_t {
  ANSWER_DONE = 1u << 0,  // the kernel has done it; a failure is that of reading it back
  ANSWER_RECORD = 1u << 1,
  ANSWER_ENTRIES = 1u << 2,
  ANSWER_MAXIMUM = 1u << 3,  // Linux 4.18
};

inline constexpr LayoutField answer_present_bits[] = {
    {"done", ANSWER_DONE},
    {"record", ANSWER_RECORD},
    {"entries", ANSWER_ENTRIES},
    {"maxEntries", ANSWER_MAXIMUM},
};

// The first of the requests in `requests`, which is then without it. False when a length lies.
inline bool next_request(Bytes& requests, RequestHeader& header, Bytes& request) {
  if (!read_host(requests, 0, header)) return false;
  if (header.size < sizeof header || header.size % 8 != 0 || header.size > requests.size) {
    return false;
  }
  request = {requests.data, header.size};
  requests = {requests.data + header.size, requests.size - header.size};
  return true;
}

}  // namespace conntrack
