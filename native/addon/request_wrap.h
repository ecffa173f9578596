// class RequestSocket of the addon: see NativeRequestSocket in
// src/core/native.ts.
#pragma once

#include <napi.h>

#include "addon/async_job.h"
#include "os/netlink_socket.h"
#include "wire/expectation_slab.h"

namespace conntrack::addon {

class RequestWrap : public Napi::ObjectWrap<RequestWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RequestWrap(const Napi::CallbackInfo& info);

 private:
  template <typename Request>
  class Job;

  Napi::Value get(const Napi::CallbackInfo& info);
  Napi::Value usage(const Napi::CallbackInfo& info);
  Napi::Value stats(const Napi::CallbackInfo& info);
  Napi::Value expectation_stats(const Napi::CallbackInfo& info);
  Napi::Value create(const Napi::CallbackInfo& info);
  Napi::Value update(const Napi::CallbackInfo& info);
  Napi::Value remove(const Napi::CallbackInfo& info);
  Napi::Value flush(const Napi::CallbackInfo& info);
  Napi::Value list_expectations(const Napi::CallbackInfo& info);
  Napi::Value get_expectation(const Napi::CallbackInfo& info);
  Napi::Value create_expectation(const Napi::CallbackInfo& info);
  Napi::Value remove_expectation(const Napi::CallbackInfo& info);
  Napi::Value flush_expectations(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  void release(napi_env env);

  template <typename Request, typename... Arguments>
  Napi::Value send(Napi::Env env, const char* name, const Arguments&... arguments);

  // These leave an exception pending when they say no.
  bool refuse(Napi::Env env) const;
  static bool read_entry(Napi::Env env, Napi::Value slab, EntryRecord& record,
                         Extension& extension);
  static bool read_specification(Napi::Env env, Napi::Value slab, size_t index, SpecRecord& spec,
                                 Extension& extension);

  static bool read_expectation(Napi::Env env, Napi::Value slab, ExpectationRecord& record,
                               ExpectationExtension& extension);

  NetlinkSocket socket_;
  PoolJob* job_ = nullptr;  // that is queued or runs
  bool closed_ = false;
  napi_deferred close_ = nullptr;  // of the close() that waits
};

}  // namespace conntrack::addon
