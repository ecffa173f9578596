// Jobs on libuv's thread pool.
//
// Node waits for jobs when an environment is torn down (a worker that is terminated,
// process.exit) and then, but for process.exit, still completes them, where no JavaScript may
// run: so complete() must free what it holds whatever Node-API answers, the statuses of the
// calls that settle are of no interest, no job may run for long, and none may be followed by
// another where is_ending() says so. Where a runtime does not wait, the end of the environment
// does, and the job is abandoned.
#pragma once

#include <napi.h>

#include "addon/environment_end.h"
#include "addon/promise.h"
#include "addon/to_js.h"
#include "os/mutex.h"

namespace conntrack::addon {

// Whether JavaScript may not run any more.
inline bool is_ending(napi_env env) {
  napi_value undefined = nullptr;
  bool same = false;
  napi_get_undefined(env, &undefined);
  return napi_strict_equals(env, undefined, undefined, &same) != napi_ok;
}

// Owns itself once it is queued.
class PoolJob {
 public:
  PoolJob(const PoolJob&) = delete;
  PoolJob& operator=(const PoolJob&) = delete;

  // False when there is no memory for it; then the caller still owns the job.
  bool queue(napi_env env, const char* name) {
    napi_value resource = nullptr;
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource);
    if (napi_create_async_work(env, nullptr, resource, execute, completed, this, &work_) !=
        napi_ok) {
      return false;
    }
    end_.watch(env, abandon, this);
    napi_queue_async_work(env, work_);  // never fails on a work that exists
    return true;
  }

  // While it is queued: it completes without having run, unless it runs already.
  void take_back(napi_env env) { napi_cancel_async_work(env, work_); }

 protected:
  PoolJob() = default;
  virtual ~PoolJob() = default;

  // On a thread of the pool.
  virtual void run() = 0;

  // On the JavaScript thread, last, unless the job is abandoned: then its owner ends without it.
  // True when the job has queued itself again.
  virtual bool complete(napi_env env) = 0;

 private:
  static void execute(napi_env, void* data) {
    auto* job = static_cast<PoolJob*>(data);
    const Lock hold(job->running_);
    if (!job->abandoned_) job->run();
  }

  // Waits while it runs. What it works on may be gone afterwards.
  static void abandon(void* self) {
    auto* job = static_cast<PoolJob*>(self);
    const Lock hold(job->running_);
    job->abandoned_ = true;
  }

  static void completed(napi_env env, napi_status, void* data) {
    auto* job = static_cast<PoolJob*>(data);
    napi_async_work work = job->work_;
    job->end_.forget(env);
    const bool again = !job->abandoned_ && job->complete(env);
    napi_delete_async_work(env, work);
    if (!again) delete job;
  }

  napi_async_work work_ = nullptr;
  EnvironmentEnd end_;
  Mutex running_;
  bool abandoned_ = false;
};

// Settles a promise when it has ended.
class AsyncJob : public PoolJob {
 public:
  // Queues the job. Returns its promise, or an empty value with an exception pending.
  static Napi::Value start(Napi::Env env, const char* name, AsyncJob* job) {
    const Napi::Value promise = job->deferred_.make(env);
    if (job->deferred_ && job->queue(env, name)) return promise;
    job->deferred_.forget(env);
    job->finish(env);
    delete job;
    Napi::Error::New(env, "the job could not be made").ThrowAsJavaScriptException();
    return {};
  }

 protected:
  AsyncJob() = default;

  // On the JavaScript thread: what the promise resolves to.
  virtual napi_value result(napi_env env) = 0;
  // On the JavaScript thread, always, last: releases what the job holds.
  virtual void finish(napi_env env) = 0;

 private:
  bool complete(napi_env env) final {
    napi_value value = result(env);
    // Released before the promise settles: JavaScript may start the next job.
    finish(env);
    deferred_.settle(env, value);
    return false;
  }

  Deferred deferred_;
};

}  // namespace conntrack::addon
