#include "addon/to_js.h"

namespace conntrack::addon {

napi_value to_js(napi_env env, uint32_t number) {
  napi_value value = nullptr;
  napi_create_uint32(env, number, &value);
  return value;
}

napi_value to_js(napi_env env, uint64_t number) {
  napi_value value = nullptr;
  napi_create_int64(env, static_cast<int64_t>(number), &value);
  return value;
}

napi_value to_js(napi_env env, bool boolean) {
  napi_value value = nullptr;
  napi_get_boolean(env, boolean, &value);
  return value;
}

napi_value to_js(napi_env env, const char* text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value to_js(napi_env env, const Failure& failure) {
  if (!failure) return nullptr;
  JsObject object(env);
  object.set("errno", static_cast<uint32_t>(failure.error));
  if (failure.syscall) object.set("syscall", failure.syscall);
  if (failure.unanswered) object.set("unanswered", true);
  if (failure.text[0]) object.set("text", &failure.text[0]);
  return object.value();
}

}  // namespace conntrack::addon
