// Files of /proc: small, read as a whole, written in one piece.
#pragma once

#include <memory>

#include "os/failure.h"
#include "os/fd.h"
#include "wire/byte_reader.h"

namespace conntrack {

class SmallFile {
 public:
  // A line of /proc/net/stat/nf_conntrack is 160 bytes long: 6,000 processors.
  static constexpr size_t largest = 1 << 20;

  // In the network namespace of the calling thread, whose view the file then shows.
  Failure open(const char* path, bool to_write);

  // On any thread -------------------------------------------------------------

  // What is larger is a failure (EFBIG).
  Failure read();
  Bytes bytes() const { return {bytes_.get(), size_}; }

  Failure write(Bytes bytes);

  void close() { fd_.reset(); }

 private:
  bool grow();

  Fd fd_;
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace conntrack
