// The only place that indexes received bytes. Every length is checked against
// what is really there before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <utility>

#include "wire/uapi.h"

namespace conntrack {

struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
};

// Netlink pads headers, attributes and messages to four bytes.
constexpr size_t align_to_four(size_t size) { return (size + 3) & ~size_t{3}; }

// Integers of the given byte order at an offset. False when they don't fit;
// bytes beyond the integer are left alone, because a newer kernel may append.
inline bool read_u8(Bytes bytes, size_t offset, uint8_t& out) {
  if (offset >= bytes.size) return false;
  out = bytes.data[offset];
  return true;
}

template <typename Integer>
inline bool read_host(Bytes bytes, size_t offset, Integer& out) {
  if (bytes.size < sizeof out || offset > bytes.size - sizeof out) return false;
  memcpy(&out, bytes.data + offset, sizeof out);
  return true;
}

constexpr bool host_is_little_endian = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

constexpr uint16_t big_endian(uint16_t value) {
  return host_is_little_endian ? __builtin_bswap16(value) : value;
}
constexpr uint32_t big_endian(uint32_t value) {
  return host_is_little_endian ? __builtin_bswap32(value) : value;
}
constexpr uint64_t big_endian(uint64_t value) {
  return host_is_little_endian ? __builtin_bswap64(value) : value;
}

template <typename Integer>
inline bool read_big_endian(Bytes bytes, Integer& out, size_t offset = 0) {
  if (!read_host(bytes, offset, out)) return false;
  out = big_endian(out);
  return true;
}

template <size_t Size>
inline bool read_array(Bytes bytes, uint8_t (&out)[Size]) {
  if (bytes.size < Size) return false;
  memcpy(out, bytes.data, Size);
  return true;
}

// A string attribute may or may not end in NUL; what follows a NUL is dropped.
inline Bytes read_string(Bytes bytes) {
  const void* end = bytes.size ? memchr(bytes.data, 0, bytes.size) : nullptr;
  if (end) bytes.size = static_cast<size_t>(static_cast<const uint8_t*>(end) - bytes.data);
  return bytes;
}

struct Attribute {
  uint16_t type = 0;
  Bytes payload;
};

// Walks a run of netlink attributes.
class AttributeReader {
 public:
  explicit AttributeReader(Bytes bytes) : rest_(bytes) {}

  // False at the end, and where a length lies: malformed() tells which.
  bool next(Attribute& out) {
    constexpr size_t header = 4;
    if (rest_.size < header) return false;  // up to three bytes of padding
    uint16_t length = 0;
    uint16_t type = 0;
    memcpy(&length, rest_.data, sizeof length);
    memcpy(&type, rest_.data + 2, sizeof type);
    if (length < header || length > rest_.size) {
      malformed_ = true;
      return false;
    }
    out.type = type & uapi::NLA_TYPE_MASK;
    out.payload = {rest_.data + header, length - header};
    const size_t step = align_to_four(length);
    if (step >= rest_.size) {
      rest_.size = 0;
    } else {
      rest_.data += step;
      rest_.size -= step;
    }
    return true;
  }

  bool malformed() const { return malformed_; }

 private:
  Bytes rest_;
  bool malformed_ = false;
};

struct AttributeHeader {
  size_t offset;
  uint16_t length;
  uint16_t type;
};

template <typename Shape, size_t... Index>
inline bool has_headers(Bytes bytes, std::index_sequence<Index...>) {
  const auto differs = [bytes](const AttributeHeader& expected) {
    const uint16_t header[] = {expected.length, expected.type};
    uint32_t wanted = 0;
    uint32_t found = 0;
    memcpy(&wanted, header, sizeof wanted);
    memcpy(&found, bytes.data + expected.offset, sizeof found);
    return wanted ^ found;
  };
  return (differs(Shape::headers[Index]) | ...) == 0;
}

// Whether a run of attributes has exactly the headers of `Shape`. The kernel
// writes most nests alike, and comparing all their headers at once costs a
// fraction of walking them.
template <typename Shape>
inline bool has_shape(Bytes bytes) {
  return bytes.size == Shape::size &&
         has_headers<Shape>(bytes, std::make_index_sequence<std::size(Shape::headers)>{});
}

}  // namespace conntrack
