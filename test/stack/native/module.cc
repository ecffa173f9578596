// The entry point: the addon, and `script`, through which a test plays the
// kernel. See test/support/scripted-kernel.ts.
#include "addon/addon.h"
#include "clock.h"
#include "fault_script.h"
#include "kernel_socket.h"
#include "os/netlink_socket.h"

// To the scripted kernel this call of Node-API is an allocation: it may fail.
extern "C" {
#define SIGNATURE(name)                                                                          \
  napi_status name(napi_env env, napi_value function, napi_value resource, napi_value name_,     \
                   size_t longest_queue, size_t threads, void* finalize_data, napi_finalize end, \
                   void* context, napi_threadsafe_function_call_js call,                         \
                   napi_threadsafe_function* result)
SIGNATURE(__real_napi_create_threadsafe_function);
SIGNATURE(__wrap_napi_create_threadsafe_function) {
  using conntrack::test::Kernel;
  Kernel* kernel = Kernel::current();
  if (kernel && kernel->enter("malloc") != 0) return napi_generic_failure;
  return __real_napi_create_threadsafe_function(env, function, resource, name_, longest_queue,
                                                threads, finalize_data, end, context, call, result);
}
#undef SIGNATURE
}

namespace conntrack::test {

namespace {

// One for the process, as long as it lives: threads use it until the end.
Kernel& kernel() {
  static Kernel& only = *new Kernel;
  return only;
}

Napi::Value buffer(Napi::Env env, const Buffer& bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

Buffer bytes_of(const Napi::Value& value) {
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.Data() + array.ByteLength()};
}

// The kernel's end of the socket that was opened first among those not taken yet.
class Peer : public Napi::ObjectWrap<Peer> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Peer",
                       {
                           InstanceAccessor<&Peer::port_id>("portId"),
                           InstanceAccessor<&Peer::groups>("groups"),
                           InstanceMethod<&Peer::receive>("receive"),
                           InstanceMethod<&Peer::send>("send"),
                           InstanceMethod<&Peer::multicast>("multicast"),
                           InstanceMethod<&Peer::overrun>("overrun"),
                           InstanceMethod<&Peer::close>("close"),
                       });
  }

  explicit Peer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Peer>(info) {
    if (kernel().waiting() == 0) {
      Napi::Error::New(info.Env(), "no socket is waiting").ThrowAsJavaScriptException();
    } else {
      socket_ = kernel().accept();
    }
  }

 private:
  Napi::Value port_id(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), socket_->port_id());
  }

  Napi::Value groups(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), socket_->groups());
  }

  // receive(milliseconds): what was sent in one call; undefined when nothing was in that
  // time; empty when the other end is closed.
  Napi::Value receive(const Napi::CallbackInfo& info) {
    socket_->await_sent(info[0].ToNumber().Int32Value());
    Buffer bytes;
    if (socket_->next_sent(bytes) || socket_->closed()) return buffer(info.Env(), bytes);
    return info.Env().Undefined();
  }

  // send(sender, bytes): false when there was no room for the datagram.
  Napi::Value send(const Napi::CallbackInfo& info) {
    const bool sent = socket_->try_send(bytes_of(info[1]), info[0].ToNumber().Uint32Value());
    return Napi::Boolean::New(info.Env(), sent);
  }

  // multicast(group, netns, bytes): whether it was heard, and otherwise why not.
  Napi::Value multicast(const Napi::CallbackInfo& info) {
    static constexpr const char* words[] = {"yes", "no", "dropped", "kept for later"};
    const KernelSocket::Heard heard = socket_->multicast(
        info[0].ToNumber().Uint32Value(), {bytes_of(info[2])}, info[1].ToNumber().Int32Value());
    return Napi::String::New(info.Env(), words[static_cast<size_t>(heard)]);
  }

  void overrun(const Napi::CallbackInfo& info) {
    socket_->overrun(info[0].ToNumber().Uint32Value());
  }

  void close(const Napi::CallbackInfo&) { socket_->break_off(ECONNRESET); }

  std::shared_ptr<KernelSocket> socket_;
};

Napi::Value waiting_sockets(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(kernel().waiting()));
}

// failNext(call, errno, times)
void fail_next(const Napi::CallbackInfo& info) {
  kernel().fail_next(info[0].ToString(), info[1].ToNumber().Int32Value(),
                     info[2].ToNumber().Uint32Value());
}

// The clock of the addon stands still from stopClock() to startClock().
StoppedClock* stopped_clock = nullptr;

void stop_clock(const Napi::CallbackInfo&) { stopped_clock = new StoppedClock; }

void start_clock(const Napi::CallbackInfo&) {
  delete stopped_clock;
  stopped_clock = nullptr;
}

// advanceClock(milliseconds): how far it went
Napi::Value advance_clock(const Napi::CallbackInfo& info) {
  const int64_t milliseconds = info[0].ToNumber().Int64Value();
  const int64_t moved = stopped_clock ? stopped_clock->advance_to_end_of_wait(milliseconds) : 0;
  return Napi::Number::New(info.Env(), static_cast<double>(moved));
}

}  // namespace

static Napi::Object define_script(Napi::Env env) {
  kernel();
  Napi::Object script = Napi::Object::New(env);
  script.Set("receiveBufferSize", Napi::Number::New(env, receive_buffer_size));
  script.Set("Peer", Peer::define(env));
  script.Set("waitingSockets", Napi::Function::New<waiting_sockets>(env));
  script.Set("failNext", Napi::Function::New<fail_next>(env));
  script.Set("stopClock", Napi::Function::New<stop_clock>(env));
  script.Set("startClock", Napi::Function::New<start_clock>(env));
  script.Set("advanceClock", Napi::Function::New<advance_clock>(env));
  define_fault_script(env, script);
  return script;
}

}  // namespace conntrack::test

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("script", conntrack::test::define_script(env));
  return conntrack::addon::define_exports(env, exports);
}

NODE_API_MODULE(scripted, Init)
