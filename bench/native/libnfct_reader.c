// A peer: the table through libnetfilter_conntrack, which decodes every entry
// into an object and calls back; two fields are read.
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <stdint.h>

#include "common.h"

struct seen {
  long entries;
  uint32_t fields;
};

static int take(enum nf_conntrack_msg_type type, struct nf_conntrack* entry, void* data) {
  (void)type;
  struct seen* seen = data;
  seen->entries++;
  seen->fields += nfct_get_attr_u32(entry, ATTR_IPV4_SRC) + nfct_get_attr_u16(entry, ATTR_PORT_SRC);
  return NFCT_CB_CONTINUE;
}

int main(void) {
  struct seen seen = {0};
  const uint32_t family = AF_UNSPEC;
  struct nfct_handle* handle = nfct_open(CONNTRACK, 0);
  if (!handle) fail("nfct_open", errno);
  nfct_callback_register(handle, NFCT_T_ALL, take, &seen);
  const double start = now();
  if (nfct_query(handle, NFCT_Q_DUMP, &family) != 0) fail("nfct_query", errno);
  printf("{\"seconds\": %.9f, \"entries\": %ld, \"fields\": %u}\n", now() - start, seen.entries,
         seen.fields);
  nfct_close(handle);
  return 0;
}
