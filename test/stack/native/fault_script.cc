#include "fault_script.h"

#include "call_faults.h"
#include "kernel_socket.h"

namespace conntrack::test {

namespace {

Kernel& kernel() { return *Kernel::current(); }

Buffer bytes_of(const Napi::Value& value) {
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.Data() + array.ByteLength()};
}

std::vector<Buffer> datagrams_of(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<Buffer> all;
  for (uint32_t i = 0; i < array.Length(); i++) all.push_back(bytes_of(array[i]));
  return all;
}

Napi::Value strings(Napi::Env env, const std::vector<std::string>& texts) {
  Napi::Array array = Napi::Array::New(env);
  uint32_t length = 0;
  for (const std::string& text : texts) array[length++] = Napi::String::New(env, text);
  return array;
}

// callFaults(): the rows of call_faults.h.
Napi::Value list_faults(const Napi::CallbackInfo& info) {
  Napi::Array rows = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (const CallFaults& faults : call_faults()) {
    Napi::Array errors = Napi::Array::New(info.Env());
    uint32_t length = 0;
    for (const int error : faults.errors) errors[length++] = Napi::Number::New(info.Env(), error);
    Napi::Object row = Napi::Object::New(info.Env());
    row.Set("call", faults.call);
    row.Set("errors", errors);
    row.Set("shortens", Napi::Boolean::New(info.Env(), faults.shortens));
    rows[count++] = row;
  }
  return rows;
}

// answerWith([{ type, flags, datagrams }])
void answer_with(const Napi::CallbackInfo& info) {
  const auto array = info[0].As<Napi::Array>();
  std::vector<Answering::Rule> rules;
  for (uint32_t i = 0; i < array.Length(); i++) {
    const Napi::Value row = array[i];
    const auto rule = row.As<Napi::Object>();
    rules.push_back({static_cast<uint16_t>(rule.Get("type").ToNumber().Uint32Value()),
                     static_cast<uint16_t>(rule.Get("flags").ToNumber().Uint32Value()),
                     datagrams_of(rule.Get("datagrams"))});
  }
  kernel().answer_with(std::make_shared<Answering>(std::move(rules)));
}

// taken(): type and flags of the requests since the last call, by turns.
Napi::Value take_requests(const Napi::CallbackInfo& info) {
  Napi::Array array = Napi::Array::New(info.Env());
  uint32_t length = 0;
  for (const Answering::Taken& taken : kernel().answering()->taken()) {
    array[length++] = Napi::Number::New(info.Env(), taken.type);
    array[length++] = Napi::Number::New(info.Env(), taken.flags);
  }
  return array;
}

// plan(kind, call, nth, times, errno)
void plan(const Napi::CallbackInfo& info) {
  const std::string kind = info[0].ToString();
  Kernel::Plan plan = {};
  plan.kind = kind == "shortens" ? Kernel::Plan::shortens
              : kind == "delays" ? Kernel::Plan::delays
                                 : Kernel::Plan::fails;
  plan.call = info[1].ToString();
  plan.nth = info[2].ToNumber().Uint32Value();
  plan.times = info[3].ToNumber().Uint32Value();
  plan.error = info[4].ToNumber().Int32Value();
  kernel().plan(plan);
}

Napi::Value struck(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(kernel().struck()));
}

void record_calls(const Napi::CallbackInfo&) { kernel().record_calls(); }

Napi::Value calls(const Napi::CallbackInfo& info) { return strings(info.Env(), kernel().calls()); }

// held(): what the addon holds: descriptors and blocks of memory.
Napi::Value held(const Napi::CallbackInfo& info) {
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("descriptors", static_cast<double>(kernel().descriptors()));
  object.Set("blocks", static_cast<double>(Kernel::blocks()));
  return object;
}

// redirect(beginning, folder)
void redirect(const Napi::CallbackInfo& info) {
  kernel().redirect(info[0].ToString(), info[1].ToString());
}

void pretend_namespaces(const Napi::CallbackInfo&) { kernel().pretend_namespaces(); }

// multicast(group, datagrams): how many were heard.
Napi::Value multicast(const Napi::CallbackInfo& info) {
  size_t heard = 0;
  for (const Buffer& datagram : datagrams_of(info[1])) {
    heard += kernel().multicast(info[0].ToNumber().Uint32Value(), {datagram});
  }
  return Napi::Number::New(info.Env(), static_cast<double>(heard));
}

// overrun(group, events): so many find no room, in all sockets of the group.
Napi::Value overrun(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(kernel().overrun(info[0].ToNumber().Uint32Value(),
                                                                info[1].ToNumber().Uint32Value())));
}

}  // namespace

void define_fault_script(Napi::Env env, Napi::Object& script) {
  script.Set("callFaults", Napi::Function::New<list_faults>(env));
  script.Set("answerWith", Napi::Function::New<answer_with>(env));
  script.Set("taken", Napi::Function::New<take_requests>(env));
  script.Set("plan", Napi::Function::New<plan>(env));
  script.Set("struck", Napi::Function::New<struck>(env));
  script.Set("recordCalls", Napi::Function::New<record_calls>(env));
  script.Set("calls", Napi::Function::New<calls>(env));
  script.Set("held", Napi::Function::New<held>(env));
  script.Set("redirect", Napi::Function::New<redirect>(env));
  script.Set("pretendNamespaces", Napi::Function::New<pretend_namespaces>(env));
  script.Set("multicast", Napi::Function::New<multicast>(env));
  script.Set("overrun", Napi::Function::New<overrun>(env));
}

}  // namespace conntrack::test
