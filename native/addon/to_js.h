// Values for JavaScript, made with plain Node-API: they are made when a job has
// ended, perhaps in an environment that is being torn down, where every call may
// fail and none may throw.
#pragma once

#include <node_api.h>

#include "os/failure.h"

namespace conntrack::addon {

napi_value to_js(napi_env env, uint32_t number);
// A number, so exact up to 2^53 - 1.
napi_value to_js(napi_env env, uint64_t number);
napi_value to_js(napi_env env, bool boolean);
napi_value to_js(napi_env env, const char* text);

// { errno, syscall?, unanswered?, text? }, or undefined when nothing failed.
napi_value to_js(napi_env env, const Failure& failure);

// An object built property by property.
class JsObject {
 public:
  explicit JsObject(napi_env env) : env_(env) { napi_create_object(env, &object_); }

  JsObject& set(const char* name, napi_value value) {
    if (value) napi_set_named_property(env_, object_, name, value);
    return *this;
  }
  template <typename Value>
  JsObject& set(const char* name, const Value& value) {
    return set(name, to_js(env_, value));
  }
  napi_value value() const { return object_; }

 private:
  napi_env env_;
  napi_value object_ = nullptr;
};

}  // namespace conntrack::addon
