#include "addon/filter_functions.h"

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "addon/slab_argument.h"
#include "addon/to_js.h"
#include "os/filter_probe.h"
#include "wire/encode.h"
#include "wire/filter.h"

namespace conntrack::addon {

Napi::Value asked_fields_of(const Napi::CallbackInfo& info) {
  const FilterRecord filter = filter_argument(info.Env(), info[0]);
  return {info.Env(), addon::to_js(info.Env(), asked_fields(filter))};
}

Napi::Value filter_lookup(const Napi::CallbackInfo& info) {
  EntryFilter filter;
  if (!filter.parse(buffer_bytes(info.Env(), info[0]))) {
    const Failure failure = Failure::of_syscall("malloc", ENOMEM);
    return {info.Env(), JsObject(info.Env()).set("failure", failure).value()};
  }
  return {info.Env(), JsObject(info.Env())
                          .set("indexed", static_cast<uint32_t>(filter.list().indexed()))
                          .set("looks", static_cast<uint32_t>(filter.list().shapes()))
                          .set("compared", static_cast<uint32_t>(filter.list().compared()))
                          .value()};
}

namespace {

napi_value answer_to_js(napi_env env, FilterSupport::Answer answer) {
  if (answer == FilterSupport::unknown) return nullptr;
  if (answer == FilterSupport::refused) return to_js(env, "refused");
  return to_js(env, answer == FilterSupport::yes);
}

napi_value describe(napi_env env, const FilterSupport& support, const Failure& failure) {
  return JsObject(env)
      .set("failure", failure)
      .set("tuple", answer_to_js(env, support.tuple))
      .set("status", answer_to_js(env, support.status))
      .set("zone", answer_to_js(env, support.zone))
      .value();
}

class ProbeJob : public AsyncJob {
 public:
  explicit ProbeJob(const NetNamespace* space)
      : failure_(open_in(space, [this] { return probe_.open(); })) {}

 private:
  void run() override {
    if (!failure_) failure_ = probe_.run(support_);
  }
  napi_value result(napi_env env) override { return describe(env, support_, failure_); }
  void finish(napi_env) override {}

  FilterProbe probe_;
  FilterSupport support_;
  Failure failure_;
};

}  // namespace

Napi::Value probe_filters(const Napi::CallbackInfo& info) {
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), info[0], space)) return {};
  return AsyncJob::start(info.Env(), "conntrack.probe", new ProbeJob(space));
}

Napi::Value probe_filters_now(const Napi::CallbackInfo& info) {
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), info[0], space)) return {};
  FilterProbe probe;
  FilterSupport support;
  Failure failure = open_in(space, [&] { return probe.open(); });
  if (!failure) failure = probe.run(support);
  return {info.Env(), describe(info.Env(), support, failure)};
}

}  // namespace conntrack::addon
