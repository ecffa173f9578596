#include "addon/namespace_functions.h"

#include <errno.h>

#include <memory>
#include <new>

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "os/namespace_ids.h"

namespace conntrack::addon {

namespace {

struct Place {
  char path[512];
  NamespaceId found;
};

napi_value describe(napi_env env, const NamespaceId& found) {
  JsObject object(env);
  object.set("failure", found.failure);
  if (!found.failure) object.set("inode", found.inode);
  if (found.id >= 0) object.set("id", static_cast<uint32_t>(found.id));
  return object.value();
}

class IdsJob : public AsyncJob {
 public:
  IdsJob(const Napi::CallbackInfo& info, const NetNamespace* space) {
    const auto paths = info[1].As<Napi::Array>();
    const uint32_t count = info[1].IsArray() ? paths.Length() : 0;
    places_.reset(new (std::nothrow) Place[count]);
    failure_ = places_ ? open_in(space, [this] { return ids_.open(); })
                       : Failure::of_syscall("malloc", ENOMEM);
    if (failure_) return;
    count_ = count;
    for (uint32_t i = 0; i < count; i++) {
      size_t length = 0;
      places_[i].path[0] = 0;
      napi_get_value_string_utf8(info.Env(), paths[i], places_[i].path, sizeof places_[i].path,
                                 &length);
    }
  }

 private:
  // Some microseconds each.
  void run() override {
    for (uint32_t i = 0; i < count_ && !failure_; i++) {
      failure_ = ids_.look_up(places_[i].path, places_[i].found);
    }
  }
  napi_value result(napi_env env) override {
    napi_value list = nullptr;
    napi_create_array_with_length(env, count_, &list);
    for (uint32_t i = 0; i < count_; i++)
      napi_set_element(env, list, i, describe(env, places_[i].found));
    return JsObject(env).set("ids", list).set("failure", failure_).value();
  }
  void finish(napi_env) override {}

  NamespaceIds ids_;
  std::unique_ptr<Place[]> places_;
  uint32_t count_ = 0;
  Failure failure_;
};

}  // namespace

Napi::Value namespace_ids(const Napi::CallbackInfo& info) {
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), info[0], space)) return {};
  return AsyncJob::start(info.Env(), "conntrack.namespaces", new IdsJob(info, space));
}

}  // namespace conntrack::addon
