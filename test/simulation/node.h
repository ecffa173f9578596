// Node.js, as far as the addon sees it: values, objects, promises, jobs of the thread pool,
// thread-safe functions, cleanup hooks, finalizers, and the end of the environment.
#pragma once

#include <node_api.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "message_builder.h"

struct napi_env__ {};

namespace conntrack::test {

struct JsClass;

// What napi_value points to.
struct JsValue {
  enum Kind : uint8_t {
    undefined,
    boolean,
    number,
    string,
    object,
    array,
    buffer,
    error,
    promise,
    function
  };
  Kind kind = undefined;
  double amount = 0;
  std::string text;
  std::vector<std::pair<std::string, JsValue*>> properties;
  std::vector<JsValue*> elements;
  std::unique_ptr<uint8_t[]> memory;
  size_t size = 0;
  const JsClass* made_of = nullptr;
  void* wrapped = nullptr;
  napi_finalize finalize = nullptr;
  napi_type_tag tag = {};

  bool has(const char* name) const { return get(name) != nullptr; }
  JsValue* get(const char* name) const;
  double number_of(const char* name) const;

  // Of a promise.
  bool is_settled = false;
  JsValue* result = nullptr;
  std::function<void(JsValue&)> then;

  // Of a function: of the addon, or the one that resolves this promise.
  napi_callback callback = nullptr;
  void* data = nullptr;
  JsValue* resolves = nullptr;
};

struct JsClass {
  napi_callback constructor;
  std::vector<napi_property_descriptor> methods;
};

class Node {
 public:
  // `pool`: threads of it.
  explicit Node(size_t pool);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // What JavaScript does, on the first thread ---------------------------------------------------

  JsValue* make(JsValue::Kind kind);
  JsValue* make_buffer(size_t size);
  JsValue* make_object(std::initializer_list<std::pair<const char*, JsValue*>> properties);
  JsValue* of(double number);
  JsValue* of(bool boolean);

  // nullptr: it has thrown.
  JsValue* construct(napi_value of_class, JsValue* argument);
  JsValue* call(JsValue* object, const char* method,
                std::initializer_list<JsValue*> arguments = {});
  // `then`: at once when it is no promise.
  static void await(JsValue* value, std::function<void(JsValue&)> then);
  // Of an object that nothing of JavaScript refers to any more: it may be collected.
  void drop(JsValue* object) { dropped_.push_back(object); }
  // Frees the memory of a buffer.
  static void forget(JsValue* buffer) { buffer->memory.reset(); }

  // Does what is due, or waits for that until then. False when nothing was.
  bool turn(int64_t until);
  // At the end of each step of JavaScript.
  void run_microtasks();
  // Neither jobs nor rings are left.
  bool is_quiet() const;
  // Ends the environment, in the middle of whatever is under way.
  void end();
  bool is_ending() const { return is_ending_; }

  // Whether this thread is the first one, or of the pool.
  bool owns(size_t thread) const { return thread <= last_of_pool_; }
  napi_env env() { return &env_; }

  napi_value dump_reader = nullptr;
  napi_value event_reader = nullptr;
  napi_value table_changer = nullptr;
  napi_value request_socket = nullptr;
  napi_value net_namespace = nullptr;

  // For node.cc -----------------------------------------------------------------------------------

  struct Work {
    napi_async_execute_callback execute;
    napi_async_complete_callback complete;
    void* data;
    enum { created, queued, running, done, cancelled, deleted } state = created;
  };
  struct Bell {
    napi_threadsafe_function_call_js call;
    void* context;
    napi_finalize finalize;
    void* finalize_data;
    size_t rings = 0;
    bool is_closing = false;
    bool is_gone = false;
  };
  struct Reference {
    JsValue* value;
    uint32_t count;
  };
  struct Hook {
    void (*run)(void*);
    void* data;
  };

  bool can_run_javascript() const { return !is_ending_ && !exception_; }
  // What `new Promise(executor)` makes.
  JsValue* make_promise(const JsValue& executor);
  void resolve(JsValue* promise, JsValue* result);

  napi_env__ env_;
  std::deque<JsValue> values_;
  std::deque<JsClass> classes_;
  std::deque<Work> works_;
  std::deque<Work*> queue_;  // of the pool
  std::deque<Work*> completed_;
  std::deque<Bell> bells_;
  std::vector<Hook> hooks_;
  std::vector<std::function<void()>> microtasks_;
  std::vector<JsValue*> wrappers_;
  std::vector<JsValue*> dropped_;
  JsValue* exception_ = nullptr;
  void* instance_data_ = nullptr;
  napi_finalize free_instance_data_ = nullptr;
  size_t references_ = 0;  // that were created and not deleted
  size_t jobs_ = 0;        // queued, or not completed
  bool is_ending_ = false;
  bool is_over_ = false;
  size_t last_of_pool_ = 0;
  const napi_extended_error_info no_error_ = {};

 private:
  JsValue* run(napi_callback callback, JsValue* self, JsValue* made_of,
               const std::vector<JsValue*>& arguments, void* data);
  bool step();
  void finalize(JsValue* wrapper);
  void finish(Bell& bell);
  void work();
};

}  // namespace conntrack::test
