#include "addon/layout.h"

#include "addon/to_js.h"
#include "wire/layout.h"

namespace conntrack::addon {

Napi::Value describe_layout(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Array tables = Napi::Array::New(env);
  for (const LayoutTable& table : layout) {
    JsObject fields(env);
    for (const LayoutField& field : table) fields.set(field.name, field.number);
    tables.Set(tables.Length(), JsObject(env)
                                    .set("name", table.name)
                                    .set("comment", table.comment)
                                    .set("fields", fields.value())
                                    .value());
  }
  return tables;
}

}  // namespace conntrack::addon
