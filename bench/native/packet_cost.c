// What a packet costs the kernel: sends datagrams over loopback to a socket that nobody reads, all
// of one flow or each of a flow of its own, and prints the time per packet. packet-cost.ts
#include <arpa/inet.h>
#include <netinet/in.h>

#include "common.h"

enum { port = 9000, receive_bytes = 4096 };

/** Another source for each packet, 127.1.0.0 and on, makes a flow of each. */
static void send_from(int fd, const struct sockaddr_in* to, uint32_t source) {
  char byte = 0;
  struct iovec data = {.iov_base = &byte, .iov_len = sizeof byte};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
                          .cmsg_level = IPPROTO_IP,
                          .cmsg_type = IP_PKTINFO}};
  const struct in_pktinfo info = {.ipi_spec_dst = {htonl(source)}};
  memcpy(CMSG_DATA(&control.header), &info, sizeof info);
  const struct msghdr message = {.msg_name = (void*)to,
                                 .msg_namelen = sizeof *to,
                                 .msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
  if (sendmsg(fd, &message, 0) < 0) fail("sendmsg", errno);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: packet_cost PACKETS FLOWS\n");
    return 2;
  }
  const long packets = atol(argv[1]);
  const long flows = atol(argv[2]);
  const int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (receiver < 0 || sender < 0) fail("socket", errno);
  const struct sockaddr_in to = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int bytes = receive_bytes;
  setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (bind(receiver, (const struct sockaddr*)&to, sizeof to) != 0) fail("bind", errno);
  const uint32_t first = 0x7f010000;
  // A packet of its own opens the socket's path and fills what is filled once.
  send_from(sender, &to, first - 1);
  const double start = now();
  for (long n = 0; n < packets; n++) send_from(sender, &to, first + (uint32_t)(n % flows));
  printf("{\"nanoseconds\": %.1f}\n", (now() - start) * 1e9 / (double)packets);
  return 0;
}
