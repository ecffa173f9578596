#include "addon/matcher_wrap.h"

#include "addon/arguments.h"
#include "addon/slab_argument.h"
#include "addon/to_js.h"

namespace conntrack::addon {

Napi::Function MatcherWrap::define(Napi::Env env) {
  return DefineClass(env, "FilterMatcher", {InstanceMethod<&MatcherWrap::select>("select")});
}

MatcherWrap::MatcherWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MatcherWrap>(info) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  Failure failure;
  if (!filter_.parse(buffer_bytes(info.Env(), info[0]))) {
    failure = Failure::of_syscall("malloc", ENOMEM);
  }
  napi_value value = to_js(info.Env(), failure);
  if (value) Value().Set("failure", Napi::Value(info.Env(), value));
}

Napi::Value MatcherWrap::select(const Napi::CallbackInfo& info) {
  const Bytes slab = buffer_bytes(info.Env(), info[0]);
  const Bytes selected = buffer_bytes(info.Env(), info[1]);
  auto* numbers = reinterpret_cast<uint32_t*>(const_cast<uint8_t*>(selected.data));
  const size_t most = selected.size / sizeof *numbers;
  SlabHeader header = {};
  read_host(slab, 0, header);
  EntryRecord record;
  Extension extension;
  size_t count = 0;
  for (uint32_t i = 0; i < header.count && count < most; i++) {
    if (!read_host(slab, sizeof header + i * sizeof record, record)) break;
    if (!read_extension(slab, record, extension)) continue;
    if (filter_.matches(record, extension)) numbers[count++] = i;
  }
  return {info.Env(), addon::to_js(info.Env(), static_cast<uint32_t>(count))};
}

}  // namespace conntrack::addon
