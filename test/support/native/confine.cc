// Puts this process, with all its threads, under a seccomp filter.
#include "confine.h"

#include <napi.h>

static Napi::Value Confine(const Napi::CallbackInfo& info) {
  const auto program = info[0].As<Napi::Uint8Array>();
  return Napi::Number::New(info.Env(), confine(program.Data(), program.ByteLength()));
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("confine", Napi::Function::New<Confine>(env));
  return exports;
}

NODE_API_MODULE(confine, Init)
