#include "addon/file_functions.h"

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

// Files that are opened where the namespace counts, and read anywhere.
class Files {
 public:
  Files(const Napi::CallbackInfo& info, const NetNamespace* space) {
    const auto paths = info[1].As<Napi::Array>();
    count_ = info[1].IsArray() ? paths.Length() : 0;
    files_.reset(new File[count_]);
    for (uint32_t i = 0; i < count_; i++) read_text(info.Env(), paths[i], files_[i].path);
    const Failure refused = open_in(space, [this] {
      for (File& file : *this) file.failure = file.file.open(file.path, false);
      return Failure{};
    });
    if (!refused) return;
    for (File& file : *this) file.failure = refused;
  }

  void read() {
    for (File& file : *this) {
      if (!file.failure) file.failure = file.file.read();
      file.file.close();
    }
  }

  napi_value describe(napi_env env) {
    napi_value list = nullptr;
    napi_create_array_with_length(env, count_, &list);
    uint32_t index = 0;
    for (File& file : *this) {
      JsObject object(env);
      const Bytes bytes = file.file.bytes();
      napi_value text = nullptr;
      napi_create_string_utf8(env, reinterpret_cast<const char*>(bytes.data), bytes.size, &text);
      if (!file.failure) object.set("text", text);
      napi_set_element(env, list, index++, object.set("failure", file.failure).value());
    }
    return list;
  }

 private:
  struct File {
    char path[longest_path];
    SmallFile file;
    Failure failure;
  };

  File* begin() { return files_.get(); }
  File* end() { return files_.get() + count_; }

  std::unique_ptr<File[]> files_;
  size_t count_ = 0;
};

class ReadJob : public AsyncJob {
 public:
  ReadJob(const Napi::CallbackInfo& info, const NetNamespace* space) : files_(info, space) {}

 private:
  void run() override { files_.read(); }
  napi_value result(napi_env env) override { return files_.describe(env); }
  void finish(napi_env) override {}

  Files files_;
};

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
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), info[0], space)) return {};
  return AsyncJob::start(info.Env(), "conntrack.files", new ReadJob(info, space));
}

Napi::Value read_files_now(const Napi::CallbackInfo& info) {
  const NetNamespace* space = nullptr;
  if (!namespace_argument(info.Env(), info[0], space)) return {};
  Files files(info, space);
  files.read();
  return {info.Env(), files.describe(info.Env())};
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
