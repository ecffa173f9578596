// What a process of the same network namespace can send to those who listen.
//
//   forge multicast GROUP       a new entry to everybody who listens to the group
//   forge unicast PORT          the same to one socket
//   forge flood RATE [PORT...]  RATE datagrams a second, in turn each kind of message to each group
//                               of ctnetlink and to each port, until stdin ends; then prints how
//                               many went to each of the six groups, and how many to ports
#include <errno.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "table_request.h"

namespace {

constexpr unsigned groups = 6;  // NFNLGRP_CONNTRACK_NEW to NFNLGRP_CONNTRACK_EXP_DESTROY
constexpr size_t largest = 512;
constexpr unsigned datagrams_a_turn = 50;

enum Kind { entry, update, destroy, empty, lying_length, lying_attribute, error, done, overrun };
constexpr unsigned kinds = overrun + 1;

// 203.0.113.0/24: no test has an entry of these addresses.
size_t write_message(uint8_t* at, unsigned kind, uint32_t number) {
  memset(at, 0, largest);
  Request out(at, kind == destroy ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW,
              kind == entry ? NLM_F_CREATE | NLM_F_EXCL : 0, AF_INET);
  auto* header = reinterpret_cast<nlmsghdr*>(at);
  header->nlmsg_flags &= static_cast<uint16_t>(~NLM_F_REQUEST);
  if (kind != empty) {
    const Endpoint from = {{203, 0, 113, static_cast<uint8_t>(number)}, 40000};
    const Endpoint to = {{203, 0, 113, 255}, 53};
    out.tuple(CTA_TUPLE_ORIG, false, from, to);
    out.tuple(CTA_TUPLE_REPLY, false, to, from);
    out.integer(CTA_ID, number);
    out.integer(CTA_STATUS, 14);
    out.integer(CTA_TIMEOUT, 600);
  }
  const size_t size = out.finish();
  if (kind == lying_length) header->nlmsg_len += 4096;
  if (kind == lying_attribute) {
    reinterpret_cast<nlattr*>(at + NLMSG_LENGTH(sizeof(nfgenmsg)))->nla_len = 60000;
  }
  if (kind == error) header->nlmsg_type = NLMSG_ERROR;
  if (kind == done) header->nlmsg_type = NLMSG_DONE;
  if (kind == overrun) header->nlmsg_type = NLMSG_OVERRUN;
  return size;
}

struct Target {
  unsigned group;
  unsigned port;
};

bool send_to(int fd, const void* data, size_t size, const Target& target) {
  sockaddr_nl to = {};
  to.nl_family = AF_NETLINK;
  to.nl_groups = target.group == 0 ? 0 : 1u << (target.group - 1);
  to.nl_pid = target.port;
  if (sendto(fd, data, size, 0, reinterpret_cast<sockaddr*>(&to), sizeof to) >= 0) return true;
  // A multicast answers ECONNREFUSED when it was delivered to the groups, but the
  // kernel, to whom a copy goes as well, found no request in it.
  return target.group != 0 && errno == ECONNREFUSED;
}

int open_socket() {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd >= 0) return fd;
  perror("forge: socket");
  exit(1);
}

// Whether stdin goes on after so many milliseconds.
bool goes_on(int milliseconds) {
  pollfd in = {STDIN_FILENO, POLLIN, 0};
  return poll(&in, 1, milliseconds) == 0;
}

int flood(double rate, char** ports, int count) {
  const int fd = open_socket();
  alignas(8) uint8_t message[largest];
  unsigned long sent[groups + 1] = {};
  unsigned kind = 0;
  timespec began;
  clock_gettime(CLOCK_MONOTONIC, &began);
  double ahead = 0;
  for (unsigned long turn = 0; goes_on(ahead > 0 ? static_cast<int>(ahead * 1000) : 0);) {
    for (unsigned i = 0; i < datagrams_a_turn; i++, turn++) {
      const unsigned targets = groups + static_cast<unsigned>(count);
      const unsigned at = static_cast<unsigned>(turn % targets);
      if (at == 0) kind = (kind + 1) % kinds;
      const size_t size = write_message(message, kind, static_cast<uint32_t>(turn));
      if (at < groups) {
        if (send_to(fd, message, size, {at + 1, 0})) sent[at]++;
      } else {
        const auto port = static_cast<unsigned>(strtoul(ports[at - groups], nullptr, 10));
        if (send_to(fd, message, size, {0, port})) sent[groups]++;
      }
    }
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const double spent = static_cast<double>(now.tv_sec - began.tv_sec) +
                         static_cast<double>(now.tv_nsec - began.tv_nsec) / 1e9;
    ahead = static_cast<double>(turn) / rate - spent;
  }
  for (const unsigned long number : sent) printf("%lu ", number);
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  const auto number = static_cast<unsigned>(strtoul(arguments[2], nullptr, 10));
  if (strcmp(arguments[1], "flood") == 0) return flood(number, arguments + 3, count - 3);
  if (count != 3) return 2;
  const bool multicast = strcmp(arguments[1], "multicast") == 0;
  alignas(8) uint8_t message[largest];
  const size_t size = write_message(message, empty, 0);
  const Target target = multicast ? Target{number, 0} : Target{0, number};
  if (send_to(open_socket(), message, size, target)) return 0;
  perror("forge: sendto");
  return 1;
}
