// class TablePass of the addon: see NativeTablePass in src/core/native.ts.
#pragma once

#include <napi.h>

#include "os/table_pass.h"

namespace conntrack::addon {

class PassWrap : public Napi::ObjectWrap<PassWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit PassWrap(const Napi::CallbackInfo& info);

 private:
  class RunJob;

  Napi::Value run(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  EntryChanger changer_;
  TablePass pass_;
  bool running_ = false;
};

}  // namespace conntrack::addon
