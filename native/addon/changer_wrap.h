// class TableChanger of the addon: see NativeTableChanger in src/core/native.ts.
#pragma once

#include <napi.h>

#include "addon/doorbell.h"
#include "addon/environment_end.h"
#include "addon/promise.h"
#include "os/table_walk.h"

namespace conntrack::addon {

class ChangerWrap : public Napi::ObjectWrap<ChangerWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ChangerWrap(const Napi::CallbackInfo& info);
  ~ChangerWrap() override;

 private:
  class TurnJob;
  struct Options;

  ChangerWrap(const Napi::CallbackInfo& info, const Options& options);

  Napi::Value run(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  // Once no job runs: waits for the second thread without blocking this one.
  void stop(napi_env env);
  void release(napi_env env);
  napi_value outcome(napi_env env, bool done, Failure failure);
  // Closes the sockets, and ends the thread: it rings the doorbell.
  static void environment_ends(void* wrap);

  TableWalk walk_;
  TurnJob* job_ = nullptr;  // that is queued or runs
  Doorbell doorbell_;
  EnvironmentEnd end_;
  bool closed_ = false;
  bool stopping_ = false;  // the second thread will ring
  Deferred close_;         // of the close() that waits
};

}  // namespace conntrack::addon
