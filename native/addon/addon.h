#pragma once

#include <napi.h>

namespace conntrack::addon {

// Puts all that the addon offers on `exports`. There is no state beside the
// classes: workers and second copies of the package share nothing.
Napi::Object define_exports(Napi::Env env, Napi::Object exports);

}  // namespace conntrack::addon
