// trickle RATE COUNT: creates COUNT entries (entry_request.h), RATE a second, evenly.
#include "entry_request.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: trickle RATE COUNT\n");
    return 2;
  }
  const long rate = strtol(argv[1], NULL, 10);
  const uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
  if (rate <= 0) fail("RATE", ERANGE);
  static char buffer[request_room] __attribute__((aligned(8)));
  struct nlmsghdr* request = (struct nlmsghdr*)buffer;
  const int fd = open_socket();
  const long interval = 1000000000 / rate;
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (uint32_t number = 0; number < count; number++) {
    put_create(request, 0, number);
    send_all(fd, buffer, request->nlmsg_len);
    next.tv_nsec += interval;
    while (next.tv_nsec >= 1000000000) {
      next.tv_nsec -= 1000000000;
      next.tv_sec++;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  return 0;
}
