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

  DumpReader reader_;
  bool reading_ = false;
};

}  // namespace conntrack::addon
