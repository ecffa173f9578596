// churn RATE COUNT FIRST: creates and deletes the entries FIRST to FIRST + COUNT in turn, RATE
// changes a second, until SIGTERM, and then prints how many changes it made a second.
#include <signal.h>

#include "entry_request.h"

enum { requests_a_send = 100 };

static volatile sig_atomic_t is_over = 0;

static void stop(int signal_number) {
  (void)signal_number;
  is_over = 1;
}

static void put_delete(struct nlmsghdr* request, uint32_t number) {
  begin_request(request, IPCTNL_MSG_CT_DELETE, 0, number);
  put_direction(request, CTA_TUPLE_ORIG, number);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void refuse_errors(int fd) {
  static char buffer[65536];
  const ssize_t received = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (received >= 0) fail("an answer", EPROTO);
  if (errno != EAGAIN) fail("recv", errno);
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: churn RATE COUNT FIRST\n");
    return 2;
  }
  const double rate = strtod(argv[1], NULL);
  const uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
  const uint32_t first = (uint32_t)strtoul(argv[3], NULL, 10);
  if (!(rate > 0) || count == 0) fail("RATE or COUNT", ERANGE);
  signal(SIGTERM, stop);
  static char buffer[requests_a_send * request_room] __attribute__((aligned(8)));
  const int fd = open_socket();
  const double began = seconds_now();
  uint64_t changes = 0;
  for (bool creates = true; !is_over; creates = !creates) {
    for (uint32_t at = 0; at < count && !is_over;) {
      size_t size = 0;
      for (int i = 0; i < requests_a_send && at < count; i++, at++, changes++) {
        struct nlmsghdr* request = (struct nlmsghdr*)(buffer + size);
        if (creates) {
          put_create(request, 0, first + at);
        } else {
          put_delete(request, first + at);
        }
        size += request->nlmsg_len;
      }
      send_all(fd, buffer, size);
      refuse_errors(fd);
      const double ahead = began + (double)changes / rate - seconds_now();
      if (ahead > 0) {
        const struct timespec rest = {.tv_sec = (time_t)ahead,
                                      .tv_nsec = (long)((ahead - (double)(time_t)ahead) * 1e9)};
        nanosleep(&rest, NULL);
      }
    }
  }
  printf("%.0f\n", (double)changes / (seconds_now() - began));
  return 0;
}
