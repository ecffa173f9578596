#include "addon/pass_wrap.h"

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "addon/slab_argument.h"
#include "os/clock.h"

namespace conntrack::addon {

// As for dumps: a thread of the pool is given back after so long.
constexpr int64_t turn = 30;  // milliseconds

// Holds the wrapping object, and so the sockets, until it has run.
class PassWrap::RunJob : public AsyncJob {
 public:
  explicit RunJob(PassWrap& wrap) : wrap_(wrap) {
    wrap_.Ref();
    wrap_.running_ = true;
  }

 private:
  void run() override {
    const int64_t end = steady_clock() + turn;
    do {
      step_ = wrap_.pass_.run(failure_);
    } while (step_ == DumpReader::Step::more && steady_clock() < end);
  }

  napi_value result(napi_env env) override {
    return JsObject(env)
        .set("done", step_ == DumpReader::Step::done)
        .set("matched", wrap_.pass_.matched())
        .set("changed", wrap_.changer_.changed())
        .set("vanished", wrap_.changer_.vanished())
        .set("failure", failure_)
        .value();
  }

  void finish(napi_env) override {
    wrap_.running_ = false;
    wrap_.Unref();
  }

  PassWrap& wrap_;
  DumpReader::Step step_ = DumpReader::Step::more;
  Failure failure_;
};

Napi::Function PassWrap::define(Napi::Env env) {
  return DefineClass(env, "TablePass",
                     {
                         InstanceMethod<&PassWrap::run>("run"),
                         InstanceMethod<&PassWrap::close>("close"),
                     });
}

PassWrap::PassWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<PassWrap>(info),
      changer_(boolean_argument(info, 2) ? EntryChanger::Kind::remove : EntryChanger::Kind::update),
      pass_(filter_argument(info.Env(), info[0]),
            boolean_argument(info, 2) || info[3].IsArrayBuffer() ? &changer_ : nullptr) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  Failure failure;
  if (info[1].IsArrayBuffer()) failure = pass_.set_filter(buffer_bytes(info.Env(), info[1]));
  if (info[3].IsArrayBuffer() && !changer_.set_changes(buffer_bytes(info.Env(), info[3]))) {
    refuse(info.Env(), "the slab holds no changes");
    return;
  }
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info, 4, space)) return;
  if (!failure) {
    failure = open_in(space, [this] {
      const Failure refused = pass_.open();
      return refused ? refused : changer_.open();
    });
  }
  napi_value value = to_js(info.Env(), failure);
  if (value) Value().Set("failure", Napi::Value(info.Env(), value));
}

Napi::Value PassWrap::run(const Napi::CallbackInfo& info) {
  if (running_) {
    refuse(info.Env(), "run() while it runs");
    return {};
  }
  return AsyncJob::start(info.Env(), "conntrack.pass", new RunJob(*this));
}

void PassWrap::close(const Napi::CallbackInfo& info) {
  if (running_) return refuse(info.Env(), "close() while it runs");
  pass_.close();
  changer_.close();
}

}  // namespace conntrack::addon
