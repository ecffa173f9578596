// Why something could not be done, in numbers. src/core/errors.ts makes sentences.
#pragma once

#include <errno.h>

#include <cstring>

#include "wire/message.h"

namespace conntrack {

struct Failure {
  int error = 0;                  // errno; 0: nothing failed
  const char* syscall = nullptr;  // nullptr: the kernel answered with the error
  char text[256] = {};            // the kernel's extended-ack text
  bool unanswered = false;        // the request was sent: whether it was done is not known

  explicit operator bool() const { return error != 0; }

  static Failure of_syscall(const char* syscall, int error) {
    Failure failure;
    failure.error = error;
    failure.syscall = syscall;
    return failure;
  }

  static Failure of_answer(const Answer& answer) {
    Failure failure;
    failure.error = answer.error;
    const size_t room = sizeof failure.text - 1;
    const size_t size = answer.text.size < room ? answer.text.size : room;
    if (size) memcpy(failure.text, answer.text.data, size);
    return failure;
  }

  // The kernel's answer could not be understood (EBADMSG), or did not come.
  static Failure of_protocol(int error) { return of_syscall("recvmsg", error); }

  // The failure of a collector of answers: EBADMSG, or ENOMEM where it had no memory.
  static Failure of_taking(int error) {
    return error == ENOMEM ? of_syscall("malloc", error) : of_protocol(error);
  }

  // Nobody waits for the answer any more.
  static Failure of_cancel(bool sent) {
    Failure failure = of_protocol(ECANCELED);
    failure.unanswered = sent;
    return failure;
  }
};

}  // namespace conntrack
