// Starts a program under a seccomp filter, as the sandboxes do that people run:
//
//   seccomp netlink COMMAND...      RestrictAddressFamilies= of systemd without AF_NETLINK
//   seccomp namespaces COMMAND...   Docker's default profile without CAP_SYS_ADMIN
//   seccomp PATH COMMAND...         the instructions in that file
#include <errno.h>
#include <linux/audit.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "confine.h"

namespace {

constexpr uint32_t refuse(int error) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error); }

bool install(const sock_filter* instructions, size_t count) {
  errno = confine(instructions, count * sizeof *instructions);
  return errno == 0;
}

bool refuse_netlink() {
  constexpr sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse(EAFNOSUPPORT)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return install(instructions, sizeof instructions / sizeof *instructions);
}

bool refuse_namespaces() {
  constexpr sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, refuse(EPERM)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  return install(instructions, sizeof instructions / sizeof *instructions);
}

bool read_from(const char* path) {
  sock_filter instructions[BPF_MAXINSNS];
  FILE* file = fopen(path, "re");
  if (file == nullptr) return false;
  const size_t count = fread(instructions, sizeof *instructions, BPF_MAXINSNS, file);
  fclose(file);
  return install(instructions, count);
}

bool install_named(const char* name) {
  if (strcmp(name, "netlink") == 0) return refuse_netlink();
  if (strcmp(name, "namespaces") == 0) return refuse_namespaces();
  return read_from(name);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return 2;
  if (!install_named(arguments[1])) {
    perror("seccomp");
    return 2;
  }
  execvp(arguments[2], arguments + 2);
  perror(arguments[2]);
  return 127;
}
