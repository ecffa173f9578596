// The doorbell over a Node-API that the test plays: it decides when the JavaScript thread
// comes to answer.
#include "addon/doorbell.h"

#include <deque>
#include <string>
#include <thread>

#include "check.h"

using conntrack::addon::Doorbell;

namespace {

// What stands for Node-API.
struct Api {
  void* context = nullptr;
  napi_finalize finalize = nullptr;
  void* finalize_data = nullptr;
  napi_threadsafe_function_call_js call = nullptr;
  std::deque<void*> queue;
  bool closing = false;
  bool referenced = false;
  bool fails = false;
  int opened = 0;
} api;

napi_env const env = reinterpret_cast<napi_env>(&api);
napi_threadsafe_function const function = reinterpret_cast<napi_threadsafe_function>(&api);

// The JavaScript thread comes by.
void turn() {
  while (!api.queue.empty()) {
    api.queue.pop_front();
    api.call(env, nullptr, api.context, nullptr);
  }
}
// The function is finalized, as it is later than its release.
void finalize() {
  for (; !api.queue.empty(); api.queue.pop_front()) {
    api.call(nullptr, nullptr, api.context, nullptr);  // without an environment
  }
  api.finalize(env, api.finalize_data, nullptr);
  api.opened--;
}

}  // namespace

extern "C" {

napi_status napi_create_string_utf8(napi_env, const char*, size_t, napi_value*) { return napi_ok; }

napi_status napi_create_threadsafe_function(napi_env, napi_value, napi_value, napi_value, size_t,
                                            size_t, void* finalize_data, napi_finalize finalizer,
                                            void* context, napi_threadsafe_function_call_js call,
                                            napi_threadsafe_function* result) {
  if (api.fails) return napi_generic_failure;
  api = {};
  api.context = context;
  api.finalize = finalizer;
  api.finalize_data = finalize_data;
  api.call = call;
  api.referenced = true;
  api.opened = 1;
  *result = function;
  return napi_ok;
}

napi_status napi_ref_threadsafe_function(napi_env, napi_threadsafe_function) {
  api.referenced = true;
  return napi_ok;
}
napi_status napi_unref_threadsafe_function(napi_env, napi_threadsafe_function) {
  api.referenced = false;
  return napi_ok;
}

napi_status napi_call_threadsafe_function(napi_threadsafe_function, void* data,
                                          napi_threadsafe_function_call_mode) {
  if (api.closing) return napi_closing;
  api.queue.push_back(data);
  return napi_ok;
}

napi_status napi_release_threadsafe_function(napi_threadsafe_function,
                                             napi_threadsafe_function_release_mode) {
  api.closing = true;
  return napi_ok;
}

}  // extern "C"

struct Answering {
  Answering() {
    const auto answer = [](napi_env, void* answering) {
      auto* self = static_cast<Answering*>(answering);
      self->answers++;
      if (self->during) self->during();
    };
    CHECK(bell.open(env, "test", answer, this));
  }
  ~Answering() {
    bell.close();
    if (api.opened > 0) finalize();
  }

  Doorbell bell;
  int answers = 0;
  void (*during)() = nullptr;
};

static Doorbell* ringing = nullptr;

TEST(rings_that_come_before_the_answer_are_one) {
  Answering one;
  for (int i = 0; i < 5; i++) one.bell.ring();
  CHECK_EQUAL(api.queue.size(), 1u);
  turn();
  CHECK_EQUAL(one.answers, 1);
  one.bell.ring();
  turn();
  CHECK_EQUAL(one.answers, 2);
  turn();
  CHECK_EQUAL(one.answers, 2);
}

// Whoever answers looks at what there is; what comes while it looks must ring again.
TEST(a_ring_during_the_answer_is_answered_too) {
  Answering one;
  ringing = &one.bell;
  one.during = [] {
    if (ringing) ringing->ring();
    ringing = nullptr;
  };
  one.bell.ring();
  turn();
  CHECK_EQUAL(one.answers, 2);
}

TEST(keeps_alive_only_while_that_is_asked_for) {
  Answering one;
  CHECK(!api.referenced);
  one.bell.keep_alive(env, true);
  CHECK(api.referenced);
  one.bell.keep_alive(env, false);
  CHECK(!api.referenced);
}

TEST(nothing_is_answered_after_close) {
  Answering one;
  one.bell.ring();
  one.bell.close();
  CHECK(api.closing);
  turn();
  CHECK_EQUAL(one.answers, 0);
  one.bell.close();
  one.bell.keep_alive(env, true);
  CHECK(!api.referenced);
}

TEST(an_environment_that_ends_answers_nothing_and_leaves_nothing) {
  Answering one;
  one.bell.ring();
  finalize();
  CHECK_EQUAL(one.answers, 0);
  // The function is gone: there is nothing to release.
  one.bell.close();
  CHECK(!api.closing);
}

TEST(no_memory) {
  Doorbell bell;
  api.fails = true;
  CHECK(!bell.open(env, "test", nullptr, nullptr));
  bell.close();
  bell.keep_alive(env, true);
  api = {};
}

int main() { return check::run_tests(); }
