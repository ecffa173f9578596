// class TableChanger of the addon: see NativeTableChanger in src/core/native.ts.
#pragma once

#include <napi.h>

#include "os/table_walk.h"

namespace conntrack::addon {

class ChangerWrap : public Napi::ObjectWrap<ChangerWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit ChangerWrap(const Napi::CallbackInfo& info);

 private:
  class TurnJob;
  struct Options;

  ChangerWrap(const Napi::CallbackInfo& info, const Options& options);

  Napi::Value run(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);

  TableWalk walk_;
  bool running_ = false;
};

}  // namespace conntrack::addon
