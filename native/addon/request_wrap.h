// class RequestSocket of the addon: see NativeRequestSocket in
// src/core/native.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/async_job.h"
#include "addon/environment_end.h"
#include "addon/promise.h"
#include "os/job_order.h"
#include "os/net_namespace.h"
#include "os/request_job.h"

namespace conntrack::addon {

class RequestWrap : public Napi::ObjectWrap<RequestWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit RequestWrap(const Napi::CallbackInfo& info);
  ~RequestWrap() override;

 private:
  static constexpr size_t most_jobs = 64;

  class Job;
  class Run;
  class SendJob;
  template <typename Query>
  class QueryJob;

  Napi::Value send(const Napi::CallbackInfo& info);
  template <typename Query>
  Napi::Value ask(const Napi::CallbackInfo& info);
  Napi::Value is_of_thread(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);
  void release(napi_env env);
  // Closes the socket. No job runs any more.
  static void environment_ends(void* context);

  // True with an exception pending.
  bool refuse(Napi::Env env);
  // Makes room for requests; false when there is no memory.
  bool has_memory();
  // Returns the promise of the job, or an empty value with an exception pending.
  Napi::Value start(Napi::Env env, std::unique_ptr<Job> job);
  void start_run(napi_env env);
  void end_run(napi_env env, const Run& run);
  // Settles the promise of a job. Returns false without one.
  bool settle(napi_env env, std::unique_ptr<OrderedJob> job);

  NetlinkSocket socket_;
  ThreadPlace opened_in_;                  // where followsThread was asked for
  std::unique_ptr<RequestMemory> memory_;  // of one job after the other
  JobOrder order_;
  EnvironmentEnd end_;
  size_t jobs_ = 0;
  // Those that have not completed: they hold the wrapping object, and so the socket.
  Run* runs_ = nullptr;
  uint64_t unheard_ = 0;  // in turns: the kernel did not answer a job before so many were there
  Deferred close_;        // of the close() that waits
};

}  // namespace conntrack::addon
