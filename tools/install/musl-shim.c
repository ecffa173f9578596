// What Debian's libstdc++ and libgcc, which were built for glibc, want of a libc and musl has not.
// With it they serve bun for musl: binaries.mjs.
#define _GNU_SOURCE
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
unsigned __cpu_model[4];

int __cpu_indicator_init(void) { return 0; }

int __cxa_thread_atexit_impl(void (*function)(void*), void* object, void* library) { return 0; }

uint32_t arc4random(void) {
  uint32_t value = 0;
  getrandom(&value, sizeof value, 0);
  return value;
}

size_t __strftime_l(char* text, size_t size, const char* format, const struct tm* time, void* l) {
  return strftime(text, size, format, time);
}

// Of dlfcn.h in glibc: where the code is that an address belongs to, and its unwind tables.
struct dl_find_object {
  unsigned long long flags;
  void* start;
  void* end;
  struct link_map* link_map;
  void* eh_frame;
  unsigned long long reserved[7];
};

struct query {
  uintptr_t address;
  struct dl_find_object* result;
};

static int visit(struct dl_phdr_info* object, size_t size, void* data) {
  struct query* query = data;
  uintptr_t start = UINTPTR_MAX;
  uintptr_t end = 0;
  uintptr_t eh_frame = 0;
  int found = 0;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr)* segment = &object->dlpi_phdr[i];
    const uintptr_t from = object->dlpi_addr + segment->p_vaddr;
    const uintptr_t to = from + segment->p_memsz;
    if (segment->p_type == PT_GNU_EH_FRAME) eh_frame = from;
    if (segment->p_type != PT_LOAD) continue;
    if (query->address >= from && query->address < to) found = 1;
    if (from < start) start = from;
    if (to > end) end = to;
  }
  if (!found || !eh_frame) return 0;
  *query->result = (struct dl_find_object){
      .start = (void*)start, .end = (void*)end, .eh_frame = (void*)eh_frame};
  return 1;
}

int _dl_find_object(void* address, struct dl_find_object* result) {
  struct query query = {(uintptr_t)address, result};
  return dl_iterate_phdr(visit, &query) ? 0 : -1;
}
