#include "addon/request_wrap.h"

#include <errno.h>

#include "addon/arguments.h"
#include "addon/namespace_wrap.h"
#include "addon/slab_argument.h"
#include "os/queries.h"
#include "os/request_job.h"

namespace conntrack::addon {

namespace {

// The outcome of each request, as src/core/native.ts has it.

napi_value numbers(napi_env env, const CpuStats& stats) {
  napi_value array = nullptr;
  napi_create_array(env, &array);
  uint32_t length = 0;
  const auto push = [&](uint64_t number) {
    napi_set_element(env, array, length++, to_js(env, number));
  };
  push(stats.cpu);
  for (size_t i = 0; i < stats.count; i++) {
    push(stats.counters[i].id);
    push(stats.counters[i].value);
  }
  return array;
}

void describe(napi_env env, JsObject& object, const CpuStatsAnswer& answer) {
  napi_value cpus = nullptr;
  napi_create_array(env, &cpus);
  uint32_t count = 0;
  answer.cpus().each(
      [&](const CpuStats& stats) { napi_set_element(env, cpus, count++, numbers(env, stats)); });
  object.set("cpus", cpus);
}

template <typename Record>
void describe(napi_env env, JsObject& object, const RecordAnswer<Record>& answer) {
  napi_value slabs = nullptr;
  napi_create_array(env, &slabs);
  uint32_t count = 0;
  answer.each_slab([&](Bytes bytes) {
    if (napi_value slab = copy_slab(env, bytes)) napi_set_element(env, slabs, count++, slab);
  });
  object.set("slabs", slabs);
}

napi_value failures_of(napi_env env, const RequestJob& job) {
  napi_value failures = nullptr;
  uint32_t length = 0;
  for (uint32_t i = 0; i < job.count(); i++) {
    const Failure& failure = job.result(i).failure;
    if (!failure) continue;
    if (!failures) napi_create_array(env, &failures);
    napi_set_element(env, failures, length++, to_js(env, i));
    napi_set_element(env, failures, length++, to_js(env, failure));
  }
  return failures;
}

napi_value answers_of(napi_env env, const RequestJob& job) {
  void* memory = nullptr;
  napi_value buffer = nullptr;
  const size_t size = job.count() * sizeof(AnswerRecord);
  if (napi_create_arraybuffer(env, size, &memory, &buffer) != napi_ok) return nullptr;
  auto* answers = static_cast<AnswerRecord*>(memory);
  for (size_t i = 0; i < job.count(); i++) answers[i] = job.result(i).answer;
  return buffer;
}

napi_value slabs_of(napi_env env, const RequestJob& job) {
  napi_value slabs = nullptr;
  napi_create_array(env, &slabs);
  uint32_t count = 0;
  job.each_slab([&](const auto& slab) {
    const uint32_t number = count++;  // answers name it
    if (napi_value buffer = copy_compact(env, slab)) napi_set_element(env, slabs, number, buffer);
  });
  return slabs;
}

void describe(napi_env env, JsObject& object, const RequestJob& job) {
  object.set("answers", answers_of(env, job));
  object.set("slabs", slabs_of(env, job));
  object.set("failures", failures_of(env, job));
  object.set("failure", job.failure());
}

}  // namespace

// Requests, sent and answered in turns.
class RequestWrap::Job : public OrderedJob {
 public:
  explicit Job(RequestWrap& wrap) : wrap_(wrap) {}
  ~Job() override { deferred_.forget(wrap_.Env()); }

  // Empty, with an exception pending, when there is no memory.
  Napi::Value make_promise(Napi::Env env) { return deferred_.make(env); }
  // On the JavaScript thread, last.
  void settle(napi_env env) { deferred_.settle(env, result(env)); }

 protected:
  NetlinkSocket& socket() { return wrap_.socket_; }
  RequestMemory& memory() { return *wrap_.memory_; }
  bool has_ended() const { return has_ended_; }

 private:
  // A turn. True when it has ended.
  virtual bool turn() = 0;
  // Instead of a turn: nothing of it is sent.
  virtual void refuse(const Failure& failure) = 0;
  virtual const Failure& failure() const = 0;
  // On the JavaScript thread: what the promise resolves to.
  virtual napi_value result(napi_env env) = 0;

  bool run(uint64_t number) override {
    // It would wait as long once more.
    const bool hopeless = number < wrap_.unheard_;
    if (hopeless) refuse(Failure::of_protocol(ETIMEDOUT));
    has_ended_ = hopeless || turn();
    if (has_ended_ && failure().error == ETIMEDOUT) wrap_.unheard_ = wrap_.order_.added();
    return has_ended_;
  }

  RequestWrap& wrap_;
  Deferred deferred_;
  bool has_ended_ = false;
};

// A thread of the pool, which works for the jobs.
class RequestWrap::Run : public PoolJob {
 public:
  explicit Run(RequestWrap& wrap) : next(wrap.runs_), wrap_(wrap) {}

  Run* next;
  bool has_worked = false;

 private:
  void run() override {
    has_worked = true;
    wrap_.order_.work();
  }

  bool complete(napi_env env) override {
    wrap_.end_run(env, *this);
    return false;
  }

  RequestWrap& wrap_;
};

// Those that wait together.
class RequestWrap::SendJob : public Job {
 public:
  using Job::Job;

  RequestJob& requests() { return requests_; }

 private:
  bool turn() override { return requests_.run(socket(), memory()); }
  void refuse(const Failure& failure) override { requests_.refuse(failure); }
  const Failure& failure() const override { return requests_.failure(); }

  napi_value result(napi_env env) override {
    if (!has_ended()) requests_.give_up(memory());
    JsObject object(env);
    describe(env, object, requests_);
    return object.value();
  }

  RequestJob requests_;
};

// One that is answered by many messages.
template <typename Query>
class RequestWrap::QueryJob : public Job {
 public:
  using Job::Job;

 private:
  bool turn() override { return query_.run(socket(), memory().buffer, failure_); }
  void refuse(const Failure& failure) override { failure_ = failure; }
  const Failure& failure() const override { return failure_; }

  napi_value result(napi_env env) override {
    if (!has_ended()) failure_ = Failure::of_cancel(false);
    JsObject object(env);
    describe(env, object, query_.answer());
    return object.set("failure", failure_).value();
  }

  Query query_;
  Failure failure_;
};

namespace {

// A call returns this instead of its promise, and sends nothing.
Napi::Value no_memory(Napi::Env env) {
  return {env, JsObject(env).set("failure", Failure::of_syscall("malloc", ENOMEM)).value()};
}

}  // namespace

template <typename Query>
Napi::Value RequestWrap::ask(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  if (!has_memory()) return no_memory(info.Env());
  return start(info.Env(), std::make_unique<QueryJob<Query>>(*this));
}

Napi::Function RequestWrap::define(Napi::Env env) {
  return DefineClass(
      env, "RequestSocket",
      {
          InstanceMethod<&RequestWrap::send>("send"),
          InstanceMethod<&RequestWrap::ask<GetCpuStats>>("stats"),
          InstanceMethod<&RequestWrap::ask<GetExpectationCpuStats>>("expectationStats"),
          InstanceMethod<&RequestWrap::ask<ListExpectations>>("listExpectations"),
          InstanceMethod<&RequestWrap::ask<ListTimeoutPolicies>>("listTimeoutPolicies"),
          InstanceMethod<&RequestWrap::is_of_thread>("isOfThread"),
          InstanceMethod<&RequestWrap::close>("close"),
      });
}

RequestWrap::RequestWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RequestWrap>(info) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), option(info, "netns"), space)) return;
  if (to_boolean(info.Env(), option(info, "followsThread"))) opened_in_.remember();
  const Failure opened = open_in(space, [this] { return socket_.open(); });
  if (opened) {
    opened_in_.forget();
  } else {
    end_.watch(info.Env(), environment_ends, this);
  }
  napi_value failure = to_js(info.Env(), opened);
  if (failure) Value().Set("failure", Napi::Value(info.Env(), failure));
}

RequestWrap::~RequestWrap() {
  end_.forget(Env());
  close_.forget(Env());
}

bool RequestWrap::refuse(Napi::Env env) {
  if (jobs_ == most_jobs || order_.closed()) {
    addon::refuse(env, "so many jobs at a time, and none when it is closed");
    return true;
  }
  return false;
}

bool RequestWrap::has_memory() {
  if (!memory_) memory_.reset(new (std::nothrow) RequestMemory);
  return static_cast<bool>(memory_);
}

Napi::Value RequestWrap::start(Napi::Env env, std::unique_ptr<Job> job) {
  const Napi::Value promise = job->make_promise(env);
  if (!promise.IsEmpty()) {
    order_.add(std::move(job));
    jobs_++;
    start_run(env);
    // A job that has not ended has a thread.
    if (runs_) return promise;
    order_.take_first();
    jobs_--;
  }
  addon::refuse(env, "no memory for a job");
  return {};
}

void RequestWrap::start_run(napi_env env) {
  const bool has_two = runs_ && runs_->next;
  if (!order_.needs_thread(!has_two)) return;
  auto run = std::make_unique<Run>(*this);
  if (!run->queue(env, "conntrack.requests")) return order_.drop_thread();
  runs_ = run.release();
  Ref();
}

void RequestWrap::end_run(napi_env env, const Run& run) {
  Run** link = &runs_;
  while (*link != &run) link = &(*link)->next;
  *link = run.next;
  if (!run.has_worked) order_.drop_thread();
  while (settle(env, order_.take_ended())) {
  }
  if (!is_ending(env)) start_run(env);
  if (!runs_) {
    while (settle(env, order_.take_first())) {
    }
    if (order_.closed()) release(env);
  }
  Unref();
}

bool RequestWrap::settle(napi_env env, std::unique_ptr<OrderedJob> job) {
  if (!job) return false;
  jobs_--;
  static_cast<Job&>(*job).settle(env);
  return true;
}

Napi::Value RequestWrap::send(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (refuse(env)) return {};
  if (!has_memory()) return no_memory(env);
  Bytes requests = buffer_bytes(env, info[0]);
  const size_t size = to_number(env, info[1]);
  if (size <= requests.size) requests.size = size;
  auto job = std::make_unique<SendJob>(*this);
  const int error = size > requests.size ? EINVAL : job->requests().take(requests);
  if (error == ENOMEM) return no_memory(env);
  if (error != 0) {
    addon::refuse(env, "the requests are not such");
    return {};
  }
  return start(env, std::move(job));
}

Napi::Value RequestWrap::is_of_thread(const Napi::CallbackInfo& info) {
  return {info.Env(), to_js(info.Env(), opened_in_.is_same())};
}

Napi::Value RequestWrap::close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (order_.closed()) {
    addon::refuse(env, "close() twice");
    return {};
  }
  order_.close();
  const Napi::Value closed = close_.make(env);
  if (!runs_) release(env);
  for (Run* run = runs_; run; run = run->next) run->take_back(env);
  return closed;
}

void RequestWrap::release(napi_env env) {
  end_.forget(env);
  opened_in_.forget();
  socket_.close();
  close_.settle(env);
}

void RequestWrap::environment_ends(void* context) {
  auto* wrap = static_cast<RequestWrap*>(context);
  wrap->order_.close();
  wrap->opened_in_.forget();
  wrap->socket_.close();
}

}  // namespace conntrack::addon
