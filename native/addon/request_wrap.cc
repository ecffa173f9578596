#include "addon/request_wrap.h"

#include "addon/arguments.h"
#include "addon/namespace_wrap.h"
#include "addon/promise.h"
#include "addon/slab_argument.h"
#include "os/requests.h"
#include "os/write_batch.h"

namespace conntrack::addon {

namespace {

// The outcome of each request, as src/core/native.ts has it.

void describe(napi_env, JsObject&, const Command&) {}

void describe(napi_env env, JsObject& object, const Query<EntryAnswer>& query) {
  object.set("slab", copy_slab(env, query.answer().slab()));
}

void describe(napi_env, JsObject& object, const Query<UsageAnswer>& query) {
  const TableUsage& usage = query.answer().usage();
  object.set("entries", usage.entries);
  if (usage.has_maximum) object.set("maxEntries", usage.maximum);
}

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

void describe(napi_env env, JsObject& object, const Query<CpuStatsAnswer>& query) {
  napi_value cpus = nullptr;
  napi_create_array(env, &cpus);
  uint32_t count = 0;
  query.answer().cpus().each(
      [&](const CpuStats& stats) { napi_set_element(env, cpus, count++, numbers(env, stats)); });
  object.set("cpus", cpus);
}

void describe(napi_env env, JsObject& object, const Query<ExpectationAnswer>& query) {
  napi_value slabs = nullptr;
  napi_create_array(env, &slabs);
  uint32_t count = 0;
  query.answer().each_slab([&](Bytes bytes) {
    if (napi_value slab = copy_slab(env, bytes)) napi_set_element(env, slabs, count++, slab);
  });
  object.set("slabs", slabs);
}

void describe(napi_env env, JsObject& object, const WriteBatch& batch) {
  napi_value results = nullptr;
  napi_create_array_with_length(env, batch.count(), &results);
  for (uint32_t i = 0; i < batch.count(); i++) {
    const WriteBatch::Result result = batch.result(i);
    JsObject one(env);
    if (result.written) one.set("written", true);
    one.set("failure", result.failure);
    one.set("slab", copy_slab(env, result.slab));
    napi_set_element(env, results, i, one.value());
  }
  object.set("results", results);
}

}  // namespace

// The request that was cancelled has ended.
void give_up(Command&, const Failure&) {}
template <typename Answer>
void give_up(Query<Answer>&, const Failure&) {}
void give_up(WriteBatch& batch, const Failure& failure) { batch.give_up(failure); }

// Holds the wrapping object, and so the socket, from start() until it has run.
template <typename Request>
class RequestWrap::Job : public AsyncJob {
 public:
  template <typename... Arguments>
  explicit Job(RequestWrap& wrap, const Arguments&... arguments)
      : wrap_(wrap), request_(arguments...) {}

  Request& request() { return request_; }

  static Napi::Value start(Napi::Env env, const char* name, std::unique_ptr<Job> job) {
    job->wrap_.Ref();
    job->wrap_.job_ = job.get();
    return AsyncJob::start(env, name, job.release());
  }

 private:
  void run() override { ended_ = request_.run(wrap_.socket_, buffer_, failure_); }

  bool goes_on() override { return !ended_ && !wrap_.closed_; }

  napi_value result(napi_env env) override {
    if (!ended_) {
      failure_ = Failure::of_cancel(request_.may_be_done());
      give_up(request_, failure_);
    }
    JsObject object(env);
    describe(env, object, request_);
    return object.set("failure", failure_).value();
  }

  void finish(napi_env env) override {
    wrap_.job_ = nullptr;
    if (wrap_.closed_) wrap_.release(env);
    wrap_.Unref();
  }

  RequestWrap& wrap_;
  Request request_;
  bool ended_ = false;
  Failure failure_;
  uint8_t buffer_[receive_buffer_size];
};

template <typename Request, typename... Arguments>
Napi::Value RequestWrap::send(Napi::Env env, const char* name, const Arguments&... arguments) {
  return Job<Request>::start(env, name, std::make_unique<Job<Request>>(*this, arguments...));
}

Napi::Function RequestWrap::define(Napi::Env env) {
  return DefineClass(env, "RequestSocket",
                     {
                         InstanceMethod<&RequestWrap::get>("get"),
                         InstanceMethod<&RequestWrap::usage>("usage"),
                         InstanceMethod<&RequestWrap::stats>("stats"),
                         InstanceMethod<&RequestWrap::expectation_stats>("expectationStats"),
                         InstanceMethod<&RequestWrap::create>("create"),
                         InstanceMethod<&RequestWrap::update>("update"),
                         InstanceMethod<&RequestWrap::remove>("remove"),
                         InstanceMethod<&RequestWrap::flush>("flush"),
                         InstanceMethod<&RequestWrap::list_expectations>("listExpectations"),
                         InstanceMethod<&RequestWrap::get_expectation>("getExpectation"),
                         InstanceMethod<&RequestWrap::create_expectation>("createExpectation"),
                         InstanceMethod<&RequestWrap::remove_expectation>("removeExpectation"),
                         InstanceMethod<&RequestWrap::flush_expectations>("flushExpectations"),
                         InstanceMethod<&RequestWrap::close>("close"),
                     });
}

RequestWrap::RequestWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RequestWrap>(info) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), option(info, "netns"), space)) return;
  const Failure opened = open_in(space, [this] { return socket_.open(); });
  napi_value failure = to_js(info.Env(), opened);
  if (failure) Value().Set("failure", Napi::Value(info.Env(), failure));
}

bool RequestWrap::refuse(Napi::Env env) const {
  const bool refused = job_ || closed_;
  if (refused) addon::refuse(env, "one request at a time, and none when it is closed");
  return refused;
}

bool RequestWrap::read_entry(Napi::Env env, Napi::Value slab, EntryRecord& record,
                             Extension& extension) {
  if (read_first_entry(buffer_bytes(env, slab), record, extension)) return true;
  addon::refuse(env, "the slab holds no entry");
  return false;
}

bool RequestWrap::read_specification(Napi::Env env, Napi::Value slab, size_t index,
                                     SpecRecord& spec, Extension& extension) {
  if (read_spec(buffer_bytes(env, slab), index, spec, extension)) return true;
  addon::refuse(env, "the slab holds no specification");
  return false;
}

Napi::Value RequestWrap::get(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord key;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], key, extension)) return {};
  return send<GetEntry>(env, "conntrack.get", key);
}

Napi::Value RequestWrap::usage(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return send<GetUsage>(info.Env(), "conntrack.stats");
}

Napi::Value RequestWrap::stats(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return send<GetCpuStats>(info.Env(), "conntrack.stats");
}

Napi::Value RequestWrap::expectation_stats(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return send<GetExpectationCpuStats>(info.Env(), "conntrack.stats");
}

Napi::Value RequestWrap::create(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const size_t count = to_number(env, info[1]);
  if (refuse(env)) return {};
  if (count == 0 || count > WriteBatch::capacity) {
    addon::refuse(env, "too many specifications at once");
    return {};
  }
  auto job = std::make_unique<Job<WriteBatch>>(*this);
  for (size_t i = 0; i < count; i++) {
    SpecRecord spec;
    Extension extension;
    if (!read_specification(env, info[0], i, spec, extension)) return {};
    job->request().create(spec, extension);
  }
  return Job<WriteBatch>::start(env, "conntrack.create", std::move(job));
}

Napi::Value RequestWrap::update(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord entry;
  SpecRecord changes;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], entry, extension) ||
      !read_specification(env, info[1], 0, changes, extension)) {
    return {};
  }
  auto job = std::make_unique<Job<WriteBatch>>(*this);
  job->request().update(entry, changes, extension);
  return Job<WriteBatch>::start(env, "conntrack.update", std::move(job));
}

Napi::Value RequestWrap::remove(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord entry;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], entry, extension)) return {};
  return send<Command>(env, "conntrack.remove", encode_delete(entry));
}

Napi::Value RequestWrap::flush(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  const auto family = static_cast<uint8_t>(to_number(info.Env(), info[0]));
  return send<Command>(info.Env(), "conntrack.flush", encode_flush(family));
}

bool RequestWrap::read_expectation(Napi::Env env, Napi::Value slab, ExpectationRecord& record,
                                   ExpectationExtension& extension) {
  if (read_first_expectation(buffer_bytes(env, slab), record, extension)) return true;
  addon::refuse(env, "the slab holds no expectation");
  return false;
}

Napi::Value RequestWrap::list_expectations(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return send<ListExpectations>(info.Env(), "conntrack.expectations");
}

Napi::Value RequestWrap::get_expectation(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ExpectationRecord key;
  ExpectationExtension extension;
  if (refuse(env) || !read_expectation(env, info[0], key, extension)) return {};
  return send<GetExpectation>(env, "conntrack.expectations", key);
}

Napi::Value RequestWrap::create_expectation(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ExpectationRecord record;
  ExpectationExtension extension;
  if (refuse(env) || !read_expectation(env, info[0], record, extension)) return {};
  return send<Command>(env, "conntrack.expectations", encode_expectation_create(record, extension));
}

Napi::Value RequestWrap::remove_expectation(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ExpectationRecord record;
  ExpectationExtension extension;
  if (refuse(env) || !read_expectation(env, info[0], record, extension)) return {};
  return send<Command>(env, "conntrack.expectations", encode_expectation_delete(record));
}

Napi::Value RequestWrap::flush_expectations(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return send<Command>(info.Env(), "conntrack.expectations", encode_expectation_flush());
}

Napi::Value RequestWrap::close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (closed_) {
    addon::refuse(env, "close() twice");
    return {};
  }
  closed_ = true;
  const Napi::Value closed = make_promise(env, close_);
  if (job_) {
    job_->take_back(env);
  } else {
    release(env);
  }
  return closed;
}

void RequestWrap::release(napi_env env) {
  socket_.close();
  settle(env, close_, nullptr);
}

}  // namespace conntrack::addon
