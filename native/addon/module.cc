// The entry point that Node.js calls.
#include "addon/addon.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  return conntrack::addon::define_exports(env, exports);
}

NODE_API_MODULE(conntrack, Init)
