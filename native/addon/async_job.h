// A job on libuv's thread pool that settles a promise when it has ended.
//
// Node waits for running jobs when an environment is torn down (a worker that
// is terminated, process.exit) and then still calls complete(), where no
// JavaScript may run: so finish() must free what it holds whatever Node-API
// answers, and the statuses of the calls that settle are of no interest.
#pragma once

#include <napi.h>

#include "addon/to_js.h"

namespace conntrack::addon {

class AsyncJob {
 public:
  AsyncJob(const AsyncJob&) = delete;
  AsyncJob& operator=(const AsyncJob&) = delete;

  // Queues the job, which owns itself from here on. Returns its promise, or an
  // empty value with an exception pending.
  static Napi::Value start(Napi::Env env, const char* name, AsyncJob* job) {
    const Napi::Value promise = prepare(env, name, job);
    if (!promise.IsEmpty()) job->queue(env);
    return promise;
  }

  // The same for a job that is queued later. It must be.
  static Napi::Value prepare(Napi::Env env, const char* name, AsyncJob* job) {
    napi_value promise = nullptr;
    napi_value resource = nullptr;
    napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource);
    if (napi_create_promise(env, &job->deferred_, &promise) != napi_ok ||
        napi_create_async_work(env, nullptr, resource, execute, complete, job, &job->work_) !=
            napi_ok) {
      job->abandon(env);
      Napi::Error::New(env, "the job could not be made").ThrowAsJavaScriptException();
      return {};
    }
    return {env, promise};
  }

  // Never fails on a work that exists.
  void queue(napi_env env) { napi_queue_async_work(env, work_); }

  // Instead of prepare(): the job will not be.
  void abandon(napi_env env) {
    finish(env);
    delete this;
  }

 protected:
  AsyncJob() = default;
  virtual ~AsyncJob() = default;

  // On a thread of the pool.
  virtual void run() = 0;
  // On the JavaScript thread: what the promise resolves to.
  virtual napi_value result(napi_env env) = 0;
  // On the JavaScript thread, always, last: releases what the job holds.
  virtual void finish(napi_env env) = 0;

 private:
  static void execute(napi_env, void* data) { static_cast<AsyncJob*>(data)->run(); }

  static void complete(napi_env env, napi_status, void* data) {
    auto* job = static_cast<AsyncJob*>(data);
    napi_value value = job->result(env);
    // Released before the promise settles: JavaScript may start the next job.
    job->finish(env);
    if (value) napi_resolve_deferred(env, job->deferred_, value);
    napi_delete_async_work(env, job->work_);
    delete job;
  }

  napi_deferred deferred_ = nullptr;
  napi_async_work work_ = nullptr;
};

// Keeps a JavaScript value alive while a job uses its memory.
class Held {
 public:
  void hold(napi_env env, napi_value value) { napi_create_reference(env, value, 1, &reference_); }
  void release(napi_env env) {
    if (reference_) napi_delete_reference(env, reference_);
    reference_ = nullptr;
  }

 private:
  napi_ref reference_ = nullptr;
};

}  // namespace conntrack::addon
