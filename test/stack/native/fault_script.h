// What faults need of the script: test/support/fault-kernel.ts.
#pragma once

#include <napi.h>

namespace conntrack::test {

void define_fault_script(Napi::Env env, Napi::Object& script);

}  // namespace conntrack::test
