// Functions of the addon about network namespaces: see src/core/native.ts.
#pragma once

#include <napi.h>

namespace conntrack::addon {

Napi::Value namespace_ids(const Napi::CallbackInfo& info);

}  // namespace conntrack::addon
