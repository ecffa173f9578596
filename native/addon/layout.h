// The layout of the records, for the generator of src/record/layout.ts and the tests.
#pragma once

#include <napi.h>

namespace conntrack::addon {

// A list of { name, comment, fields }, where fields has the number of each name.
Napi::Value describe_layout(const Napi::CallbackInfo& info);

}  // namespace conntrack::addon
