#include "addon/addon.h"

#include "addon/dump_wrap.h"
#include "addon/event_wrap.h"
#include "addon/filter_functions.h"
#include "addon/layout.h"
#include "addon/pass_wrap.h"
#include "addon/request_wrap.h"

namespace conntrack::addon {

Napi::Object define_exports(Napi::Env env, Napi::Object exports) {
  exports.Set("layout", Napi::Value(env, describe_layout(env)));
  exports.Set("DumpReader", DumpWrap::define(env));
  exports.Set("EventReader", EventWrap::define(env));
  exports.Set("TablePass", PassWrap::define(env));
  exports.Set("RequestSocket", RequestWrap::define(env));
  exports.Set("askedFields", Napi::Function::New<asked_fields_of>(env));
  exports.Set("probeFilters", Napi::Function::New<probe_filters>(env));
  exports.Set("probeFiltersNow", Napi::Function::New<probe_filters_now>(env));
  return exports;
}

}  // namespace conntrack::addon
