// class RequestSocket of the addon: see NativeRequestSocket in
// src/core/native.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/async_job.h"
#include "os/job_order.h"
#include "os/net_namespace.h"
#include "os/request_job.h"

namespace conntrack::addon {

class RequestWrap : public Napi::ObjectWrap<RequestWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RequestWrap(const Napi::CallbackInfo& info);

 private:
  class Job;
  class SendJob;
  template <typename Query>
  class QueryJob;

  Napi::Value send(const Napi::CallbackInfo& info);
  template <typename Query>
  Napi::Value ask(const Napi::CallbackInfo& info);
  Napi::Value is_of_thread(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  void release(napi_env env);

  // True with an exception pending.
  bool refuse(Napi::Env env);

  NetlinkSocket socket_;
  ThreadPlace opened_in_;                  // where followsThread was asked for
  std::unique_ptr<RequestMemory> memory_;  // of one job after the other
  // Those that are queued or run: the second waits for its turn, so that the kernel works on while
  // JavaScript takes the answers of the first.
  PoolJob* first_ = nullptr;
  PoolJob* second_ = nullptr;
  JobOrder order_;
  bool silent_ = false;            // in turns: the kernel did not answer the job before
  napi_deferred close_ = nullptr;  // of the close() that waits
};

}  // namespace conntrack::addon
