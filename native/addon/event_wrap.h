// class EventReader of the addon: see NativeEventReader in src/core/native.ts.
#pragma once

#include <napi.h>

#include "addon/doorbell.h"
#include "addon/environment_end.h"
#include "addon/promise.h"
#include "os/event_reader.h"
#include "os/net_namespace.h"

namespace conntrack::addon {

class EventWrap : public Napi::ObjectWrap<EventWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EventWrap(const Napi::CallbackInfo& info);
  ~EventWrap() override;

 private:
  Failure open(const Napi::CallbackInfo& info, const NetNamespace* space);
  // Sets `failure` of the wrapping object, if it is one.
  void tell(Napi::Env env, const Failure& failure);
  Napi::Value next(const Napi::CallbackInfo& info);
  Napi::Value counters(const Napi::CallbackInfo& info);
  Napi::Value mark(const Napi::CallbackInfo& info);
  Napi::Value receive_buffer_bytes(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  // The next() that waits, when there is something to answer.
  void answer(napi_env env);
  // nullptr: nothing is there, and the doorbell will ring.
  napi_value take(napi_env env);
  void release(napi_env env);
  // Ends the thread before the environment does: it rings the doorbell.
  static void environment_ends(void* wrap);

  EventReader reader_;
  Doorbell doorbell_;
  EnvironmentEnd end_;
  bool open_ = false;
  Deferred next_;  // of the next() that waits
};

}  // namespace conntrack::addon
