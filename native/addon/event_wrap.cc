#include "addon/event_wrap.h"

#include <errno.h>

#include "addon/arguments.h"
#include "addon/namespace_wrap.h"
#include "addon/slab_argument.h"
#include "addon/to_js.h"
#include "os/clock.h"

namespace conntrack::addon {

namespace {

// What one next() gives: some 2400 events, 512 KiB.
constexpr size_t most_slabs = 16;

// A copy of the right size: an event that is kept keeps no more alive than came
// with it, and the queue's own memory stays in the processor's caches.
napi_value copy(napi_env env, const EventSlab& slab, uint64_t read_time) {
  void* memory = nullptr;
  napi_value buffer = copy_compact(env, slab, &memory);
  if (buffer) static_cast<SlabHeader*>(memory)->read_time = read_time;
  return buffer;
}

}  // namespace

Napi::Function EventWrap::define(Napi::Env env) {
  return DefineClass(env, "EventReader",
                     {
                         InstanceAccessor<&EventWrap::receive_buffer_bytes>("receiveBufferBytes"),
                         InstanceMethod<&EventWrap::next>("next"),
                         InstanceMethod<&EventWrap::counters>("counters"),
                         InstanceMethod<&EventWrap::mark>("mark"),
                         InstanceMethod<&EventWrap::close>("close"),
                     });
}

EventWrap::EventWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EventWrap>(info) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), option(info, "netns"), space)) return;
  tell(info.Env(), open(info, space));
}

void EventWrap::tell(Napi::Env env, const Failure& failure) {
  napi_value value = to_js(env, failure);
  if (value) Value().Set("failure", Napi::Value(env, value));
}

EventWrap::~EventWrap() {
  release(Env());
  next_.forget(Env());
}

Failure EventWrap::open(const Napi::CallbackInfo& info, const NetNamespace* space) {
  Napi::Env env = info.Env();
  napi_value filter = option(info, "filter");
  EventReader::Options options;
  options.groups = to_number(env, option(info, "groups"));
  options.receive_buffer = to_number(env, option(info, "receiveBufferBytes"));
  options.queue_bytes = to_number(env, option(info, "queueBytes"));
  options.max_delay = to_number(env, option(info, "maxDelay"));
  options.reliable_destroy = to_boolean(env, option(info, "reliableDestroy"));
  options.all_namespaces = to_boolean(env, option(info, "allNamespaces"));
  options.filtered = is_buffer(env, filter);
  options.filter = buffer_bytes(env, filter);
  if (Failure failure = open_in(space, [&] { return reader_.open(options); })) return failure;
  const auto answer_bell = [](napi_env env, void* wrap) {
    static_cast<EventWrap*>(wrap)->answer(env);
  };
  if (!doorbell_.open(env, "conntrack.events", answer_bell, this)) {
    reader_.stop();
    return Failure::of_syscall("malloc", ENOMEM);
  }
  const auto ring = [](void* bell) { static_cast<Doorbell*>(bell)->ring(); };
  if (Failure failure = reader_.start(ring, &doorbell_)) {
    reader_.stop();
    doorbell_.close();
    return failure;
  }
  // After the doorbell, which the thread rings.
  end_.watch(env, environment_ends, this);
  open_ = true;
  return {};
}

Napi::Value EventWrap::next(const Napi::CallbackInfo& info) {
  if (!open_ || next_) {
    refuse(info.Env(), "next() of a reader that is closed, or has one pending");
    return {};
  }
  if (napi_value outcome = take(info.Env())) return {info.Env(), outcome};
  const Napi::Value promise = next_.make(info.Env());
  if (next_) doorbell_.keep_alive(info.Env(), true);
  return promise;
}

void EventWrap::answer(napi_env env) {
  napi_value outcome = next_ ? take(env) : nullptr;
  if (!outcome) return;
  doorbell_.keep_alive(env, false);
  next_.settle(env, outcome);
}

napi_value EventWrap::take(napi_env env) {
  EventSlab slabs[most_slabs];
  size_t count = 0;
  bool failed = false;
  do {
    failed = reader_.failed();  // first: what came before the failure is given before it
    count = reader_.take(slabs, most_slabs);
  } while (count == 0 && !failed && reader_.want());
  if (count == 0 && !failed) return nullptr;
  napi_value list = nullptr;
  napi_create_array_with_length(env, count, &list);
  const uint64_t now = wall_clock();
  for (uint32_t i = 0; i < count; i++) {
    if (napi_value buffer = copy(env, slabs[i], now)) napi_set_element(env, list, i, buffer);
  }
  reader_.give_back(slabs, count);
  if (count == 0) tell(env, reader_.failure());
  return list;
}

Napi::Value EventWrap::counters(const Napi::CallbackInfo& info) {
  const EventReader::Counters counters = reader_.counters();
  JsObject object(info.Env());
  object.set("received", counters.received)
      .set("lostInKernel", counters.lost_in_kernel)
      .set("lostInQueue", counters.lost_in_queue)
      .set("malformed", counters.malformed)
      .set("foreign", counters.foreign);
  return {info.Env(), object.value()};
}

Napi::Value EventWrap::mark(const Napi::CallbackInfo& info) {
  return {info.Env(), to_js(info.Env(), reader_.mark())};
}

Napi::Value EventWrap::receive_buffer_bytes(const Napi::CallbackInfo& info) {
  return {info.Env(), to_js(info.Env(), reader_.receive_buffer())};
}

void EventWrap::close(const Napi::CallbackInfo& info) {
  release(info.Env());
  next_.settle(info.Env());
}

void EventWrap::release(napi_env env) {
  if (!open_) return;
  open_ = false;
  reader_.stop();
  doorbell_.close();
  end_.forget(env);
}

void EventWrap::environment_ends(void* wrap) { static_cast<EventWrap*>(wrap)->reader_.stop(); }

}  // namespace conntrack::addon
