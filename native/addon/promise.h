// Promises that are settled by hand.
#pragma once

#include <napi.h>

namespace conntrack::addon {

// A promise, and in `deferred` what settles it; empty with an exception pending.
inline Napi::Value make_promise(Napi::Env env, napi_deferred& deferred) {
  napi_value value = nullptr;
  if (napi_create_promise(env, &deferred, &value) == napi_ok) return {env, value};
  deferred = nullptr;
  return {};
}

// With undefined when `value` is nullptr.
inline void settle(napi_env env, napi_deferred& deferred, napi_value value) {
  if (!deferred) return;
  if (!value) napi_get_undefined(env, &value);
  if (value) napi_resolve_deferred(env, deferred, value);
  deferred = nullptr;
}

}  // namespace conntrack::addon
