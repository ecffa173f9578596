// Promises that are settled by hand.
//
// A napi_deferred whose environment ends first is lost: Node-API frees it only where it can
// settle it, and there JavaScript may not run. So here a promise is made as JavaScript makes
// one, and what resolves it is a reference, which can be deleted at any time.
#pragma once

#include <napi.h>

namespace conntrack::addon {

// Prepares an environment for promises. Once, when the addon is loaded in it.
void define_promises(napi_env env);

class Deferred {
 public:
  Deferred() = default;
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  // A promise that waits, or an empty value with an exception pending.
  Napi::Value make(Napi::Env env);

  // True while a promise waits.
  explicit operator bool() const { return resolve_; }

  // Resolves the promise that waits; with undefined when `value` is nullptr. Where JavaScript
  // may not run any more, it only forgets the promise.
  void settle(napi_env env, napi_value value = nullptr);

  // The promise is never settled. Its owner calls this, or settle(), before it ends.
  void forget(napi_env env);

 private:
  napi_ref resolve_ = nullptr;
};

}  // namespace conntrack::addon
