#include "addon/dump_wrap.h"

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "addon/slab_argument.h"

namespace conntrack::addon {

// Holds the wrapping object, and so the pump and its socket, until it has run.
class DumpWrap::TurnJob : public PoolJob {
 public:
  explicit TurnJob(DumpWrap& wrap) : wrap_(wrap) {}

 private:
  void run() override {
    const auto ring = [](void* bell) { static_cast<Doorbell*>(bell)->ring(); };
    wrap_.pump_.turn(ring, &wrap_.doorbell_);
  }
  bool complete(napi_env env) override {
    wrap_.finished(env);
    return false;
  }

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

namespace {

DumpKind kind_of(bool zero_counters, bool dying) {
  if (dying) return DumpKind::dying;
  return zero_counters ? DumpKind::zeroing : DumpKind::entries;
}

}  // namespace

DumpWrap::DumpWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<DumpWrap>(info),
      pump_(filter_argument(info.Env(), option(info, "ask")),
            kind_of(to_boolean(info.Env(), option(info, "zeroCounters")),
                    to_boolean(info.Env(), option(info, "dying")))) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  Napi::Env env = info.Env();
  Failure failure;
  napi_value filter = option(info, "filter");
  if (is_buffer(env, filter)) failure = pump_.set_filter(buffer_bytes(env, filter));
  const NetNamespace* space = nullptr;
  if (!namespace_argument(env, option(info, "netns"), space)) return;
  if (!failure) failure = open_in(space, [this] { return pump_.open(); });
  const auto answer_bell = [](napi_env env, void* wrap) {
    static_cast<DumpWrap*>(wrap)->answer(env);
  };
  if (!failure && !doorbell_.open(env, "conntrack.dump", answer_bell, this)) {
    failure = Failure::of_syscall("malloc", ENOMEM);
  }
  if (failure) {
    pump_.close();
  } else {
    end_.watch(env, environment_ends, this);
  }
  napi_value value = to_js(env, failure);
  if (value) Value().Set("failure", Napi::Value(env, value));
}

DumpWrap::~DumpWrap() {
  pump_.close();
  release(Env());
  next_.forget(Env());
  close_.forget(Env());
}

Napi::Value DumpWrap::supply(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Napi::Array slabs = info[0].As<Napi::Array>();
  if (!pump_.is_open() || !info[0].IsArray() || slabs.Length() > pump_.room()) {
    refuse(env, "no room for these slabs");
    return {};
  }
  pump_.set_batch(to_number(env, info[1]));
  for (uint32_t i = 0; i < slabs.Length(); i++) {
    const Napi::Value slab = slabs[i];
    uint8_t* memory = slab_memory(env, slab);
    if (!memory) return {};
    napi_create_reference(env, slab, 1, &slabs_[pump_.supply(memory)]);
  }
  heap_top_.raise();
  start(env);
  return {};
}

void DumpWrap::start(napi_env env) {
  if (!pump_.start_turn()) return;
  auto* job = new TurnJob(*this);
  if (job->queue(env, "conntrack.dump")) {
    job_ = job;
    Ref();
  } else {
    delete job;
    pump_.end_turn();
  }
}

void DumpWrap::finished(napi_env env) {
  const bool more = pump_.end_turn();
  job_ = nullptr;
  if (pump_.closed()) {
    release(env);
    close_.settle(env);
  } else if (more && !is_ending(env)) {
    start(env);
  }
  answer(env);
  Unref();
}

napi_value DumpWrap::take(napi_env env) {
  const uint32_t count = pump_.take([&](uint32_t slot) {
    napi_delete_reference(env, slabs_[slot]);
    slabs_[slot] = nullptr;
  });
  return to_js(env, count);
}

// A silent kernel is an answer, too, so that only JavaScript can go on waiting: it cannot
// while its environment ends.
void DumpWrap::answer(napi_env env) {
  if (next_ && pump_.ready()) next_.settle(env, take(env));
}

Napi::Value DumpWrap::next(const Napi::CallbackInfo& info) {
  if (next_ || !pump_.is_open()) {
    refuse(info.Env(), "next() of a reader that is closed, or has one pending");
    return {};
  }
  start(info.Env());
  if (pump_.ready()) return {info.Env(), take(info.Env())};
  return next_.make(info.Env());
}

Napi::Value DumpWrap::end(const Napi::CallbackInfo& info) {
  const Failure* failure = pump_.end();
  if (!failure) return info.Env().Undefined();
  return {info.Env(), JsObject(info.Env()).set("failure", *failure).value()};
}

Napi::Value DumpWrap::close(const Napi::CallbackInfo& info) {
  if (close_) {
    refuse(info.Env(), "close() twice");
    return {};
  }
  Napi::Env env = info.Env();
  const Napi::Value closed = close_.make(env);
  pump_.close();
  // Whoever waits need not wait for the pool.
  next_.settle(env, to_js(env, uint32_t{0}));
  if (job_) job_->take_back(env);
  if (pump_.closed()) {
    release(env);
    close_.settle(env);
  }
  return closed;
}

// Not while the pump runs.
void DumpWrap::release(napi_env env) {
  end_.forget(env);
  doorbell_.close();
  heap_top_.release();
  for (napi_ref& slab : slabs_) {
    if (slab) napi_delete_reference(env, slab);
    slab = nullptr;
  }
}

void DumpWrap::environment_ends(void* context) {
  auto* wrap = static_cast<DumpWrap*>(context);
  wrap->pump_.close();
  wrap->pump_.end_turn();
  wrap->heap_top_.release();
}

}  // namespace conntrack::addon
