// class DumpReader of the addon: see NativeDumpReader in src/internal/native.ts.
#pragma once

#include <napi.h>

#include "os/dump_reader.h"

namespace conntrack::addon {

class DumpWrap : public Napi::ObjectWrap<DumpWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit DumpWrap(const Napi::CallbackInfo& info);

 private:
  class ReadJob;

  Napi::Value read(const Napi::CallbackInfo& info);
  void cancel(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  void finished(napi_env env, ReadJob* job);

  DumpReader reader_;
  // One read runs and one waits: that the pool thread need not wait for the main
  // thread between two batches is worth some 4 % of a large table (6.18, Node 20).
  ReadJob* running_ = nullptr;
  ReadJob* waiting_ = nullptr;
};

}  // namespace conntrack::addon
