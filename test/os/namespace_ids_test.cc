#include "os/namespace_ids.h"

#include <filesystem>

#include "faults.h"
#include "messages.h"

using namespace conntrack;
using namespace conntrack::test;
using namespace conntrack::uapi;

static constexpr const char* own = "/proc/self/ns/net";

static Buffer id_of(uint32_t request, int32_t id) {
  return answer(request, MESSAGE_NAMESPACE_ID,
                join({{0, 0, 0, 0}, attribute(NETNSA_NSID, host(id))}));
}

struct Looking {
  Looking() {
    CHECK(!ids.open());
    socket = kernel.accept();
  }

  Kernel kernel;
  NamespaceIds ids;
  NamespaceId found;
  std::shared_ptr<KernelSocket> socket;
};

TEST(every_call_of_open_can_fail) {
  fail_each_call([] { return NamespaceIds().open(); }, {"connect", "setsockopt"});
}

TEST(the_id_and_the_inode) {
  Looking looking;
  looking.socket->send({id_of(1, 7)});
  CHECK(!looking.ids.look_up(own, looking.found));
  CHECK(!looking.found.failure);
  CHECK_EQUAL(looking.found.id, 7);
  const std::string link = std::filesystem::read_symlink(own).string();
  CHECK_EQUAL("net:[" + std::to_string(looking.found.inode) + "]", link);
  CHECK_EQUAL(looking.socket->requests().size(), 1u);
  // Only the socket is open.
  CHECK_EQUAL(looking.kernel.descriptors(), 1u);

  looking.socket->send({id_of(2, -1)});
  CHECK(!looking.ids.look_up(own, looking.found));
  CHECK_EQUAL(looking.found.id, -1);
  CHECK(looking.found.inode != 0);
}

TEST(what_is_no_namespace_is_not_asked_for) {
  Looking looking;
  looking.found.id = 7;
  CHECK(!looking.ids.look_up("/proc/self/status", looking.found));
  CHECK_EQUAL(looking.found.failure.error, EINVAL);
  CHECK_EQUAL(looking.found.id, -1);
  CHECK(!looking.ids.look_up("/no/such/file", looking.found));
  CHECK_EQUAL(looking.found.failure.error, ENOENT);
  CHECK(looking.socket->requests().empty());
}

TEST(a_namespace_of_another_kind_is_refused) {
  Looking looking;
  looking.socket->send({error(1, EINVAL)});
  CHECK(!looking.ids.look_up("/proc/self/ns/uts", looking.found));
  CHECK_EQUAL(looking.found.failure.error, EINVAL);
  CHECK_EQUAL(looking.found.inode, 0u);
}

TEST(a_socket_that_fails) {
  for (const int number : {EOPNOTSUPP, EPERM, ENOMEM}) {
    Looking looking;
    looking.socket->send({error(1, number)});
    CHECK_EQUAL(looking.ids.look_up(own, looking.found).error, number);
    CHECK_EQUAL(looking.found.id, -1);
  }
  Looking looking;
  looking.kernel.fail_next("sendto", EINVAL);
  const Failure failure = looking.ids.look_up(own, looking.found);
  CHECK_EQUAL(failure.error, EINVAL);
  CHECK(failure.syscall);
}

int main() { return check::run_tests(); }
