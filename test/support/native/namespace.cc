// Moves the calling thread into a fresh network namespace with the loopback
// device up. Sockets are opened, and child processes started, on the JavaScript
// thread: a test file that calls this first stays inside from then on. (libuv's
// pool threads stay outside: no asynchronous fs on /proc/sys/net.)
#include <errno.h>
#include <napi.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int enter() {
  if (unshare(CLONE_NEWNET) != 0) return errno;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ifreq request = {};
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const int error = ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
  close(fd);
  return error;
}

static Napi::Value EnterFreshNetwork(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), enter());
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("enterFreshNetwork", Napi::Function::New<EnterFreshNetwork>(env));
  return exports;
}

NODE_API_MODULE(namespace, Init)
