#include "addon/request_wrap.h"

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "addon/slab_argument.h"
#include "os/clock.h"
#include "os/transaction.h"
#include "wire/decode.h"
#include "wire/decode_expectation.h"
#include "wire/encode.h"
#include "wire/encode_expectation.h"
#include "wire/stats.h"

namespace conntrack::addon {

namespace {

// What an answer in many messages becomes, part by part.
template <typename Part>
class PartList {
 public:
  PartList() = default;
  PartList(const PartList&) = delete;
  PartList& operator=(const PartList&) = delete;
  ~PartList() {
    while (first_) {
      Node* next = first_->next;
      delete first_;
      first_ = next;
    }
  }

  Part& add() {
    Node* node = new Node;
    (last_ ? last_->next : first_) = node;
    last_ = node;
    return node->part;
  }
  Part* last() { return last_ ? &last_->part : nullptr; }

  template <typename Visit>
  void each(Visit visit) const {
    for (const Node* node = first_; node; node = node->next) visit(node->part);
  }

 private:
  struct Node {
    Part part;
    Node* next = nullptr;
  };

  Node* first_ = nullptr;
  Node* last_ = nullptr;
};

}  // namespace

// Holds the wrapping object, and so the socket, until it has run.
class RequestWrap::RequestJob : public AsyncJob {
 public:
  // `answer`: the type of the messages to take() before the ack; 0: none comes.
  RequestJob(RequestWrap& wrap, const RequestWriter& request, uint16_t answer)
      : wrap_(wrap), request_(request), answer_(answer) {
    wrap_.Ref();
    wrap_.busy_ = true;
  }

 protected:
  virtual bool take(const Message&) { return true; }
  virtual void describe(napi_env, JsObject&) {}

  void finish(napi_env) override {
    wrap_.busy_ = false;
    wrap_.Unref();
  }

 private:
  void run() override {
    const auto take_in = [](size_t, const Message& message, void* job) {
      return static_cast<RequestJob*>(job)->take(message);
    };
    failure_ = transact(wrap_.socket_, request_, buffer_, {answer_, take_in, this});
  }

  napi_value result(napi_env env) override {
    JsObject object(env);
    describe(env, object);
    return object.set("failure", failure_).value();
  }

  RequestWrap& wrap_;
  RequestWriter request_;
  const uint16_t answer_;
  Failure failure_;
  uint8_t buffer_[receive_buffer_size];
};

// Gives the entry in a slab of its own.
class RequestWrap::GetJob : public RequestJob {
 public:
  using RequestJob::RequestJob;

 private:
  bool take(const Message& message) override {
    EntryRecord decoded = {};
    Extension extension;
    if (!decode_entry(message, decoded, extension)) return false;
    size_ = SlabWriter::size_for(decoded, extension);
    SlabWriter slab(memory_, size_);
    EntryRecord* record = slab.reserve();
    *record = decoded;
    slab.stamp(wall_clock());
    slab.commit(record, extension);
    return true;
  }

  void describe(napi_env env, JsObject& object) override {
    if (size_ == 0) return;
    void* memory = nullptr;
    napi_value slab = nullptr;
    if (napi_create_arraybuffer(env, size_, &memory, &slab) != napi_ok) return;
    memcpy(memory, memory_, size_);
    object.set("slab", slab);
  }

  size_t size_ = 0;
  alignas(8) uint8_t memory_[SlabWriter::largest_entry];
};

class RequestWrap::UsageJob : public RequestJob {
 public:
  using RequestJob::RequestJob;

 private:
  bool take(const Message& message) override { return decode_usage(message, usage_); }
  void describe(napi_env, JsObject& object) override {
    object.set("entries", usage_.entries);
    if (usage_.has_maximum) object.set("maxEntries", usage_.maximum);
  }

  TableUsage usage_;
};

// Gives an array for each processor: its number, then ids and values by turns.
class RequestWrap::StatsJob : public RequestJob {
 public:
  using RequestJob::RequestJob;

 private:
  bool take(const Message& message) override { return decode_cpu_stats(message, cpus_.add()); }

  void describe(napi_env env, JsObject& object) override {
    napi_value cpus = nullptr;
    napi_create_array(env, &cpus);
    uint32_t count = 0;
    cpus_.each(
        [&](const CpuStats& stats) { napi_set_element(env, cpus, count++, numbers(env, stats)); });
    object.set("cpus", cpus);
  }

  static napi_value numbers(napi_env env, const CpuStats& stats) {
    napi_value array = nullptr;
    napi_create_array(env, &array);
    uint32_t length = 0;
    const auto push = [&](uint64_t number) {
      napi_set_element(env, array, length++, to_js(env, number));
    };
    push(stats.cpu);
    for (size_t i = 0; i < stats.count; i++) {
      push(stats.counters[i].id);
      push(stats.counters[i].value);
    }
    return array;
  }

  PartList<CpuStats> cpus_;
};

// Gives expectations, of which there are few, in slabs.
class RequestWrap::ExpectationJob : public RequestJob {
 public:
  ExpectationJob(RequestWrap& wrap, const RequestWriter& request)
      : RequestJob(wrap, request, uapi::MESSAGE_EXPECTATION_NEW) {}

 private:
  struct Part {
    ExpectationSlab slab{memory};
    alignas(8) uint8_t memory[slab_size];
  };

  bool take(const Message& message) override {
    ExpectationRecord decoded = {};
    ExpectationExtension extension;
    if (!decode_expectation(message, decoded, extension)) return false;
    const size_t size = extension_size(decoded, extension);
    ExpectationRecord* record = parts_.last() ? parts_.last()->slab.reserve() : nullptr;
    if (!record || !parts_.last()->slab.fits(size)) record = parts_.add().slab.reserve();
    ExpectationSlab& slab = parts_.last()->slab;
    *record = decoded;
    if (size > 0) write_extension(slab.extend(size, record->extension), extension);
    slab.commit();
    return true;
  }

  void describe(napi_env env, JsObject& object) override {
    napi_value slabs = nullptr;
    napi_create_array(env, &slabs);
    uint32_t count = 0;
    parts_.each([&](const Part& part) {
      void* memory = nullptr;
      napi_value slab = nullptr;
      if (napi_create_arraybuffer(env, slab_size, &memory, &slab) != napi_ok) return;
      memcpy(memory, part.memory, slab_size);
      napi_set_element(env, slabs, count++, slab);
    });
    object.set("slabs", slabs);
  }

  PartList<Part> parts_;
};

// Writes of entries, each followed by a get of what the kernel then has.
class RequestWrap::BatchJob : public AsyncJob {
 public:
  static constexpr size_t most_items = RequestBatch::capacity / 2;

  explicit BatchJob(RequestWrap& wrap) : wrap_(wrap) {
    wrap_.Ref();
    wrap_.busy_ = true;
  }

  // Instead of starting it.
  void drop() {
    finish(nullptr);
    delete this;
  }

  void add(const RequestWriter& write, const EntryRecord& entry) {
    complete_ = complete_ && batch_.add(write) && batch_.add(encode_get(entry));
  }

 private:
  void run() override {
    const auto take = [](size_t request, const Message& message, void* job) {
      return static_cast<BatchJob*>(job)->take(request / 2, message);
    };
    failure_ = complete_ ? transact(wrap_.socket_, batch_, buffer_, {uapi::MESSAGE_NEW, take, this},
                                    answers_)
                         : Failure::of_syscall("sendto", EMSGSIZE);
  }

  bool take(size_t item, const Message& message) {
    EntryRecord decoded = {};
    Extension extension;
    if (!decode_entry(message, decoded, extension)) return false;
    Entry& entry = entries_[item];
    entry.size = SlabWriter::size_for(decoded, extension);
    entry.memory.reset(new uint8_t[entry.size]);
    SlabWriter slab(entry.memory.get(), entry.size);
    EntryRecord* record = slab.reserve();
    *record = decoded;
    slab.stamp(wall_clock());
    slab.commit(record, extension);
    return true;
  }

  napi_value result(napi_env env) override {
    napi_value results = nullptr;
    const size_t count = batch_.count() / 2;
    napi_create_array_with_length(env, count, &results);
    for (uint32_t i = 0; i < count; i++) {
      napi_set_element(env, results, i, describe(env, i));
    }
    return JsObject(env).set("results", results).set("failure", failure_).value();
  }

  napi_value describe(napi_env env, size_t item) {
    JsObject object(env);
    const size_t write = 2 * item;
    if (answers_.states[write] == BatchAnswers::failed) {
      return object.set("failure", answers_.failures[write]).value();
    }
    if (answers_.states[write] == BatchAnswers::none) {
      return object.set("failure", failure_).value();
    }
    object.set("written", true);
    if (answers_.states[write + 1] == BatchAnswers::failed) {
      return object.set("failure", answers_.failures[write + 1]).value();
    }
    void* memory = nullptr;
    napi_value slab = nullptr;
    const Entry& entry = entries_[item];
    if (entry.size == 0 || napi_create_arraybuffer(env, entry.size, &memory, &slab) != napi_ok) {
      return object.set("failure", failure_).value();
    }
    memcpy(memory, entry.memory.get(), entry.size);
    return object.set("slab", slab).value();
  }

  void finish(napi_env) override {
    wrap_.busy_ = false;
    wrap_.Unref();
  }

  struct Entry {
    std::unique_ptr<uint8_t[]> memory;
    size_t size = 0;
  };

  RequestWrap& wrap_;
  bool complete_ = true;
  RequestBatch batch_;
  BatchAnswers answers_;
  Entry entries_[most_items];
  Failure failure_;
  uint8_t buffer_[receive_buffer_size];
};

Napi::Function RequestWrap::define(Napi::Env env) {
  return DefineClass(env, "RequestSocket",
                     {
                         InstanceMethod<&RequestWrap::get>("get"),
                         InstanceMethod<&RequestWrap::usage>("usage"),
                         InstanceMethod<&RequestWrap::stats>("stats"),
                         InstanceMethod<&RequestWrap::expectation_stats>("expectationStats"),
                         InstanceMethod<&RequestWrap::create>("create"),
                         InstanceMethod<&RequestWrap::update>("update"),
                         InstanceMethod<&RequestWrap::remove>("remove"),
                         InstanceMethod<&RequestWrap::flush>("flush"),
                         InstanceMethod<&RequestWrap::list_expectations>("listExpectations"),
                         InstanceMethod<&RequestWrap::get_expectation>("getExpectation"),
                         InstanceMethod<&RequestWrap::create_expectation>("createExpectation"),
                         InstanceMethod<&RequestWrap::remove_expectation>("removeExpectation"),
                         InstanceMethod<&RequestWrap::flush_expectations>("flushExpectations"),
                         InstanceMethod<&RequestWrap::close>("close"),
                     });
}

RequestWrap::RequestWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RequestWrap>(info) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info, 0, space)) return;
  const Failure opened = open_in(space, [this] { return socket_.open(); });
  napi_value failure = to_js(info.Env(), opened);
  if (failure) Value().Set("failure", Napi::Value(info.Env(), failure));
}

bool RequestWrap::refuse(Napi::Env env) const {
  if (!busy_) return false;
  Napi::TypeError::New(env, "one request at a time").ThrowAsJavaScriptException();
  return true;
}

bool RequestWrap::read_entry(Napi::Env env, Napi::Value slab, EntryRecord& record,
                             Extension& extension) {
  if (read_first_entry(buffer_bytes(env, slab), record, extension)) return true;
  Napi::TypeError::New(env, "the slab holds no entry").ThrowAsJavaScriptException();
  return false;
}

bool RequestWrap::read_specification(Napi::Env env, Napi::Value slab, size_t index,
                                     SpecRecord& spec, Extension& extension) {
  if (read_spec(buffer_bytes(env, slab), index, spec, extension)) return true;
  Napi::TypeError::New(env, "the slab holds no specification").ThrowAsJavaScriptException();
  return false;
}

Napi::Value RequestWrap::get(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord key;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], key, extension)) return {};
  return AsyncJob::start(env, "conntrack.get",
                         new GetJob(*this, encode_get(key), uapi::MESSAGE_NEW));
}

Napi::Value RequestWrap::usage(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return AsyncJob::start(info.Env(), "conntrack.stats",
                         new UsageJob(*this, encode_get_usage(), uapi::MESSAGE_GET_STATS));
}

Napi::Value RequestWrap::stats(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return AsyncJob::start(info.Env(), "conntrack.stats",
                         new StatsJob(*this, encode_get_cpu_stats(), uapi::MESSAGE_GET_STATS_CPU));
}

Napi::Value RequestWrap::expectation_stats(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return AsyncJob::start(
      info.Env(), "conntrack.stats",
      new StatsJob(*this, encode_get_expectation_cpu_stats(), uapi::MESSAGE_EXPECTATION_STATS_CPU));
}

Napi::Value RequestWrap::create(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const size_t count = number_argument(info, 1);
  if (refuse(env)) return {};
  if (count == 0 || count > BatchJob::most_items) {
    addon::refuse(env, "too many specifications at once");
    return {};
  }
  auto* job = new BatchJob(*this);
  for (size_t i = 0; i < count; i++) {
    SpecRecord spec;
    Extension extension;
    if (!read_specification(env, info[0], i, spec, extension)) {
      job->drop();
      return {};
    }
    job->add(encode_create(spec, extension), spec.entry);
  }
  return AsyncJob::start(env, "conntrack.create", job);
}

Napi::Value RequestWrap::update(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord entry;
  SpecRecord changes;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], entry, extension) ||
      !read_specification(env, info[1], 0, changes, extension)) {
    return {};
  }
  auto* job = new BatchJob(*this);
  job->add(encode_update(entry, changes, extension), entry);
  return AsyncJob::start(env, "conntrack.update", job);
}

Napi::Value RequestWrap::remove(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord entry;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], entry, extension)) return {};
  return AsyncJob::start(env, "conntrack.remove", new RequestJob(*this, encode_delete(entry), 0));
}

Napi::Value RequestWrap::flush(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  const auto family = static_cast<uint8_t>(number_argument(info, 0));
  return AsyncJob::start(info.Env(), "conntrack.flush",
                         new RequestJob(*this, encode_flush(family), 0));
}

bool RequestWrap::read_expectation(Napi::Env env, Napi::Value slab, ExpectationRecord& record,
                                   ExpectationExtension& extension) {
  if (read_first_expectation(buffer_bytes(env, slab), record, extension)) return true;
  Napi::TypeError::New(env, "the slab holds no expectation").ThrowAsJavaScriptException();
  return false;
}

Napi::Value RequestWrap::list_expectations(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return AsyncJob::start(info.Env(), "conntrack.expectations",
                         new ExpectationJob(*this, encode_expectation_list()));
}

Napi::Value RequestWrap::get_expectation(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ExpectationRecord key;
  ExpectationExtension extension;
  if (refuse(env) || !read_expectation(env, info[0], key, extension)) return {};
  return AsyncJob::start(env, "conntrack.expectations",
                         new ExpectationJob(*this, encode_expectation_get(key)));
}

Napi::Value RequestWrap::create_expectation(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ExpectationRecord record;
  ExpectationExtension extension;
  if (refuse(env) || !read_expectation(env, info[0], record, extension)) return {};
  return AsyncJob::start(env, "conntrack.expectations",
                         new RequestJob(*this, encode_expectation_create(record, extension), 0));
}

Napi::Value RequestWrap::remove_expectation(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  ExpectationRecord record;
  ExpectationExtension extension;
  if (refuse(env) || !read_expectation(env, info[0], record, extension)) return {};
  return AsyncJob::start(env, "conntrack.expectations",
                         new RequestJob(*this, encode_expectation_delete(record), 0));
}

Napi::Value RequestWrap::flush_expectations(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return AsyncJob::start(info.Env(), "conntrack.expectations",
                         new RequestJob(*this, encode_expectation_flush(), 0));
}

void RequestWrap::close(const Napi::CallbackInfo& info) {
  if (!refuse(info.Env())) socket_.close();
}

}  // namespace conntrack::addon
