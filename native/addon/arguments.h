// What JavaScript passes. It is read without coercion, which runs JavaScript: in
// a worker that is being terminated that gives empty values, and asking those
// anything is fatal.
#pragma once

#include <napi.h>

namespace conntrack::addon {

inline uint32_t number_argument(const Napi::CallbackInfo& info, size_t index) {
  uint32_t number = 0;
  napi_get_value_uint32(info.Env(), info[index], &number);
  return number;
}

inline bool boolean_argument(const Napi::CallbackInfo& info, size_t index) {
  bool boolean = false;
  napi_get_value_bool(info.Env(), info[index], &boolean);
  return boolean;
}

inline void refuse(Napi::Env env, const char* why) {
  Napi::TypeError::New(env, why).ThrowAsJavaScriptException();
}

}  // namespace conntrack::addon
