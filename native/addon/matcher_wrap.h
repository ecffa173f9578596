// class FilterMatcher of the addon: see NativeFilterMatcher in src/core/native.ts.
#pragma once

#include <napi.h>

#include "wire/filter.h"

namespace conntrack::addon {

class MatcherWrap : public Napi::ObjectWrap<MatcherWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit MatcherWrap(const Napi::CallbackInfo& info);

 private:
  Napi::Value select(const Napi::CallbackInfo& info);

  EntryFilter filter_;
};

}  // namespace conntrack::addon
