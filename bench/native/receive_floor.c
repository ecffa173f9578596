// The limit that no reader of the table can pass: dumps it, receives, and looks
// at nothing but the type of the first message of each datagram. (The kernel
// sends the end of a ctnetlink dump, and errors, as datagrams of their own.)
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "common.h"

// The kernel fills up to 32 KiB; a larger buffer changes nothing.
static char buffer[65536] __attribute__((aligned(4096)));

int main(void) {
  const int fd = open_socket();
  const struct timeval patience = {.tv_sec = 10};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience))
    fail("setsockopt", errno);
  const struct {
    struct nlmsghdr header;
    struct nfgenmsg family;
  } request = {
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
  };
  long receives = 0;
  long bytes = 0;
  const double start = now();
  send_all(fd, &request, sizeof request);
  for (;;) {
    const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
    if (size < 0) fail("recv", errno);
    const struct nlmsghdr* first = (const struct nlmsghdr*)buffer;
    if (first->nlmsg_type == NLMSG_DONE) break;
    if (first->nlmsg_type == NLMSG_ERROR) {
      fail("dump", -((const struct nlmsgerr*)NLMSG_DATA(first))->error);
    }
    receives++;
    bytes += size;
  }
  printf("{\"seconds\": %.9f, \"receives\": %ld, \"bytes\": %ld}\n", now() - start, receives,
         bytes);
  return 0;
}
