#include "addon/namespace_wrap.h"

#include "addon/arguments.h"
#include "addon/to_js.h"

namespace conntrack::addon {

namespace {

constexpr napi_type_tag tag = {0x4e9a54d5a8f24c0b, 0x9c1d3c07be1f62e4};

}  // namespace

Napi::Function NamespaceWrap::define(Napi::Env env) {
  return DefineClass(env, "NetNamespace",
                     {
                         InstanceMethod<&NamespaceWrap::close>("close"),
                     });
}

NamespaceWrap::NamespaceWrap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<NamespaceWrap>(info) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  char path[4096] = {};
  size_t length = 0;
  napi_get_value_string_utf8(info.Env(), info[0], path, sizeof path, &length);
  napi_type_tag_object(info.Env(), info.This(), &tag);
  const Failure opened = space_.open(path);
  const auto environment_ends = [](void* wrap) {
    static_cast<NamespaceWrap*>(wrap)->space_.close();
  };
  if (!opened) end_.watch(info.Env(), environment_ends, this);
  napi_value failure = to_js(info.Env(), opened);
  if (failure) Value().Set("failure", Napi::Value(info.Env(), failure));
}

NamespaceWrap::~NamespaceWrap() { end_.forget(Env()); }

void NamespaceWrap::close(const Napi::CallbackInfo& info) {
  end_.forget(info.Env());
  space_.close();
}

bool namespace_argument(Napi::Env env, napi_value value, const NetNamespace*& space) {
  napi_valuetype type = napi_null;
  napi_typeof(env, value, &type);
  if (type == napi_undefined) return true;
  bool tagged = false;
  void* wrap = nullptr;
  if (type == napi_object) napi_check_object_type_tag(env, value, &tag, &tagged);
  if (tagged && napi_unwrap(env, value, &wrap) == napi_ok) {
    space = &static_cast<NamespaceWrap*>(wrap)->space();
    return true;
  }
  refuse(env, "not a NetNamespace");
  return false;
}

}  // namespace conntrack::addon
