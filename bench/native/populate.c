// populate COUNT [FIRST]: creates COUNT entries, numbered from FIRST, through ctnetlink: see
// entry_request.h.
#include "entry_request.h"

enum { requests_a_send = 200 };

// The kernel has worked on a request when send() returns, and answers only errors.
static void check_answers(int fd) {
  static char buffer[65536];
  const ssize_t received = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (received < 0) {
    if (errno != EAGAIN) fail("recv", errno);
    return;
  }
  const struct nlmsghdr* answer = (const struct nlmsghdr*)buffer;
  if (answer->nlmsg_type != NLMSG_ERROR) fail("create", EPROTO);
  fail("create", -((const struct nlmsgerr*)NLMSG_DATA(answer))->error);
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: populate COUNT [FIRST]\n");
    return 2;
  }
  const uint32_t first = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
  const uint32_t end = first + (uint32_t)strtoul(argv[1], NULL, 10);
  static char buffer[requests_a_send * request_room] __attribute__((aligned(8)));
  const int fd = open_socket();
  for (uint32_t number = first; number < end;) {
    size_t size = 0;
    for (int i = 0; i < requests_a_send && number < end; i++, number++) {
      struct nlmsghdr* request = (struct nlmsghdr*)(buffer + size);
      put_create(request, 0, number);
      size += request->nlmsg_len;
    }
    send_all(fd, buffer, size);
    check_answers(fd);
  }
  return 0;
}
