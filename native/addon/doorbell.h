// Wakes the JavaScript thread from any other. It carries nothing: whoever answers
// looks at what there is, so rings that come before the answer are one.
//
// It keeps the process alive only while that is asked for.
#pragma once

#include <node_api.h>

#include <atomic>

namespace conntrack::addon {

class Doorbell {
 public:
  using Answer = void (*)(napi_env env, void* context);

  Doorbell() = default;
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;
  ~Doorbell() { close(); }

  // On the JavaScript thread, which is where `answer` will be called.
  bool open(napi_env env, const char* name, Answer answer, void* context);

  // On the JavaScript thread: whether the process lives on until a ring.
  void keep_alive(napi_env env, bool alive);

  // From any thread, between open() and close().
  void ring();

  // On the JavaScript thread, when no other can ring any more. Ends every answer
  // that is still to come.
  void close();

 private:
  // Lives until the function is finalized, which is later than close() when we
  // close, and earlier when the environment ends.
  struct Line {
    Doorbell* bell;
    Answer answer;
    void* context;
    std::atomic<bool> rung{false};
  };

  static void answer(napi_env env, napi_value, void* data, void*);
  static void finalize(napi_env env, void* data, void*);

  Line* line_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace conntrack::addon
