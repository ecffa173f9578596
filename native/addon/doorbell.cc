#include "addon/doorbell.h"

namespace conntrack::addon {

bool Doorbell::open(napi_env env, const char* name, Answer answer_with, void* context) {
  napi_value resource = nullptr;
  napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource);
  auto* line = new Line{this, answer_with, context};
  if (napi_create_threadsafe_function(env, nullptr, nullptr, resource, 0, 1, line, finalize, line,
                                      answer, &function_) != napi_ok) {
    delete line;
    return false;
  }
  line_ = line;
  napi_unref_threadsafe_function(env, function_);
  return true;
}

void Doorbell::keep_alive(napi_env env, bool alive) {
  if (!line_) return;
  if (alive) {
    napi_ref_threadsafe_function(env, function_);
  } else {
    napi_unref_threadsafe_function(env, function_);
  }
}

void Doorbell::ring() {
  if (line_->rung.exchange(true)) return;
  napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
}

void Doorbell::close() {
  if (!line_) return;
  line_->bell = nullptr;
  line_ = nullptr;
  napi_release_threadsafe_function(function_, napi_tsfn_abort);
}

void Doorbell::answer(napi_env env, napi_value, void* data, void*) {
  auto* line = static_cast<Line*>(data);
  if (!env || !line->bell) return;
  // Before the answer looks: what comes from here on rings again.
  line->rung.store(false);
  line->answer(env, line->context);
}

void Doorbell::finalize(napi_env, void* data, void*) {
  auto* line = static_cast<Line*>(data);
  if (line->bell) line->bell->line_ = nullptr;
  delete line;
}

}  // namespace conntrack::addon
