// The ArrayBuffers that are slabs.
#pragma once

#include <napi.h>

#include "wire/filter_record.h"
#include "wire/slab.h"

namespace conntrack::addon {

inline bool is_buffer(napi_env env, napi_value value) {
  bool is = false;
  return napi_is_arraybuffer(env, value, &is) == napi_ok && is;
}

// The memory of an ArrayBuffer; empty when the value is none.
inline Bytes buffer_bytes(napi_env env, napi_value value) {
  void* data = nullptr;
  size_t size = 0;
  if (is_buffer(env, value)) napi_get_arraybuffer_info(env, value, &data, &size);
  return {static_cast<uint8_t*>(data), size};
}

// The first filter record of an ArrayBuffer; one that asks nothing when there is none.
inline FilterRecord filter_argument(napi_env env, napi_value value) {
  FilterRecord filter = {};
  read_host(buffer_bytes(env, value), 0, filter);
  return filter;
}

// The memory of a slab to fill; nullptr with a TypeError pending when it is none.
inline uint8_t* slab_memory(Napi::Env env, Napi::Value value) {
  const Bytes bytes = buffer_bytes(env, value);
  if (bytes.size == slab_size) return const_cast<uint8_t*>(bytes.data);
  Napi::TypeError::New(env, "a slab must be an ArrayBuffer of slab.size bytes")
      .ThrowAsJavaScriptException();
  return nullptr;
}

// A copy for JavaScript; nullptr when it is empty, or could not be made.
inline napi_value copy_slab(napi_env env, Bytes slab) {
  void* memory = nullptr;
  napi_value buffer = nullptr;
  if (slab.size == 0 || napi_create_arraybuffer(env, slab.size, &memory, &buffer) != napi_ok) {
    return nullptr;
  }
  memcpy(memory, slab.data, slab.size);
  return buffer;
}

// The same of a slab that is being filled, without the room that is left in it. `memory`: that of
// the copy.
template <typename Slab>
inline napi_value copy_compact(napi_env env, const Slab& slab, void** memory = nullptr) {
  void* own = nullptr;
  void** data = memory ? memory : &own;
  napi_value buffer = nullptr;
  if (napi_create_arraybuffer(env, slab.compact_size(), data, &buffer) != napi_ok) return nullptr;
  slab.copy_compact(static_cast<uint8_t*>(*data));
  return buffer;
}

}  // namespace conntrack::addon
