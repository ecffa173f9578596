#include "addon/dump_wrap.h"

#include "addon/async_job.h"
#include "addon/slab_argument.h"

namespace conntrack::addon {

// Holds the wrapping object, and so the reader and its socket, until it has run.
class DumpWrap::ReadJob : public AsyncJob {
 public:
  static constexpr uint32_t max_slabs = 16;

  explicit ReadJob(DumpWrap& wrap) : wrap_(wrap) { wrap_.Ref(); }

  // Takes the slabs of an array, which must not be changed until the job has
  // ended. False with an exception pending when one is no slab.
  bool take(Napi::Env env, Napi::Array slabs) {
    held_.hold(env, slabs);
    count_ = slabs.Length();
    for (uint32_t i = 0; i < count_; i++) {
      memory_[i] = slab_memory(env, slabs[i]);
      if (!memory_[i]) return false;
    }
    return true;
  }

 private:
  void run() override { outcome_ = wrap_.reader_.read(memory_, count_); }

  napi_value result(napi_env env) override {
    return JsObject(env)
        .set("slabs", static_cast<uint32_t>(outcome_.slabs))
        .set("done", outcome_.done)
        .set("failure", outcome_.failure)
        .value();
  }

  void finish(napi_env env) override {
    held_.release(env);
    wrap_.finished(env, this);
    wrap_.Unref();
  }

  DumpWrap& wrap_;
  uint32_t count_ = 0;
  uint8_t* memory_[max_slabs] = {};
  Held held_;
  DumpReader::Outcome outcome_;
};

namespace {

// Read without coercion, which runs JavaScript: in a worker that is being
// terminated it gives empty values, and asking those anything is fatal.
uint8_t family_argument(const Napi::CallbackInfo& info) {
  uint32_t family = 0;
  napi_get_value_uint32(info.Env(), info[0], &family);
  return static_cast<uint8_t>(family);
}

bool zero_argument(const Napi::CallbackInfo& info) {
  bool zero = false;
  napi_get_value_bool(info.Env(), info[1], &zero);
  return zero;
}

}  // namespace

Napi::Function DumpWrap::define(Napi::Env env) {
  return DefineClass(env, "DumpReader",
                     {
                         InstanceMethod<&DumpWrap::read>("read"),
                         InstanceMethod<&DumpWrap::cancel>("cancel"),
                         InstanceMethod<&DumpWrap::close>("close"),
                     });
}

DumpWrap::DumpWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<DumpWrap>(info), reader_(family_argument(info), zero_argument(info)) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  napi_value failure = to_js(info.Env(), reader_.open());
  if (failure) Value().Set("failure", Napi::Value(info.Env(), failure));
}

Napi::Value DumpWrap::read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Napi::Array slabs = info[0].As<Napi::Array>();
  if (waiting_ || !info[0].IsArray() || slabs.Length() == 0 ||
      slabs.Length() > ReadJob::max_slabs) {
    Napi::TypeError::New(env, "at most two reads, each into 1 to 16 slabs")
        .ThrowAsJavaScriptException();
    return {};
  }
  auto* job = new ReadJob(*this);
  if (!job->take(env, slabs)) {
    job->abandon(env);
    return {};
  }
  const Napi::Value promise = AsyncJob::prepare(env, "conntrack.dump", job);
  if (promise.IsEmpty()) return {};
  if (running_) {
    waiting_ = job;
  } else {
    running_ = job;
    job->queue(env);
  }
  return promise;
}

// Called before the promise of the job settles, so that the next one runs while
// JavaScript looks at what this one gave.
void DumpWrap::finished(napi_env env, ReadJob* job) {
  if (job != running_) return;
  running_ = waiting_;
  waiting_ = nullptr;
  if (running_) running_->queue(env);
}

void DumpWrap::cancel(const Napi::CallbackInfo&) { reader_.cancel(); }

void DumpWrap::close(const Napi::CallbackInfo& info) {
  if (running_) {
    Napi::TypeError::New(info.Env(), "close() while reading").ThrowAsJavaScriptException();
    return;
  }
  reader_.close();
}

}  // namespace conntrack::addon
