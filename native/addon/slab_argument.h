// The ArrayBuffers that TypeScript hands over as slabs.
#pragma once

#include <napi.h>

#include "wire/slab.h"

namespace conntrack::addon {

// The memory of a slab; nullptr with a TypeError pending when it is none.
inline uint8_t* slab_memory(Napi::Env env, Napi::Value value) {
  if (value.IsArrayBuffer()) {
    void* data = nullptr;
    size_t size = 0;
    napi_get_arraybuffer_info(env, value, &data, &size);
    if (data && size == slab_size) return static_cast<uint8_t*>(data);
  }
  Napi::TypeError::New(env, "a slab must be an ArrayBuffer of slabSize bytes")
      .ThrowAsJavaScriptException();
  return nullptr;
}

}  // namespace conntrack::addon
