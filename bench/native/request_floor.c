// request_floor get|create|restore|update|delete COUNT [BATCH]: one request about each of the
// entries 0 to COUNT - 1 (entry_request.h), BATCH in a send, each with an ack; prints the seconds
// and how many succeeded as JSON. `restore` creates and reads back: two requests for each, without
// acks.
#include "entry_request.h"

enum { most_in_a_send = 1024 };

typedef void (*put_request)(struct nlmsghdr*, uint32_t number);

static void put_get(struct nlmsghdr* request, uint32_t number) {
  begin_request(request, IPCTNL_MSG_CT_GET, NLM_F_ACK, number);
  put_direction(request, CTA_TUPLE_ORIG, number);
}

static void put_new(struct nlmsghdr* request, uint32_t number) {
  put_create(request, NLM_F_ACK, number);
}

static void put_new_and_get(struct nlmsghdr* request, uint32_t number) {
  put_create(request, 0, number);
  struct nlmsghdr* get = (struct nlmsghdr*)((char*)request + request->nlmsg_len);
  begin_request(get, IPCTNL_MSG_CT_GET, 0, number);
  put_direction(get, CTA_TUPLE_ORIG, number);
}

static void put_update(struct nlmsghdr* request, uint32_t number) {
  begin_request(request, IPCTNL_MSG_CT_NEW, NLM_F_ACK, number);
  put_direction(request, CTA_TUPLE_ORIG, number);
  put_u32(request, CTA_MARK, number);
}

static void put_delete(struct nlmsghdr* request, uint32_t number) {
  begin_request(request, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, number);
  put_direction(request, CTA_TUPLE_ORIG, number);
}

static put_request request_of(const char* work) {
  if (strcmp(work, "get") == 0) return put_get;
  if (strcmp(work, "create") == 0) return put_new;
  if (strcmp(work, "restore") == 0) return put_new_and_get;
  if (strcmp(work, "update") == 0) return put_update;
  if (strcmp(work, "delete") == 0) return put_delete;
  fprintf(stderr, "no work \"%s\"\n", work);
  exit(2);
}

// Reads acks, or entries where nothing is acked, until `count` have come; returns how many of them
// were no errors.
static uint32_t read_answers(int fd, uint32_t count, bool acked) {
  static char buffer[65536];
  uint32_t succeeded = 0;
  while (count > 0) {
    const ssize_t received = recv(fd, buffer, sizeof buffer, 0);
    if (received < 0) fail("recv", errno);
    int left = (int)received;
    for (const struct nlmsghdr* answer = (const struct nlmsghdr*)buffer; NLMSG_OK(answer, left);
         answer = NLMSG_NEXT(answer, left)) {
      const bool is_ack = answer->nlmsg_type == NLMSG_ERROR;
      if (acked && !is_ack) continue;
      count--;
      succeeded += !is_ack || ((const struct nlmsgerr*)NLMSG_DATA(answer))->error == 0;
    }
  }
  return succeeded;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: request_floor get|create|restore|update|delete COUNT [BATCH]\n");
    return 2;
  }
  const put_request put = request_of(argv[1]);
  const uint32_t count = (uint32_t)strtoul(argv[2], NULL, 10);
  const uint32_t batch = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 64;
  if (batch == 0 || batch > most_in_a_send) fail("BATCH", ERANGE);
  static char buffer[most_in_a_send * request_room] __attribute__((aligned(8)));
  const int fd = open_socket();
  const int room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  const double start = now();
  uint32_t succeeded = 0;
  for (uint32_t number = 0; number < count;) {
    size_t size = 0;
    uint32_t sent = 0;
    for (; sent < batch && number < count; sent++, number++) {
      struct nlmsghdr* request = (struct nlmsghdr*)(buffer + size);
      put(request, number);
      size += request->nlmsg_len;
      if (put == put_new_and_get) size += ((const struct nlmsghdr*)(buffer + size))->nlmsg_len;
    }
    send_all(fd, buffer, size);
    succeeded += read_answers(fd, sent, put != put_new_and_get);
  }
  printf("{\"seconds\": %.6f, \"entries\": %u}\n", now() - start, succeeded);
  return 0;
}
