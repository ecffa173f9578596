// class DumpReader of the addon: see NativeDumpReader in src/core/native.ts.
#pragma once

#include <napi.h>

#include "addon/doorbell.h"
#include "addon/environment_end.h"
#include "addon/promise.h"
#include "os/dump_pump.h"
#include "os/heap_top.h"

namespace conntrack::addon {

class DumpWrap : public Napi::ObjectWrap<DumpWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit DumpWrap(const Napi::CallbackInfo& info);
  ~DumpWrap() override;

 private:
  class TurnJob;

  Napi::Value supply(const Napi::CallbackInfo& info);
  Napi::Value next(const Napi::CallbackInfo& info);
  Napi::Value end(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  void start(napi_env env);
  void finished(napi_env env);
  napi_value take(napi_env env);
  // The next() that waits, when there is something to answer.
  void answer(napi_env env);
  void release(napi_env env);
  // Closes the socket. No job runs any more.
  static void environment_ends(void* context);

  DumpPump pump_;
  TurnJob* job_ = nullptr;  // that is queued or runs
  HeapTop heap_top_;
  napi_ref slabs_[DumpPump::capacity] = {};  // what keeps the memory in the pump
  Doorbell doorbell_;
  EnvironmentEnd end_;
  Deferred next_;   // of the next() that waits
  Deferred close_;  // of the close() that waits
};

}  // namespace conntrack::addon
