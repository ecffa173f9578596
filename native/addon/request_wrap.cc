#include "addon/request_wrap.h"

#include "addon/async_job.h"
#include "addon/slab_argument.h"
#include "os/clock.h"
#include "os/transaction.h"
#include "wire/decode.h"
#include "wire/encode.h"

namespace conntrack::addon {

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
    const auto take_in = [](const Message& message, void* job) {
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

class RequestWrap::CountJob : public RequestJob {
 public:
  using RequestJob::RequestJob;

 private:
  bool take(const Message& message) override { return decode_entry_count(message, entries_); }
  void describe(napi_env, JsObject& object) override { object.set("entries", entries_); }

  uint32_t entries_ = 0;
};

Napi::Function RequestWrap::define(Napi::Env env) {
  return DefineClass(env, "RequestSocket",
                     {
                         InstanceMethod<&RequestWrap::get>("get"),
                         InstanceMethod<&RequestWrap::count>("count"),
                         InstanceMethod<&RequestWrap::create>("create"),
                         InstanceMethod<&RequestWrap::close>("close"),
                     });
}

RequestWrap::RequestWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RequestWrap>(info) {
  // A worker that is being terminated: nobody will free this object.
  if (IsEmpty()) return;
  napi_value failure = to_js(info.Env(), socket_.open());
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

Napi::Value RequestWrap::get(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord key;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], key, extension)) return {};
  return AsyncJob::start(env, "conntrack.get",
                         new GetJob(*this, encode_get(key), uapi::MESSAGE_NEW));
}

Napi::Value RequestWrap::count(const Napi::CallbackInfo& info) {
  if (refuse(info.Env())) return {};
  return AsyncJob::start(info.Env(), "conntrack.count",
                         new CountJob(*this, encode_get_entry_count(), uapi::MESSAGE_GET_STATS));
}

Napi::Value RequestWrap::create(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  EntryRecord record;
  Extension extension;
  if (refuse(env) || !read_entry(env, info[0], record, extension)) return {};
  return AsyncJob::start(env, "conntrack.create",
                         new RequestJob(*this, encode_create(record, extension), 0));
}

void RequestWrap::close(const Napi::CallbackInfo& info) {
  if (!refuse(info.Env())) socket_.close();
}

}  // namespace conntrack::addon
