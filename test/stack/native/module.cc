// The entry point: the addon, and `script`, through which a test plays the
// kernel. See test/support/scripted-kernel.ts.
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "addon/addon.h"
#include "os/netlink_socket.h"
#include "script.h"

namespace conntrack::test {

namespace {

// The kernel's end of the socket that was opened first among those not taken yet.
class Peer : public Napi::ObjectWrap<Peer> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Peer",
                       {
                           InstanceMethod<&Peer::receive>("receive"),
                           InstanceMethod<&Peer::send>("send"),
                           InstanceMethod<&Peer::close>("close"),
                       });
  }

  explicit Peer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Peer>(info) {
    Script& script = Script::current();
    if (script.peer_count() == 0) {
      Napi::Error::New(info.Env(), "no socket is waiting").ThrowAsJavaScriptException();
    } else {
      fd_ = script.take_peer();
    }
  }

 private:
  // receive(milliseconds): one request; undefined when none came in time; empty
  // when the other end is closed.
  Napi::Value receive(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    pollfd readable = {fd_.get(), POLLIN, 0};
    ::poll(&readable, 1, info[0].ToNumber().Int32Value());
    static thread_local uint8_t request[1 << 18];
    const ssize_t size = ::recv(fd_.get(), request, sizeof request, 0);
    if (size >= 0) return Napi::Buffer<uint8_t>::Copy(env, request, static_cast<size_t>(size));
    if (errno == EAGAIN) return env.Undefined();
    // It was closed with datagrams unread.
    if (errno == ECONNRESET) return Napi::Buffer<uint8_t>::New(env, 0);
    return failed(env, "recv");
  }

  // send(milliseconds, sender, bytes): false when there was no room for the
  // datagram in that time.
  Napi::Value send(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    pollfd writable = {fd_.get(), POLLOUT, 0};
    ::poll(&writable, 1, info[0].ToNumber().Int32Value());
    uint32_t sender = info[1].ToNumber().Uint32Value();
    auto bytes = info[2].As<Napi::Uint8Array>();
    iovec parts[] = {{&sender, sizeof sender}, {bytes.Data(), bytes.ByteLength()}};
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const bool sent = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) >= 0;
    if (!sent && errno != EAGAIN) return failed(env, "sendmsg");
    return Napi::Boolean::New(env, sent);
  }

  void close(const Napi::CallbackInfo&) { fd_.reset(); }

  static Napi::Value failed(Napi::Env env, const char* syscall) {
    const int error = errno;
    Napi::Error exception = Napi::Error::New(env, std::string(syscall) + " failed");
    exception.Set("errno", Napi::Number::New(env, error));
    exception.ThrowAsJavaScriptException();
    return {};
  }

  Fd fd_;
};

Napi::Value waiting_sockets(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(Script::current().peer_count()));
}

void fail_next_open(const Napi::CallbackInfo& info) {
  Script::current().fail_next_open(info[0].ToString(), info[1].ToNumber().Int32Value());
}

}  // namespace

static Napi::Object define_script(Napi::Env env) {
  env.SetInstanceData(new Script);
  Napi::Object script = Napi::Object::New(env);
  script.Set("portId", Napi::Number::New(env, Script::port_id));
  script.Set("receiveBufferSize", Napi::Number::New(env, receive_buffer_size));
  script.Set("Peer", Peer::define(env));
  script.Set("waitingSockets", Napi::Function::New<waiting_sockets>(env));
  script.Set("failNextOpen", Napi::Function::New<fail_next_open>(env));
  return script;
}

}  // namespace conntrack::test

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("script", conntrack::test::define_script(env));
  return conntrack::addon::define_exports(env, exports);
}

NODE_API_MODULE(scripted, Init)
