// What JavaScript passes. It is read without coercion, which runs JavaScript: in
// a worker that is being terminated that gives empty values, and asking those
// anything is fatal.
#pragma once

#include <napi.h>

namespace conntrack::addon {

// A property of the first argument, which is an object of options; read it once. nullptr
// when the environment is ending: every conversion below takes that.
inline napi_value option(const Napi::CallbackInfo& info, const char* name) {
  napi_value value = nullptr;
  napi_get_named_property(info.Env(), info[0], name, &value);
  return value;
}

inline uint32_t to_number(napi_env env, napi_value value) {
  uint32_t number = 0;
  napi_get_value_uint32(env, value, &number);
  return number;
}

inline bool to_boolean(napi_env env, napi_value value) {
  bool boolean = false;
  napi_get_value_bool(env, value, &boolean);
  return boolean;
}

inline void refuse(Napi::Env env, const char* why) {
  Napi::TypeError::New(env, why).ThrowAsJavaScriptException();
}

}  // namespace conntrack::addon
