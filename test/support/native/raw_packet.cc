// Sends one IP packet of any protocol: what sockets of Node.js cannot do.
#include <arpa/inet.h>
#include <errno.h>
#include <napi.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union Address {
  sockaddr any;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
};

static socklen_t read_address(const Napi::Value& value, Address& out) {
  char text[INET6_ADDRSTRLEN] = {};
  napi_get_value_string_utf8(value.Env(), value, text, sizeof text, nullptr);
  memset(&out, 0, sizeof out);
  if (inet_pton(AF_INET, text, &out.ipv4.sin_addr) == 1) {
    out.any.sa_family = AF_INET;
    return sizeof out.ipv4;
  }
  if (inet_pton(AF_INET6, text, &out.ipv6.sin6_addr) == 1) {
    out.any.sa_family = AF_INET6;
    return sizeof out.ipv6;
  }
  return 0;
}

// sendPacket(protocol, source, destination, payload): 0, or an error number.
static Napi::Value SendPacket(const Napi::CallbackInfo& info) {
  const auto result = [&](int error) { return Napi::Number::New(info.Env(), error); };
  const int protocol = info[0].As<Napi::Number>().Int32Value();
  Address source;
  Address destination;
  const socklen_t size = read_address(info[1], source);
  if (size == 0 || read_address(info[2], destination) != size) return result(EINVAL);
  const auto payload = info[3].As<Napi::Uint8Array>();

  const int fd = socket(source.any.sa_family, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return result(errno);
  const bool sent =
      bind(fd, &source.any, size) == 0 &&
      sendto(fd, payload.Data(), payload.ByteLength(), 0, &destination.any, size) >= 0;
  const int error = sent ? 0 : errno;
  close(fd);
  return result(error);
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("sendPacket", Napi::Function::New<SendPacket>(env));
  return exports;
}

NODE_API_MODULE(raw_packet, Init)
