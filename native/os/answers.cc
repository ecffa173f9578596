#include "os/answers.h"

#include "wire/decode_expectation.h"
#include "wire/decode_timeout.h"

namespace conntrack {

int ExpectationAnswer::take(const Message& message) {
  ExpectationRecord decoded = {};
  ExpectationExtension extension;
  if (!decode_expectation(message, decoded, extension)) return EBADMSG;
  const size_t size = extension_size(decoded, extension);
  ExpectationRecord* record = nullptr;
  ExpectationSlab* slab = reserve(size, record);
  if (!slab) return ENOMEM;
  *record = decoded;
  if (size > 0) write_extension(slab->extend(size, record->extension), extension);
  slab->commit();
  return 0;
}

int TimeoutAnswer::take(const Message& message) {
  TimeoutRecord decoded = {};
  if (!decode_timeout_policy(message, decoded)) return EBADMSG;
  TimeoutRecord* record = nullptr;
  TimeoutSlab* slab = reserve(0, record);
  if (!slab) return ENOMEM;
  *record = decoded;
  slab->commit();
  return 0;
}

}  // namespace conntrack
