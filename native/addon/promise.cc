#include "addon/promise.h"

#include <new>
#include <utility>

namespace conntrack::addon {

namespace {

// The references with which an environment makes promises: its instance data, freed with it.
struct Promises {
  napi_ref constructor = nullptr;
  napi_ref executor = nullptr;
  napi_ref resolve = nullptr;  // of the promise that is being made
};

// What `new Promise` calls, before it returns.
napi_value execute(napi_env env, napi_callback_info info) {
  napi_value functions[1] = {};
  size_t count = 1;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, functions, nullptr, &data);
  napi_create_reference(env, functions[0], 1, &static_cast<Promises*>(data)->resolve);
  return nullptr;
}

void free_promises(napi_env env, void* data, void*) {
  auto* promises = static_cast<Promises*>(data);
  if (promises->constructor) napi_delete_reference(env, promises->constructor);
  if (promises->executor) napi_delete_reference(env, promises->executor);
  delete promises;
}

napi_value value_of(napi_env env, napi_ref reference) {
  napi_value value = nullptr;
  napi_get_reference_value(env, reference, &value);
  return value;
}

}  // namespace

void define_promises(napi_env env) {
  auto* promises = new Promises;
  napi_set_instance_data(env, promises, free_promises, nullptr);
  napi_value global = nullptr;
  napi_value constructor = nullptr;
  napi_value executor = nullptr;
  napi_get_global(env, &global);
  napi_get_named_property(env, global, "Promise", &constructor);
  napi_create_reference(env, constructor, 1, &promises->constructor);
  napi_create_function(env, "execute", NAPI_AUTO_LENGTH, execute, promises, &executor);
  napi_create_reference(env, executor, 1, &promises->executor);
}

Napi::Value Deferred::make(Napi::Env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  auto& promises = *static_cast<Promises*>(data);
  napi_value executor = value_of(env, promises.executor);
  napi_value promise = nullptr;
  const napi_status status =
      napi_new_instance(env, value_of(env, promises.constructor), 1, &executor, &promise);
  resolve_ = std::exchange(promises.resolve, nullptr);
  if (status == napi_ok) return {env, promise};
  forget(env);
  return {};
}

void Deferred::settle(napi_env env, napi_value value) {
  if (!resolve_) return;
  napi_value undefined = nullptr;
  napi_get_undefined(env, &undefined);
  if (!value) value = undefined;
  napi_call_function(env, undefined, value_of(env, resolve_), 1, &value, nullptr);
  forget(env);
}

void Deferred::forget(napi_env env) {
  if (resolve_) napi_delete_reference(env, std::exchange(resolve_, nullptr));
}

}  // namespace conntrack::addon
