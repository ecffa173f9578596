// The ArrayBuffers that TypeScript hands over as slabs.
#pragma once

#include <napi.h>

#include "wire/filter_record.h"
#include "wire/slab.h"

namespace conntrack::addon {

// The memory of an ArrayBuffer; empty when the value is none.
inline Bytes buffer_bytes(napi_env env, napi_value value) {
  bool is_buffer = false;
  void* data = nullptr;
  size_t size = 0;
  if (napi_is_arraybuffer(env, value, &is_buffer) == napi_ok && is_buffer) {
    napi_get_arraybuffer_info(env, value, &data, &size);
  }
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

}  // namespace conntrack::addon
