// The end of an environment: what may not outlive it ends here, in the reverse order of watch().
//
// Node.js completes the jobs on its thread pool first, and finalizes wrapping objects afterwards.
// Other runtimes end an environment while jobs run, complete them when the objects are gone, or
// never finalize these: nothing may depend on either.
#pragma once

#include <node_api.h>

namespace conntrack::addon {

class EnvironmentEnd {
 public:
  using Ended = void (*)(void* context);

  EnvironmentEnd() = default;
  EnvironmentEnd(const EnvironmentEnd&) = delete;
  EnvironmentEnd& operator=(const EnvironmentEnd&) = delete;

  // Calls `ended` once, on the JavaScript thread, unless forget() comes first. Where it is
  // called, no JavaScript may run.
  void watch(napi_env env, Ended ended, void* context) {
    if (ended_) return;
    ended_ = ended;
    context_ = context;
    napi_add_env_cleanup_hook(env, end, this);
  }

  // Before this object is destroyed.
  void forget(napi_env env) {
    if (!ended_) return;
    ended_ = nullptr;
    napi_remove_env_cleanup_hook(env, end, this);
  }

 private:
  static void end(void* self) {
    auto* one = static_cast<EnvironmentEnd*>(self);
    const Ended ended = one->ended_;
    one->ended_ = nullptr;
    ended(one->context_);
  }

  Ended ended_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace conntrack::addon
