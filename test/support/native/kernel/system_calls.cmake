# The kernel, played by a test. use_scripted_kernel(target) leads the system calls of what is
# linked into the target to it.
set(scripted_calls socket bind connect getsockname setsockopt getsockopt sendto recvmsg recvmmsg close
  poll ppoll nanosleep clock_gettime eventfd open read write readlinkat fstatfs setns pthread_create
  pthread_mutex_unlock _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t)
list(APPEND scripted_calls eventfd_read eventfd_write syscall)
# What is freed, so that a test can count what was not.
set(scripted_frees _ZdlPv _ZdlPvm _ZdaPv _ZdaPvm)

set(scripted_kernel_dir "${CMAKE_CURRENT_LIST_DIR}")
add_library(scripted_kernel OBJECT "${scripted_kernel_dir}/clock.cc"
  "${scripted_kernel_dir}/answering.cc" "${scripted_kernel_dir}/blocks.cc"
  "${scripted_kernel_dir}/call_faults.cc"
  "${scripted_kernel_dir}/kernel.cc" "${scripted_kernel_dir}/kernel_socket.cc"
  "${scripted_kernel_dir}/system_calls.cc" "${scripted_kernel_dir}/../receiving_socket.cc")
target_include_directories(scripted_kernel PRIVATE
  "${PROJECT_SOURCE_DIR}/native" "${scripted_kernel_dir}" "${scripted_kernel_dir}/..")
target_compile_options(scripted_kernel PRIVATE -Wall -Wextra -Werror ${sanitize})
string(REPLACE ";" " " scripted_call_names "${scripted_calls}")
set_source_files_properties("${scripted_kernel_dir}/call_faults.cc" PROPERTIES
  COMPILE_DEFINITIONS "SCRIPTED_CALLS=\"${scripted_call_names}\"")

function(use_scripted_kernel target)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:scripted_kernel>)
  target_include_directories(${target} PRIVATE "${scripted_kernel_dir}" "${scripted_kernel_dir}/..")
  foreach(call ${scripted_calls} ${scripted_frees})
    target_link_options(${target} PRIVATE "-Wl,--wrap=${call}")
  endforeach()
endfunction()
