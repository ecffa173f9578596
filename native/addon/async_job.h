// Jobs on libuv's thread pool.
//
// Node waits for running jobs when an environment is torn down (a worker that
// is terminated, process.exit) and then still completes them, where no
// JavaScript may run: so complete() must free what it holds whatever Node-API
// answers, and the statuses of the calls that settle are of no interest.
#pragma once

#include <napi.h>

#include "addon/to_js.h"

namespace conntrack::addon {

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
    napi_queue_async_work(env, work_);  // never fails on a work that exists
    return true;
  }

 protected:
  PoolJob() = default;
  virtual ~PoolJob() = default;

  // On a thread of the pool.
  virtual void run() = 0;
  // On the JavaScript thread, always, last.
  virtual void complete(napi_env env) = 0;

 private:
  static void execute(napi_env, void* data) { static_cast<PoolJob*>(data)->run(); }

  static void completed(napi_env env, napi_status, void* data) {
    auto* job = static_cast<PoolJob*>(data);
    job->complete(env);
    napi_delete_async_work(env, job->work_);
    delete job;
  }

  napi_async_work work_ = nullptr;
};

// Settles a promise when it has ended.
class AsyncJob : public PoolJob {
 public:
  // Queues the job. Returns its promise, or an empty value with an exception pending.
  static Napi::Value start(Napi::Env env, const char* name, AsyncJob* job) {
    napi_value promise = nullptr;
    if (napi_create_promise(env, &job->deferred_, &promise) == napi_ok && job->queue(env, name)) {
      return {env, promise};
    }
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
  void complete(napi_env env) final {
    napi_value value = result(env);
    // Released before the promise settles: JavaScript may start the next job.
    finish(env);
    if (value) napi_resolve_deferred(env, deferred_, value);
  }

  napi_deferred deferred_ = nullptr;
};

}  // namespace conntrack::addon
