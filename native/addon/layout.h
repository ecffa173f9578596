// The numbers of the record layout, for the check in src/record/layout.ts.
#pragma once

#include <node_api.h>

namespace conntrack::addon {

napi_value describe_layout(napi_env env);

}  // namespace conntrack::addon
