#include "addon/dump_wrap.h"

#include "addon/async_job.h"
#include "addon/slab_argument.h"

namespace conntrack::addon {

// Holds the wrapping object, and so the reader and its socket, until it has run.
class DumpWrap::ReadJob : public AsyncJob {
 public:
  static constexpr uint32_t max_slabs = 16;

  explicit ReadJob(DumpWrap& wrap) : wrap_(wrap) {
    wrap_.Ref();
    wrap_.reading_ = true;
  }

  void add_slab(napi_env env, napi_value buffer, uint8_t* memory) {
    held_[count_].hold(env, buffer);
    memory_[count_++] = memory;
  }

  void abandon(napi_env env) {
    finish(env);
    delete this;
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
    for (uint32_t i = 0; i < count_; i++) held_[i].release(env);
    wrap_.reading_ = false;
    wrap_.Unref();
  }

  DumpWrap& wrap_;
  uint32_t count_ = 0;
  uint8_t* memory_[max_slabs] = {};
  Held held_[max_slabs];
  DumpReader::Outcome outcome_;
};

Napi::Function DumpWrap::define(Napi::Env env) {
  return DefineClass(env, "DumpReader",
                     {
                         InstanceMethod<&DumpWrap::read>("read"),
                         InstanceMethod<&DumpWrap::cancel>("cancel"),
                         InstanceMethod<&DumpWrap::close>("close"),
                     });
}

DumpWrap::DumpWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<DumpWrap>(info),
      reader_(static_cast<uint8_t>(info[0].ToNumber().Uint32Value()), info[1].ToBoolean().Value()) {
  napi_value failure = to_js(info.Env(), reader_.open());
  if (failure) Value().Set("failure", Napi::Value(info.Env(), failure));
}

Napi::Value DumpWrap::read(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (reading_ || info.Length() == 0 || info.Length() > ReadJob::max_slabs) {
    Napi::TypeError::New(env, "one read at a time, into 1 to 16 slabs").ThrowAsJavaScriptException();
    return {};
  }
  auto* job = new ReadJob(*this);
  for (size_t i = 0; i < info.Length(); i++) {
    uint8_t* memory = slab_memory(env, info[i]);
    if (!memory) {
      job->abandon(env);
      return {};
    }
    job->add_slab(env, info[i], memory);
  }
  return AsyncJob::start(env, "conntrack.dump", job);
}

void DumpWrap::cancel(const Napi::CallbackInfo&) { reader_.cancel(); }

void DumpWrap::close(const Napi::CallbackInfo& info) {
  if (reading_) {
    Napi::TypeError::New(info.Env(), "close() while reading").ThrowAsJavaScriptException();
    return;
  }
  reader_.close();
}

}  // namespace conntrack::addon
