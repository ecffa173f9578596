// What a process of the same network namespace can send to those who listen.
//
//   forge multicast GROUP    a new entry to everybody who listens to the group
//   forge unicast PORT       the same to one socket
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const auto number = static_cast<unsigned>(strtoul(arguments[2], nullptr, 10));
  const bool multicast = strcmp(arguments[1], "multicast") == 0;
  const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  sockaddr_nl to = {};
  to.nl_family = AF_NETLINK;
  if (multicast) {
    to.nl_groups = 1u << (number - 1);
  } else {
    to.nl_pid = number;
  }
  struct {
    nlmsghdr header;
    nfgenmsg family;
  } message = {};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8;
  message.header.nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
  // A multicast answers ECONNREFUSED when it was delivered to the groups, but the
  // kernel, to whom a copy goes as well, found no request in it.
  const ssize_t sent =
      sendto(fd, &message, sizeof message, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
  if (sent < 0 && !(multicast && errno == ECONNREFUSED)) {
    perror("forge: sendto");
    return 1;
  }
  return 0;
}
