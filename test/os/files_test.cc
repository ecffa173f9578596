// Small files, and the file of a network namespace.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "faults.h"
#include "os/net_namespace.h"
#include "os/small_file.h"

using namespace conntrack;
using namespace conntrack::test;

// A folder of its own.
struct Place {
  Place() {
    folder = std::filesystem::temp_directory_path() / "conntrack-test-XXXXXX";
    CHECK(mkdtemp(folder.data()));
  }
  ~Place() { CHECK_EQUAL(system(("rm -r " + folder).c_str()), 0); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = folder + '/' + name;
    FILE* file = fopen(path.c_str(), "w");
    CHECK(file);
    CHECK_EQUAL(fwrite(text.data(), 1, text.size(), file), text.size());
    fclose(file);
    return path;
  }

  Kernel kernel;
  std::string folder;
};

static std::string text_of(const SmallFile& file) {
  const Bytes bytes = file.bytes();
  return bytes.size == 0 ? "" : std::string(bytes.data, bytes.data + bytes.size);
}

TEST(a_file_of_any_size_is_read_as_a_whole) {
  Place place;
  for (const size_t size : {0, 1, 4095, 4096, 4097, 8192, 100'000}) {
    std::string text(size, 'x');
    if (size > 0) text[size - 1] = '\n';
    const std::string path = place.write("file", text);
    SmallFile file;
    CHECK(!file.open(path.c_str(), false));
    CHECK(!file.read());
    CHECK(text_of(file) == text);
    file.close();
    CHECK_EQUAL(place.kernel.descriptors(), 0u);
  }
}

TEST(a_file_that_is_too_large) {
  Place place;
  const std::string path = place.write("file", std::string(SmallFile::largest, 'x'));
  SmallFile file;
  CHECK(!file.open(path.c_str(), false));
  const Failure failure = file.read();
  CHECK_EQUAL(failure.error, EFBIG);
  SmallFile smaller;
  CHECK(
      !smaller.open(place.write("file", std::string(SmallFile::largest - 1, 'x')).c_str(), false));
  CHECK(!smaller.read());
}

TEST(every_call_can_fail) {
  Place place;
  const std::string path = place.write("file", "text");
  for (const int error : {EMFILE, ENOENT, EACCES, EIO}) {
    SmallFile file;
    place.kernel.fail_next("open", error);
    CHECK_EQUAL(file.open(path.c_str(), false).error, error);
    CHECK(!file.open(path.c_str(), false));
    place.kernel.fail_next("read", error);
    const Failure failure = file.read();
    CHECK_EQUAL(failure.error, error);
    CHECK_EQUAL(std::string(failure.syscall), "read");
    SmallFile written;
    CHECK(!written.open(path.c_str(), true));
    place.kernel.fail_next("write", error);
    CHECK_EQUAL(written.write({reinterpret_cast<const uint8_t*>("1"), 1}).error, error);
  }
  SmallFile file;
  CHECK(!file.open(path.c_str(), false));
  place.kernel.fail_next("malloc", ENOMEM);
  CHECK_EQUAL(file.read().error, ENOMEM);
}

TEST(a_signal_interrupts_nothing) {
  Place place;
  const std::string path = place.write("file", "text");
  SmallFile file;
  CHECK(!file.open(path.c_str(), false));
  place.kernel.fail_next("read", EINTR, 3);
  CHECK(!file.read());
  CHECK_EQUAL(text_of(file), "text");
  SmallFile written;
  CHECK(!written.open(path.c_str(), true));
  place.kernel.fail_next("write", EINTR, 3);
  CHECK(!written.write({reinterpret_cast<const uint8_t*>("1234"), 4}));
}

TEST(a_write_of_a_part_is_a_failure) {
  Place place;
  SmallFile file;
  CHECK(!file.open("/dev/full", true));
  CHECK_EQUAL(file.write({reinterpret_cast<const uint8_t*>("1"), 1}).error, ENOSPC);
}

// Namespaces -----------------------------------------------------------------------------

TEST(what_is_no_namespace_is_refused_before_it_is_opened) {
  Place place;
  const std::string fifo = place.folder + "/fifo";
  CHECK_EQUAL(mkfifo(fifo.c_str(), 0600), 0);
  const std::string link = place.folder + "/link";
  CHECK_EQUAL(symlink(fifo.c_str(), link.c_str()), 0);
  const std::string file = place.write("file", "text");
  for (const std::string& path : {file, fifo, link, place.folder, std::string("/dev/null"),
                                  std::string("/proc/self/status")}) {
    NetNamespace space;
    place.kernel.record_calls();
    const Failure failure = space.open(path.c_str());
    CHECK_EQUAL(failure.error, EINVAL);
    CHECK_EQUAL(std::string(failure.syscall ? failure.syscall : ""), "setns");
    // Nobody has entered anything, and nothing is left open.
    for (const std::string& call : place.kernel.calls()) CHECK(call != "setns");
    CHECK_EQUAL(place.kernel.descriptors(), 0u);
  }
}

TEST(a_namespace_of_another_kind_is_refused) {
  Kernel kernel;
  NetNamespace space;
  const Failure failure = space.open("/proc/self/ns/mnt");
  CHECK_EQUAL(failure.error, EINVAL);
  CHECK_EQUAL(std::string(failure.syscall), "setns");
  CHECK_EQUAL(kernel.descriptors(), 0u);
}

TEST(a_path_that_is_not_there) {
  Kernel kernel;
  NetNamespace space;
  const Failure failure = space.open("/proc/self/ns/none");
  CHECK_EQUAL(failure.error, ENOENT);
  CHECK_EQUAL(std::string(failure.syscall), "open");
}

TEST(every_call_of_open_fails) {
  Kernel kernel;
  for (const char* call : {"open", "fstatfs", "pthread_create", "setns"}) {
    for (const int error : {EPERM, EMFILE, EAGAIN}) {
      NetNamespace space;
      // As that of another process, which has to be entered.
      kernel.fail_next("readlinkat", ENOENT);
      kernel.fail_next(call, error);
      const Failure failure = space.open("/proc/self/ns/net");
      CHECK_EQUAL(failure.error, error);
      CHECK_EQUAL(std::string(failure.syscall), call);
      CHECK_EQUAL(kernel.descriptors(), 0u);
    }
  }
}

TEST(the_second_open_fails) {
  for (const int error : {EMFILE, ENOENT}) {
    Kernel kernel;
    NetNamespace space;
    kernel.before("fstatfs", [&] { kernel.fail_next("open", error); });
    const Failure failure = space.open("/proc/self/ns/net");
    // That of a path that is not there would be another.
    CHECK_EQUAL(failure.error, error == ENOENT ? ENOSYS : error);
    CHECK_EQUAL(std::string(failure.syscall), "open");
    CHECK_EQUAL(kernel.descriptors(), 0u);
  }
}

// As whoever may change the link could try.
TEST(a_link_that_changes_between_the_look_and_the_opening) {
  Place place;
  const std::string fifo = place.folder + "/fifo";
  CHECK_EQUAL(mkfifo(fifo.c_str(), 0600), 0);
  const std::string link = place.folder + "/link";
  CHECK_EQUAL(symlink("/proc/self/ns/net", link.c_str()), 0);
  place.kernel.before("fstatfs", [&] {
    CHECK_EQUAL(unlink(link.c_str()), 0);
    CHECK_EQUAL(symlink(fifo.c_str(), link.c_str()), 0);
  });
  NetNamespace space;
  CHECK(!space.open(link.c_str()));
  bool done = false;
  CHECK(!space.run([&] { done = true; }));
  CHECK(done);
}

TEST(our_own_is_not_entered) {
  Kernel kernel;
  NetNamespace space;
  kernel.record_calls();
  CHECK(!space.open("/proc/self/ns/net"));
  bool done = false;
  CHECK(!space.run([&] { done = true; }));
  CHECK(done);
  for (const std::string& call : kernel.calls()) CHECK(call != "setns" && call != "pthread_create");
  space.close();
  CHECK_EQUAL(space.run([] {}).error, EBADF);
}

TEST(work_is_done_in_it_or_not_at_all) {
  Kernel kernel;
  NetNamespace space;
  const auto enter = [&] { kernel.fail_next("readlinkat", ENOENT); };
  enter();
  // As root it is entered; an ordinary user may not.
  if (space.open("/proc/self/ns/net").error == EPERM) return;
  bool done = false;
  enter();
  CHECK(!space.run([&] { done = true; }));
  CHECK(done);
  enter();
  kernel.fail_next("setns", EPERM);
  done = false;
  CHECK_EQUAL(space.run([&] { done = true; }).error, EPERM);
  CHECK(!done);
  const auto open = [] { return Failure::of_syscall("socket", EMFILE); };
  enter();
  CHECK_EQUAL(open_in(&space, open).error, EMFILE);
  CHECK_EQUAL(open_in(nullptr, open).error, EMFILE);
  enter();
  kernel.fail_next("setns", EPERM);
  CHECK_EQUAL(open_in(&space, open).error, EPERM);
  space.close();
  CHECK_EQUAL(space.run([] {}).error, EBADF);
}

int main() { return check::run_tests(); }
