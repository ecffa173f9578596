#include "addon/changer_wrap.h"

#include <algorithm>

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "addon/slab_argument.h"

namespace conntrack::addon {

// Holds the wrapping object, and so the sockets, until it has run.
class ChangerWrap::TurnJob : public AsyncJob {
 public:
  TurnJob(ChangerWrap& wrap, size_t slabs) : wrap_(wrap), slabs_(slabs) {
    wrap_.Ref();
    wrap_.job_ = this;
  }

 private:
  void run() override { done_ = wrap_.walk_.turn(failure_, slabs_); }

  napi_value result(napi_env env) override { return wrap_.outcome(env, done_, failure_); }

  void finish(napi_env env) override {
    wrap_.job_ = nullptr;
    if (wrap_.closed_) wrap_.stop(env);
    wrap_.Unref();
  }

  ChangerWrap& wrap_;
  const size_t slabs_;
  bool done_ = false;
  Failure failure_;
};

// Copies what is to be reported.
napi_value ChangerWrap::outcome(napi_env env, bool done, Failure failure) {
  napi_value slabs = nullptr;
  uint32_t count = 0;
  napi_create_array(env, &slabs);
  walk_.take([&](uint8_t* memory) {
    const auto slab = Slab<EntryRecord>::of(memory);
    if (slab.count() == 0) return;
    napi_value copy = copy_compact(env, slab);
    if (copy) {
      napi_set_element(env, slabs, count++, copy);
    } else {
      failure = Failure::of_syscall("malloc", ENOMEM);
    }
  });
  return JsObject(env)
      .set("done", done)
      .set("matched", walk_.matched())
      .set("changed", walk_.changed())
      .set("vanished", walk_.vanished())
      .set("slabs", slabs)
      .set("failure", failure)
      .value();
}

Napi::Function ChangerWrap::define(Napi::Env env) {
  return DefineClass(env, "TableChanger",
                     {
                         InstanceMethod<&ChangerWrap::run>("run"),
                         InstanceMethod<&ChangerWrap::close>("close"),
                     });
}

struct ChangerWrap::Options {
  explicit Options(const Napi::CallbackInfo& info)
      : ask(filter_argument(info.Env(), option(info, "ask"))),
        filter(option(info, "filter")),
        remove(to_boolean(info.Env(), option(info, "remove"))),
        report(to_boolean(info.Env(), option(info, "report"))),
        changes(option(info, "changes")),
        has_changes(is_buffer(info.Env(), changes)) {}

  TableWalk::Action action() const {
    if (remove) return TableWalk::Action::remove;
    return has_changes ? TableWalk::Action::update : TableWalk::Action::count;
  }

  FilterRecord ask;
  napi_value filter;
  bool remove;
  bool report;
  napi_value changes;
  bool has_changes;
};

ChangerWrap::ChangerWrap(const Napi::CallbackInfo& info) : ChangerWrap(info, Options(info)) {}

ChangerWrap::ChangerWrap(const Napi::CallbackInfo& info, const Options& options)
    : Napi::ObjectWrap<ChangerWrap>(info), walk_(options.ask, options.action(), options.report) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  Napi::Env env = info.Env();
  Failure failure;
  if (is_buffer(env, options.filter)) {
    failure = walk_.set_filter(buffer_bytes(env, options.filter));
  }
  const int error = options.has_changes ? walk_.set_changes(buffer_bytes(env, options.changes)) : 0;
  if (error == EINVAL) {
    refuse(env, "the slab holds no changes");
    return;
  }
  if (error != 0) failure = Failure::of_syscall("malloc", error);
  const NetNamespace* space = nullptr;
  if (!namespace_argument(env, option(info, "netns"), space)) return;
  if (!failure) failure = open_in(space, [this] { return walk_.open(); });
  if (!failure) end_.watch(env, environment_ends, this);
  napi_value value = to_js(env, failure);
  if (value) Value().Set("failure", Napi::Value(env, value));
}

ChangerWrap::~ChangerWrap() {
  end_.forget(Env());
  walk_.close();
  doorbell_.close();
  close_.forget(Env());
}

Napi::Value ChangerWrap::run(const Napi::CallbackInfo& info) {
  if (job_ || closed_) {
    refuse(info.Env(), "run() while it runs, or of one that is closed");
    return {};
  }
  const size_t slabs = std::clamp<size_t>(to_number(info.Env(), info[0]), 1, TableWalk::parts);
  return AsyncJob::start(info.Env(), "conntrack.pass", new TurnJob(*this, slabs));
}

Napi::Value ChangerWrap::close(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (closed_) {
    refuse(env, "close() twice");
    return {};
  }
  closed_ = true;
  const Napi::Value closed = close_.make(env);
  walk_.cancel();
  if (job_) {
    job_->take_back(env);
  } else {
    stop(env);
  }
  return closed;
}

void ChangerWrap::stop(napi_env env) {
  const auto answer = [](napi_env env, void* wrap) {
    static_cast<ChangerWrap*>(wrap)->release(env);
  };
  const auto ring = [](void* bell) { static_cast<Doorbell*>(bell)->ring(); };
  if (walk_.is_idle() || !doorbell_.open(env, "conntrack.pass", answer, this)) {
    return release(env);
  }
  doorbell_.keep_alive(env, true);
  // After the doorbell, which the thread rings.
  end_.forget(env);
  end_.watch(env, environment_ends, this);
  stopping_ = true;
  Ref();
  walk_.stop(ring, &doorbell_);
}

void ChangerWrap::release(napi_env env) {
  walk_.join();
  napi_value last = outcome(env, false, {});
  walk_.close();
  end_.forget(env);
  doorbell_.close();
  if (stopping_) Unref();
  close_.settle(env, last);
}

void ChangerWrap::environment_ends(void* wrap) { static_cast<ChangerWrap*>(wrap)->walk_.close(); }

}  // namespace conntrack::addon
