#include "addon/addon.h"

#include "addon/changer_wrap.h"
#include "addon/dump_wrap.h"
#include "addon/event_wrap.h"
#include "addon/file_functions.h"
#include "addon/filter_functions.h"
#include "addon/layout.h"
#include "addon/matcher_wrap.h"
#include "addon/namespace_functions.h"
#include "addon/namespace_wrap.h"
#include "addon/promise.h"
#include "addon/request_wrap.h"
#include "addon/to_js.h"
#include "wire/layout.h"

namespace conntrack::addon {

Napi::Object define_exports(Napi::Env env, Napi::Object exports) {
  define_promises(env);
  exports.Set("layout", Napi::Function::New<describe_layout>(env));
  exports.Set("layoutHash", Napi::Value(env, to_js(env, &layout_hash.text[0])));
  exports.Set("DumpReader", DumpWrap::define(env));
  exports.Set("EventReader", EventWrap::define(env));
  exports.Set("TableChanger", ChangerWrap::define(env));
  exports.Set("RequestSocket", RequestWrap::define(env));
  exports.Set("NetNamespace", NamespaceWrap::define(env));
  exports.Set("FilterMatcher", MatcherWrap::define(env));
  exports.Set("askedFields", Napi::Function::New<asked_fields_of>(env));
  exports.Set("filterLookup", Napi::Function::New<filter_lookup>(env));
  exports.Set("probeFilters", Napi::Function::New<probe_filters>(env));
  exports.Set("probeFiltersNow", Napi::Function::New<probe_filters_now>(env));
  exports.Set("readFiles", Napi::Function::New<read_files>(env));
  exports.Set("namespaceIds", Napi::Function::New<namespace_ids>(env));
  exports.Set("writeFile", Napi::Function::New<write_file>(env));
  exports.Set("grantedReceiveBuffer", Napi::Function::New<granted_receive_buffer>(env));
  return exports;
}

}  // namespace conntrack::addon
