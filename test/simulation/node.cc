#include "node.h"

#include <cstring>

#include "report.h"
#include "world.h"

using conntrack::test::JsClass;
using conntrack::test::JsValue;
using conntrack::test::Node;
using conntrack::test::World;
using conntrack::test::report::note;

// What napi_callback_info points to.
struct napi_callback_info__ {
  JsValue* self;
  JsValue* target;
  const std::vector<JsValue*>* arguments;
  void* data;
};

namespace {

Node& node() { return World::current()->node; }
conntrack::test::Threads& threads() { return World::current()->threads; }

JsValue* from(napi_value value) { return reinterpret_cast<JsValue*>(value); }
napi_value to(const JsValue* value) {
  return reinterpret_cast<napi_value>(const_cast<JsValue*>(value));
}

void on_first_thread() { HOLDS(threads().self() == 0); }

// As NAPI_PREAMBLE.
bool preamble() {
  on_first_thread();
  return node().can_run_javascript();
}

napi_status give(napi_value* out, JsValue* value) {
  *out = to(value);
  return napi_ok;
}

JsValue* text_value(const char* text, size_t size) {
  JsValue* value = node().make(JsValue::string);
  value->text = size == NAPI_AUTO_LENGTH ? text : std::string(text, size);
  return value;
}

napi_status make_error(napi_value message, napi_value* out) {
  JsValue* value = node().make(JsValue::error);
  value->text = from(message)->text;
  return give(out, value);
}

void set_property(JsValue* object, const char* name, JsValue* value) {
  for (auto& [known, old] : object->properties) {
    if (known != name) continue;
    old = value;
    return;
  }
  object->properties.emplace_back(name, value);
}

}  // namespace

namespace conntrack::test {

JsValue* JsValue::get(const char* name) const {
  for (const auto& [known, value] : properties) {
    if (known == name) return value;
  }
  return nullptr;
}

double JsValue::number_of(const char* name) const {
  const JsValue* value = get(name);
  return value ? value->amount : 0;
}

Node::Node(size_t pool) {
  for (size_t i = 0; i < pool; i++) {
    const auto run = [](void* given) { static_cast<Node*>(given)->work(); };
    last_of_pool_ = Threads::current()->start(run, this);
  }
}

Node::~Node() = default;

// The pool ---------------------------------------------------------------------------------------

void Node::work() {
  Threads& threads = *Threads::current();
  for (;;) {
    threads.wait([this] { return !queue_.empty() || is_over_; });
    if (queue_.empty()) return;
    Work& work = *queue_.front();
    queue_.pop_front();
    work.state = Work::running;
    threads.yield();
    work.execute(env(), work.data);
    work.state = Work::done;
    completed_.push_back(&work);
    threads.yield();
  }
}

// Values -----------------------------------------------------------------------------------------

JsValue* Node::make(JsValue::Kind kind) {
  values_.emplace_back();
  values_.back().kind = kind;
  return &values_.back();
}

JsValue* Node::make_buffer(size_t size) {
  JsValue* value = make(JsValue::buffer);
  value->memory = std::make_unique<uint8_t[]>(size);
  value->size = size;
  return value;
}

JsValue* Node::make_object(std::initializer_list<std::pair<const char*, JsValue*>> properties) {
  JsValue* value = make(JsValue::object);
  for (const auto& [name, property] : properties) value->properties.emplace_back(name, property);
  return value;
}

JsValue* Node::of(double number) {
  JsValue* value = make(JsValue::number);
  value->amount = number;
  return value;
}

JsValue* Node::of(bool boolean) {
  JsValue* value = make(JsValue::boolean);
  value->amount = boolean ? 1 : 0;
  return value;
}

// What JavaScript calls
// ----------------------------------------------------------------------------

JsValue* Node::run(napi_callback callback, JsValue* self, JsValue* made_of,
                   const std::vector<JsValue*>& arguments, void* data) {
  napi_callback_info__ info = {self, made_of, &arguments, data};
  const int64_t start = Threads::current()->now();
  JsValue* result = from(callback(env(), reinterpret_cast<napi_callback_info>(&info)));
  const int64_t took = Threads::current()->now() - start;
  if (took > second) violated("a call kept the thread of JavaScript for %.0f ms", took / 1e6);
  if (exception_) {
    exception_ = nullptr;
    return nullptr;
  }
  return result ? result : make(JsValue::undefined);
}

JsValue* Node::construct(napi_value of_class, JsValue* argument) {
  JsValue* object = make(JsValue::object);
  object->made_of = from(of_class)->made_of;
  return run(object->made_of->constructor, object, object, {argument}, nullptr) ? object : nullptr;
}

JsValue* Node::call(JsValue* object, const char* method,
                    std::initializer_list<JsValue*> arguments) {
  for (const napi_property_descriptor& one : object->made_of->methods) {
    if (strcmp(one.utf8name, method) != 0) continue;
    note(one.method ? one.utf8name : "get");
    return run(one.method ? one.method : one.getter, object, nullptr, arguments, one.data);
  }
  violated("no method %s", method);
}

void Node::await(JsValue* value, std::function<void(JsValue&)> then) {
  if (value->kind != JsValue::promise) return then(*value);
  HOLDS(!value->then);
  if (value->is_settled) return then(*value->result);
  value->then = std::move(then);
}

JsValue* Node::make_promise(const JsValue& executor) {
  JsValue* promise = make(JsValue::promise);
  JsValue* resolve = make(JsValue::function);
  resolve->resolves = promise;
  run(executor.callback, nullptr, nullptr, {resolve}, executor.data);
  return promise;
}

void Node::resolve(JsValue* promise, JsValue* result) {
  if (promise->is_settled) violated("a promise settles twice");
  promise->is_settled = true;
  promise->result = result;
  microtasks_.push_back([promise] {
    if (promise->then) promise->then(*promise->result);
  });
}

// The loop
// -----------------------------------------------------------------------------------------

bool Node::is_quiet() const {
  for (const Bell& bell : bells_) {
    if (!bell.is_gone && (bell.rings > 0 || bell.is_closing)) return false;
  }
  return jobs_ == 0;
}

void Node::run_microtasks() {
  while (!microtasks_.empty()) {
    std::vector<std::function<void()>> now;
    now.swap(microtasks_);
    for (const auto& task : now) task();
  }
}

// False when there is nothing to do.
bool Node::step() {
  Random& random = World::current()->random;
  if (!microtasks_.empty()) {
    run_microtasks();
    return true;
  }
  if (!completed_.empty() && random.once_in(2)) {
    Work& work = *completed_.front();
    completed_.pop_front();
    jobs_--;
    work.complete(env(), work.state == Work::cancelled ? napi_cancelled : napi_ok, work.data);
    exception_ = nullptr;
    run_microtasks();
    return true;
  }
  for (Bell& bell : bells_) {
    if (bell.is_gone) continue;
    if (bell.is_closing) {
      finish(bell);
      return true;
    }
    if (bell.rings == 0) continue;
    bell.rings--;
    bell.call(env(), nullptr, bell.context, nullptr);
    exception_ = nullptr;
    run_microtasks();
    return true;
  }
  for (size_t i = 0; i < dropped_.size(); i++) {
    JsValue* wrapper = dropped_[i];
    if (wrapper->amount != 0 || !random.once_in(2)) continue;  // strong references
    dropped_.erase(dropped_.begin() + static_cast<long>(i));
    note("collect");
    finalize(wrapper);
    return true;
  }
  return !completed_.empty();
}

bool Node::turn(int64_t until) {
  if (step()) return true;
  Threads& threads = *Threads::current();
  const auto has_work = [this] {
    if (!completed_.empty()) return true;
    for (const Bell& bell : bells_) {
      if (!bell.is_gone && (bell.rings > 0 || bell.is_closing)) return true;
    }
    return false;
  };
  return threads.wait(has_work, until);
}

void Node::finish(Bell& bell) {
  bell.is_gone = true;
  for (size_t i = 0; i < hooks_.size(); i++) {
    if (hooks_[i].data == &bell) hooks_.erase(hooks_.begin() + static_cast<long>(i--));
  }
  for (; bell.rings > 0; bell.rings--) bell.call(nullptr, nullptr, bell.context, nullptr);
  if (bell.finalize) bell.finalize(env(), bell.finalize_data, bell.context);
}

void Node::finalize(JsValue* wrapper) {
  for (size_t i = 0; i < wrappers_.size(); i++) {
    if (wrappers_[i] != wrapper) continue;
    wrappers_.erase(wrappers_.begin() + static_cast<long>(i));
    void* wrapped = wrapper->wrapped;
    wrapper->wrapped = nullptr;
    wrapper->finalize(env(), wrapped, nullptr);
    return;
  }
}

// FreeEnvironment(): jobs run and complete; then come the hooks, the last one first, and the
// finalizers.
void Node::end() {
  note("the environment ends");
  is_ending_ = true;
  microtasks_.clear();
  while (jobs_ > 0) turn(Threads::never);
  while (!hooks_.empty()) {
    const Hook hook = hooks_.back();
    hooks_.pop_back();
    hook.run(hook.data);
  }
  for (Bell& bell : bells_) {
    if (!bell.is_gone) finish(bell);
  }
  HOLDS(jobs_ == 0);
  while (!wrappers_.empty()) finalize(wrappers_.back());
  if (free_instance_data_) free_instance_data_(env(), instance_data_, nullptr);
  HOLDS(references_ == 0);
  for (const Bell& bell : bells_) HOLDS(bell.is_gone);
  HOLDS(hooks_.empty());
  is_over_ = true;
  for (size_t thread = 1; thread <= last_of_pool_; thread++) {
    Threads::current()->wait([thread] { return Threads::current()->has_ended(thread); });
  }
}

}  // namespace conntrack::test

// Node-API
// -------------------------------------------------------------------------------------------

extern "C" {

napi_status napi_get_undefined(napi_env, napi_value* out) {
  return give(out, node().make(JsValue::undefined));
}
napi_status napi_get_boolean(napi_env, bool boolean, napi_value* out) {
  return give(out, node().of(boolean));
}
napi_status napi_create_uint32(napi_env, uint32_t number, napi_value* out) {
  return give(out, node().of(static_cast<double>(number)));
}
napi_status napi_create_int64(napi_env, int64_t number, napi_value* out) {
  return give(out, node().of(static_cast<double>(number)));
}
napi_status napi_create_string_utf8(napi_env, const char* text, size_t size, napi_value* out) {
  return give(out, text_value(text, size));
}
napi_status napi_create_object(napi_env, napi_value* out) {
  return give(out, node().make(JsValue::object));
}
napi_status napi_create_array(napi_env, napi_value* out) {
  return give(out, node().make(JsValue::array));
}
napi_status napi_create_array_with_length(napi_env, size_t, napi_value* out) {
  return give(out, node().make(JsValue::array));
}
napi_status napi_create_arraybuffer(napi_env, size_t size, void** memory, napi_value* out) {
  if (!preamble()) return napi_pending_exception;
  JsValue* value = node().make_buffer(size);
  *memory = value->memory.get();
  return give(out, value);
}
napi_status napi_create_error(napi_env, napi_value, napi_value message, napi_value* out) {
  return make_error(message, out);
}
napi_status napi_create_type_error(napi_env, napi_value, napi_value message, napi_value* out) {
  return make_error(message, out);
}

napi_status napi_typeof(napi_env, napi_value value, napi_valuetype* out) {
  if (!value) return napi_invalid_arg;
  switch (from(value)->kind) {
    case JsValue::undefined:
      *out = napi_undefined;
      break;
    case JsValue::boolean:
      *out = napi_boolean;
      break;
    case JsValue::number:
      *out = napi_number;
      break;
    case JsValue::string:
      *out = napi_string;
      break;
    default:
      *out = napi_object;
  }
  return napi_ok;
}
napi_status napi_get_value_uint32(napi_env, napi_value value, uint32_t* out) {
  if (!value || from(value)->kind != JsValue::number) return napi_number_expected;
  *out = static_cast<uint32_t>(from(value)->amount);
  return napi_ok;
}
napi_status napi_get_value_bool(napi_env, napi_value value, bool* out) {
  if (!value || from(value)->kind != JsValue::boolean) return napi_boolean_expected;
  *out = from(value)->amount != 0;
  return napi_ok;
}
napi_status napi_get_value_string_utf8(napi_env, napi_value value, char* out, size_t size,
                                       size_t* length) {
  if (!value || from(value)->kind != JsValue::string) return napi_string_expected;
  *length = from(value)->text.copy(out, size - 1);
  out[*length] = 0;
  return napi_ok;
}
napi_status napi_is_array(napi_env, napi_value value, bool* out) {
  *out = value && from(value)->kind == JsValue::array;
  return napi_ok;
}
napi_status napi_is_arraybuffer(napi_env, napi_value value, bool* out) {
  if (!value) return napi_invalid_arg;
  *out = from(value)->kind == JsValue::buffer;
  return napi_ok;
}
napi_status napi_get_arraybuffer_info(napi_env, napi_value value, void** data, size_t* size) {
  *data = from(value)->memory.get();
  *size = from(value)->size;
  return napi_ok;
}
napi_status napi_get_array_length(napi_env, napi_value value, uint32_t* out) {
  *out = static_cast<uint32_t>(from(value)->elements.size());
  return napi_ok;
}
napi_status napi_get_element(napi_env, napi_value value, uint32_t index, napi_value* out) {
  if (!preamble()) return napi_pending_exception;
  const std::vector<JsValue*>& all = from(value)->elements;
  return give(out, index < all.size() ? all[index] : node().make(JsValue::undefined));
}
napi_status napi_set_element(napi_env, napi_value value, uint32_t index, napi_value element) {
  if (!preamble()) return napi_pending_exception;
  std::vector<JsValue*>& all = from(value)->elements;
  if (index >= all.size()) all.resize(index + 1);
  all[index] = from(element);
  return napi_ok;
}
napi_status napi_get_named_property(napi_env, napi_value object, const char* name,
                                    napi_value* out) {
  if (!preamble()) return napi_pending_exception;
  JsValue* value = from(object)->get(name);
  return give(out, value ? value : node().make(JsValue::undefined));
}
napi_status napi_set_named_property(napi_env, napi_value object, const char* name,
                                    napi_value value) {
  if (!preamble()) return napi_pending_exception;
  set_property(from(object), name, from(value));
  return napi_ok;
}
napi_status napi_has_property(napi_env, napi_value object, napi_value name, bool* out) {
  if (!preamble()) return napi_pending_exception;
  *out = from(object)->has(from(name)->text.c_str());
  return napi_ok;
}
napi_status napi_get_property(napi_env env, napi_value object, napi_value name, napi_value* out) {
  return napi_get_named_property(env, object, from(name)->text.c_str(), out);
}
napi_status napi_define_properties(napi_env, napi_value, size_t, const napi_property_descriptor*) {
  return preamble() ? napi_ok : napi_pending_exception;
}
napi_status napi_strict_equals(napi_env, napi_value left, napi_value right, bool* out) {
  if (!preamble()) return napi_pending_exception;
  *out = left == right;
  return napi_ok;
}

// Errors -----------------------------------------------------------------------------------------

napi_status napi_throw(napi_env, napi_value error) {
  if (!preamble()) return napi_pending_exception;
  node().exception_ = from(error);
  return napi_ok;
}
napi_status napi_is_exception_pending(napi_env, bool* out) {
  *out = node().exception_ != nullptr;
  return napi_ok;
}
napi_status napi_get_and_clear_last_exception(napi_env, napi_value* out) {
  JsValue* error = node().exception_;
  node().exception_ = nullptr;
  return give(out, error ? error : node().make(JsValue::undefined));
}
napi_status napi_get_last_error_info(napi_env, const napi_extended_error_info** out) {
  *out = &node().no_error_;
  return napi_ok;
}
void napi_fatal_error(const char* where, size_t, const char* what, size_t) {
  conntrack::test::violated("napi_fatal_error: %s: %s", where, what);
}

// Scopes and references
// ----------------------------------------------------------------------------

napi_status napi_open_handle_scope(napi_env, napi_handle_scope* out) {
  *out = nullptr;
  return napi_ok;
}
napi_status napi_close_handle_scope(napi_env, napi_handle_scope) { return napi_ok; }
napi_status napi_open_escapable_handle_scope(napi_env, napi_escapable_handle_scope* out) {
  *out = nullptr;
  return napi_ok;
}
napi_status napi_close_escapable_handle_scope(napi_env, napi_escapable_handle_scope) {
  return napi_ok;
}
napi_status napi_escape_handle(napi_env, napi_escapable_handle_scope, napi_value value,
                               napi_value* out) {
  *out = value;
  return napi_ok;
}
napi_status napi_close_callback_scope(napi_env, napi_callback_scope) { return napi_ok; }
napi_status napi_async_destroy(napi_env, napi_async_context) { return napi_ok; }

// The number of strong references of an object is in `amount`.
napi_status napi_create_reference(napi_env, napi_value value, uint32_t count, napi_ref* out) {
  on_first_thread();
  if (count > 0) from(value)->amount++;
  node().references_++;
  *out = reinterpret_cast<napi_ref>(new Node::Reference{from(value), count});
  return napi_ok;
}
napi_status napi_delete_reference(napi_env, napi_ref reference) {
  on_first_thread();
  auto* one = reinterpret_cast<Node::Reference*>(reference);
  if (one->count > 0) one->value->amount--;
  node().references_--;
  delete one;
  return napi_ok;
}
napi_status napi_reference_ref(napi_env, napi_ref reference, uint32_t* out) {
  on_first_thread();
  auto* one = reinterpret_cast<Node::Reference*>(reference);
  if (one->count++ == 0) one->value->amount++;
  if (out) *out = one->count;
  return napi_ok;
}
napi_status napi_reference_unref(napi_env, napi_ref reference, uint32_t* out) {
  on_first_thread();
  auto* one = reinterpret_cast<Node::Reference*>(reference);
  if (one->count == 0) return napi_generic_failure;
  if (--one->count == 0) one->value->amount--;
  if (out) *out = one->count;
  return napi_ok;
}
napi_status napi_get_reference_value(napi_env, napi_ref reference, napi_value* out) {
  return give(out, reinterpret_cast<Node::Reference*>(reference)->value);
}

// Objects
// --------------------------------------------------------------------------------------------

napi_status napi_define_class(napi_env, const char*, size_t, napi_callback constructor, void*,
                              size_t count, const napi_property_descriptor* properties,
                              napi_value* out) {
  node().classes_.push_back({constructor, {properties, properties + count}});
  JsValue* value = node().make(JsValue::object);
  value->made_of = &node().classes_.back();
  return give(out, value);
}
napi_status napi_create_function(napi_env, const char*, size_t, napi_callback callback, void* data,
                                 napi_value* out) {
  JsValue* value = node().make(JsValue::function);
  value->callback = callback;
  value->data = data;
  return give(out, value);
}
// The addon calls what resolves a promise, and nothing else.
napi_status napi_call_function(napi_env, napi_value, napi_value function, size_t count,
                               const napi_value* arguments, napi_value*) {
  HOLDS(count == 1 && from(function)->resolves);
  if (!preamble()) return napi_pending_exception;
  node().resolve(from(function)->resolves, from(arguments[0]));
  return napi_ok;
}
// The addon looks for Promise in it, and makes instances of that alone.
napi_status napi_get_global(napi_env, napi_value* out) {
  return give(out, node().make_object({{"Promise", node().make(JsValue::function)}}));
}
napi_status napi_new_instance(napi_env, napi_value, size_t count, const napi_value* arguments,
                              napi_value* out) {
  HOLDS(count == 1 && from(arguments[0])->callback);
  if (!preamble()) return napi_pending_exception;
  return give(out, node().make_promise(*from(arguments[0])));
}
napi_status napi_set_instance_data(napi_env, void* data, napi_finalize finalize, void*) {
  node().instance_data_ = data;
  node().free_instance_data_ = finalize;
  return napi_ok;
}
napi_status napi_get_instance_data(napi_env, void** out) {
  *out = node().instance_data_;
  return napi_ok;
}
napi_status napi_get_new_target(napi_env, napi_callback_info info, napi_value* out) {
  return give(out, reinterpret_cast<napi_callback_info__*>(info)->target);
}
napi_status napi_get_cb_info(napi_env, napi_callback_info info, size_t* count, napi_value* values,
                             napi_value* self, void** data) {
  const auto* given = reinterpret_cast<napi_callback_info__*>(info);
  if (count) {
    for (size_t i = 0; i < *count && values; i++) {
      JsValue* value = i < given->arguments->size() ? (*given->arguments)[i] : nullptr;
      values[i] = to(value ? value : node().make(JsValue::undefined));
    }
    *count = given->arguments->size();
  }
  if (self) *self = to(given->self);
  if (data) *data = given->data;
  return napi_ok;
}
napi_status napi_wrap(napi_env env, napi_value object, void* wrapped, napi_finalize finalize, void*,
                      napi_ref* out) {
  if (!preamble()) return napi_pending_exception;
  from(object)->wrapped = wrapped;
  from(object)->finalize = finalize;
  node().wrappers_.push_back(from(object));
  return out ? napi_create_reference(env, object, 0, out) : napi_ok;
}
napi_status napi_unwrap(napi_env, napi_value object, void** out) {
  if (!preamble()) return napi_pending_exception;
  *out = from(object)->wrapped;
  return *out ? napi_ok : napi_invalid_arg;
}
napi_status napi_remove_wrap(napi_env, napi_value object, void** out) {
  if (!preamble()) return napi_pending_exception;
  std::vector<JsValue*>& all = node().wrappers_;
  for (size_t i = 0; i < all.size(); i++) {
    if (all[i] == from(object)) all.erase(all.begin() + static_cast<long>(i--));
  }
  if (out) *out = from(object)->wrapped;
  from(object)->wrapped = nullptr;
  return napi_ok;
}
napi_status napi_add_finalizer(napi_env, napi_value, void*, napi_finalize, void*, napi_ref*) {
  return napi_ok;
}
napi_status napi_type_tag_object(napi_env, napi_value object, const napi_type_tag* tag) {
  from(object)->tag = *tag;
  return napi_ok;
}
napi_status napi_check_object_type_tag(napi_env, napi_value object, const napi_type_tag* tag,
                                       bool* out) {
  *out = from(object)->tag.lower == tag->lower && from(object)->tag.upper == tag->upper;
  return napi_ok;
}

// Jobs
// ---------------------------------------------------------------------------------------------

napi_status napi_create_async_work(napi_env, napi_value, napi_value,
                                   napi_async_execute_callback execute,
                                   napi_async_complete_callback complete, void* data,
                                   napi_async_work* out) {
  on_first_thread();
  node().works_.push_back({execute, complete, data});
  *out = reinterpret_cast<napi_async_work>(&node().works_.back());
  return napi_ok;
}
napi_status napi_queue_async_work(napi_env, napi_async_work work) {
  on_first_thread();
  auto* one = reinterpret_cast<Node::Work*>(work);
  HOLDS(one->state == Node::Work::created);
  one->state = Node::Work::queued;
  node().jobs_++;
  node().queue_.push_back(one);
  note("a job is queued", static_cast<int64_t>(node().jobs_));
  return napi_ok;
}
napi_status napi_cancel_async_work(napi_env, napi_async_work work) {
  on_first_thread();
  auto* one = reinterpret_cast<Node::Work*>(work);
  if (one->state != Node::Work::queued) return napi_generic_failure;
  std::deque<Node::Work*>& queue = node().queue_;
  for (size_t i = 0; i < queue.size(); i++) {
    if (queue[i] == one) queue.erase(queue.begin() + static_cast<long>(i--));
  }
  one->state = Node::Work::cancelled;
  node().completed_.push_back(one);
  return napi_ok;
}
napi_status napi_delete_async_work(napi_env, napi_async_work work) {
  on_first_thread();
  auto* one = reinterpret_cast<Node::Work*>(work);
  HOLDS(one->state == Node::Work::done || one->state == Node::Work::cancelled ||
        one->state == Node::Work::created);
  one->state = Node::Work::deleted;
  return napi_ok;
}

// Thread-safe functions and hooks
// --------------------------------------------------------------------

napi_status napi_create_threadsafe_function(napi_env, napi_value, napi_value, napi_value, size_t,
                                            size_t, void* finalize_data, napi_finalize finalize,
                                            void* context, napi_threadsafe_function_call_js call,
                                            napi_threadsafe_function* out) {
  on_first_thread();
  node().bells_.push_back({call, context, finalize, finalize_data});
  Node::Bell& bell = node().bells_.back();
  const auto close = [](void* given) { static_cast<Node::Bell*>(given)->is_closing = true; };
  node().hooks_.push_back({close, &bell});
  *out = reinterpret_cast<napi_threadsafe_function>(&bell);
  return napi_ok;
}
napi_status napi_call_threadsafe_function(napi_threadsafe_function function, void*,
                                          napi_threadsafe_function_call_mode) {
  auto* bell = reinterpret_cast<Node::Bell*>(function);
  threads().yield();
  if (bell->is_gone) conntrack::test::violated("a thread rings a doorbell that is gone");
  if (bell->is_closing) return napi_closing;
  bell->rings++;
  note("ring");
  threads().yield();
  return napi_ok;
}
napi_status napi_release_threadsafe_function(napi_threadsafe_function function,
                                             napi_threadsafe_function_release_mode) {
  on_first_thread();
  auto* bell = reinterpret_cast<Node::Bell*>(function);
  if (bell->is_gone) conntrack::test::violated("a doorbell is released that is gone");
  bell->is_closing = true;
  return napi_ok;
}
napi_status napi_ref_threadsafe_function(napi_env, napi_threadsafe_function) { return napi_ok; }
napi_status napi_unref_threadsafe_function(napi_env, napi_threadsafe_function) { return napi_ok; }

napi_status napi_add_env_cleanup_hook(napi_env, void (*run)(void*), void* data) {
  on_first_thread();
  node().hooks_.push_back({run, data});
  return napi_ok;
}
napi_status napi_remove_env_cleanup_hook(napi_env, void (*run)(void*), void* data) {
  on_first_thread();
  std::vector<Node::Hook>& all = node().hooks_;
  for (size_t i = 0; i < all.size(); i++) {
    if (all[i].run == run && all[i].data == data) all.erase(all.begin() + static_cast<long>(i--));
  }
  return napi_ok;
}

}  // extern "C"
