// class DumpReader of the addon: see NativeDumpReader in src/core/native.ts.
#pragma once

#include <napi.h>

#include "addon/doorbell.h"
#include "os/dump_reader.h"
#include "os/heap_top.h"
#include "os/slab_ring.h"

namespace conntrack::addon {

class DumpWrap : public Napi::ObjectWrap<DumpWrap> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit DumpWrap(const Napi::CallbackInfo& info);
  ~DumpWrap() override;

 private:
  class FillJob;

  Napi::Value supply(const Napi::CallbackInfo& info);
  Napi::Value next(const Napi::CallbackInfo& info);
  Napi::Value end(const Napi::CallbackInfo& info);
  Napi::Value close(const Napi::CallbackInfo& info);

  bool ended() const { return ended_.load(std::memory_order_acquire); }
  void start(napi_env env);
  // On a thread of the pool: fills slabs until none is empty or the turn is over.
  void fill();
  void finished(napi_env env);
  bool ready() const;
  napi_value take(napi_env env);
  // The next() that waits, when there is something to answer.
  void answer(napi_env env);
  void release(napi_env env);

  DumpReader reader_;
  SlabRing ring_;
  HeapTop heap_top_;
  napi_ref slabs_[SlabRing::capacity] = {};  // what keeps the memory in the ring
  Doorbell doorbell_;
  std::atomic<uint32_t> batch_{1};  // how many filled slabs are worth a ring

  // Written by fill(), and read once ended_ says so.
  DumpReader::Step end_ = DumpReader::Step::more;
  Failure failure_;
  std::atomic<bool> ended_{false};
  bool idle_ = false;  // what the last turn ended with

  bool running_ = false;
  bool closed_ = false;
  napi_deferred next_ = nullptr;   // of the next() that waits
  napi_deferred close_ = nullptr;  // of the close() that waits
};

}  // namespace conntrack::addon
