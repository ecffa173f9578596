#include "addon/dump_wrap.h"

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "addon/promise.h"
#include "addon/slab_argument.h"
#include "os/clock.h"

namespace conntrack::addon {

// A thread of the pool is given back after so long, so that a large table does not
// keep other users of the pool waiting.
constexpr int64_t turn = 30;  // milliseconds

// Holds the wrapping object, and so the reader and its socket, until it has run.
class DumpWrap::FillJob : public PoolJob {
 public:
  explicit FillJob(DumpWrap& wrap) : wrap_(wrap) {}

 private:
  void run() override { wrap_.fill(); }
  void complete(napi_env env) override { wrap_.finished(env); }

  DumpWrap& wrap_;
};

Napi::Function DumpWrap::define(Napi::Env env) {
  return DefineClass(env, "DumpReader",
                     {
                         InstanceMethod<&DumpWrap::supply>("supply"),
                         InstanceMethod<&DumpWrap::next>("next"),
                         InstanceMethod<&DumpWrap::end>("end"),
                         InstanceMethod<&DumpWrap::close>("close"),
                     });
}

DumpWrap::DumpWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<DumpWrap>(info),
      reader_(filter_argument(info.Env(), info[0]), boolean_argument(info, 1)) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  Failure failure;
  if (info[2].IsArrayBuffer()) failure = reader_.set_filter(buffer_bytes(info.Env(), info[2]));
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info, 3, space)) return;
  if (!failure) failure = open_in(space, [this] { return reader_.open(); });
  const auto answer_bell = [](napi_env env, void* wrap) {
    static_cast<DumpWrap*>(wrap)->answer(env);
  };
  if (!failure && !doorbell_.open(info.Env(), "conntrack.dump", answer_bell, this)) {
    failure = Failure::of_syscall("malloc", ENOMEM);
  }
  napi_value value = to_js(info.Env(), failure);
  if (value) Value().Set("failure", Napi::Value(info.Env(), value));
}

DumpWrap::~DumpWrap() { release(Env()); }

Napi::Value DumpWrap::supply(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Napi::Array slabs = info[0].As<Napi::Array>();
  if (closed_ || close_ || !info[0].IsArray() || slabs.Length() > ring_.room()) {
    refuse(env, "no room for these slabs");
    return {};
  }
  batch_ = number_argument(info, 1);
  for (uint32_t i = 0; i < slabs.Length(); i++) {
    const Napi::Value slab = slabs[i];
    uint8_t* memory = slab_memory(env, slab);
    if (!memory) return {};
    napi_create_reference(env, slab, 1, &slabs_[ring_.slot()]);
    ring_.supply(memory);
  }
  heap_top_.raise();
  start(env);
  return {};
}

void DumpWrap::start(napi_env env) {
  if (running_ || ended() || close_ || !ring_.has_empty()) return;
  idle_ = false;
  auto* job = new FillJob(*this);
  running_ = job->queue(env, "conntrack.dump");
  if (running_) {
    Ref();
  } else {
    delete job;
  }
}

void DumpWrap::fill() {
  uint32_t unannounced = 0;
  for (const int64_t end = steady_clock() + turn;;) {
    const bool full = unannounced >= batch_;
    // Not in the middle of a batch: the end of a turn is a ring, too.
    if (steady_clock() >= end && (full || unannounced == 0)) return;
    if (full) {
      unannounced = 0;
      doorbell_.ring();
    }
    uint8_t* slab = ring_.empty();
    if (!slab) return;
    const DumpReader::Outcome outcome = reader_.read(slab);
    if (outcome.filled) {
      ring_.fill();
      unannounced++;
    }
    if (outcome.step == DumpReader::Step::idle) {
      idle_ = true;
      return;
    }
    if (outcome.step != DumpReader::Step::more) {
      end_ = outcome.step;
      failure_ = outcome.failure;
      ended_.store(true, std::memory_order_release);
      return;
    }
  }
}

void DumpWrap::finished(napi_env env) {
  running_ = false;
  if (close_) {
    release(env);
    settle(env, close_, nullptr);
  } else if (!idle_) {
    start(env);
  }
  answer(env);
  Unref();
}

// A silent kernel is an answer, too, so that only JavaScript can go on waiting: it cannot
// while its environment ends.
bool DumpWrap::ready() const { return ring_.filled() >= batch_ || !running_ || ended(); }

napi_value DumpWrap::take(napi_env env) {
  const uint32_t filled = ring_.filled();
  const uint32_t count = filled < batch_ ? filled : batch_.load();
  for (uint32_t i = 0; i < count; i++) {
    napi_ref& slab = slabs_[ring_.take()];
    napi_delete_reference(env, slab);
    slab = nullptr;
  }
  return to_js(env, count);
}

void DumpWrap::answer(napi_env env) {
  if (next_ && ready()) settle(env, next_, take(env));
}

Napi::Value DumpWrap::next(const Napi::CallbackInfo& info) {
  if (next_ || close_ || closed_) {
    refuse(info.Env(), "next() of a reader that is closed, or has one pending");
    return {};
  }
  start(info.Env());
  if (ready()) return {info.Env(), take(info.Env())};
  return make_promise(info.Env(), next_);
}

Napi::Value DumpWrap::end(const Napi::CallbackInfo& info) {
  if (!ended() || ring_.filled() > 0) return info.Env().Undefined();
  return {info.Env(), JsObject(info.Env()).set("failure", failure_).value()};
}

Napi::Value DumpWrap::close(const Napi::CallbackInfo& info) {
  if (close_) {
    refuse(info.Env(), "close() twice");
    return {};
  }
  const Napi::Value closed = make_promise(info.Env(), close_);
  if (running_) {
    reader_.cancel();
  } else {
    release(info.Env());
    settle(info.Env(), close_, nullptr);
  }
  return closed;
}

// Not while the job runs.
void DumpWrap::release(napi_env env) {
  closed_ = true;
  reader_.close();
  doorbell_.close();
  heap_top_.release();
  for (napi_ref& slab : slabs_) {
    if (slab) napi_delete_reference(env, slab);
    slab = nullptr;
  }
}

}  // namespace conntrack::addon
