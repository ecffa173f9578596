#include "addon/file_functions.h"

#include <errno.h>

#include <memory>
#include <new>

#include "addon/arguments.h"
#include "addon/async_job.h"
#include "addon/namespace_wrap.h"
#include "os/event_socket.h"
#include "os/small_file.h"

namespace conntrack::addon {

namespace {

constexpr size_t longest_path = 256;
constexpr size_t longest_value = 64;  // of a setting

template <size_t Size>
void read_text(napi_env env, napi_value value, char (&out)[Size]) {
  size_t length = 0;
  out[0] = 0;
  napi_get_value_string_utf8(env, value, out, Size, &length);
}

struct ReadFile {
  char path[longest_path];
  SmallFile file;
  Failure failure;
};

// One after the other, where the namespace counts: that many descriptors need not be free.
void read_all(ReadFile* files, uint32_t count) {
  for (ReadFile* file = files; file != files + count; file++) {
    file->failure = file->file.open(file->path, false);
    if (!file->failure) file->failure = file->file.read();
    file->file.close();
  }
}

class WriteJob : public AsyncJob {
 public:
  WriteJob(const Napi::CallbackInfo& info, const NetNamespace* space) {
    char path[longest_path];
    read_text(info.Env(), info[1], path);
    read_text(info.Env(), info[2], text_);
    failure_ = open_in(space, [&] { return file_.open(path, true); });
  }

 private:
  void run() override {
    if (!failure_) {
      failure_ = file_.write({reinterpret_cast<const uint8_t*>(text_), strlen(text_)});
    }
    file_.close();
  }
  napi_value result(napi_env env) override {
    return JsObject(env).set("failure", failure_).value();
  }
  void finish(napi_env) override {}

  char text_[longest_value];
  SmallFile file_;
  Failure failure_;
};

}  // namespace

Napi::Value read_files(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const NetNamespace* space = nullptr;
  if (!namespace_argument(env, info[0], space)) return {};
  const auto paths = info[1].As<Napi::Array>();
  const uint32_t count = info[1].IsArray() ? paths.Length() : 0;
  napi_value list = nullptr;
  napi_create_array_with_length(env, count, &list);
  if (count == 0) return {env, list};
  const std::unique_ptr<ReadFile[]> files(new (std::nothrow) ReadFile[count]);
  for (uint32_t i = 0; files && i < count; i++) read_text(env, paths[i], files[i].path);
  const Failure refused = files ? open_in(space,
                                          [&] {
                                            read_all(files.get(), count);
                                            return Failure{};
                                          })
                                : Failure::of_syscall("malloc", ENOMEM);
  for (uint32_t i = 0; i < count; i++) {
    JsObject object(env);
    const Failure& failure = refused ? refused : files[i].failure;
    napi_value text = nullptr;
    if (!failure) {
      const Bytes bytes = files[i].file.bytes();
      napi_create_string_utf8(env, reinterpret_cast<const char*>(bytes.data), bytes.size, &text);
    }
    napi_set_element(env, list, i, object.set("text", text).set("failure", failure).value());
  }
  return {env, list};
}

Napi::Value write_file(const Napi::CallbackInfo& info) {
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), info[0], space)) return {};
  return AsyncJob::start(info.Env(), "conntrack.files", new WriteJob(info, space));
}

Napi::Value granted_receive_buffer(const Napi::CallbackInfo& info) {
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), info[0], space)) return {};
  EventSocket socket;
  EventSocket::Options options;  // of no group: who does not listen changes nothing
  options.receive_buffer = to_number(info.Env(), info[1]);
  const Failure failure = open_in(space, [&] { return socket.open(options); });
  JsObject object(info.Env());
  if (!failure) object.set("bytes", socket.receive_buffer());
  return {info.Env(), object.set("failure", failure).value()};
}

}  // namespace conntrack::addon
