// class NetNamespace of the addon: see NativeNetNamespace in src/core/native.ts.
#pragma once

#include <napi.h>

#include "addon/environment_end.h"
#include "os/net_namespace.h"

namespace conntrack::addon {

class NamespaceWrap : public Napi::ObjectWrap<NamespaceWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NamespaceWrap(const Napi::CallbackInfo& info);
  ~NamespaceWrap() override;

  const NetNamespace& space() const { return space_; }

 private:
  void close(const Napi::CallbackInfo& info);

  NetNamespace space_;
  EnvironmentEnd end_;
};

// The namespace that JavaScript names, or nullptr for that of the calling thread. False
// with an exception pending when it is neither a NetNamespace nor undefined: nothing may
// be opened in the wrong one. It is good until JavaScript goes on.
bool namespace_argument(Napi::Env env, napi_value value, const NetNamespace*& space);

}  // namespace conntrack::addon
