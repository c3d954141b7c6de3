#pragma once

#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// As system calls, because the C library declares some of its functions for GNU sources only, which Swift's module is not.

/// The calling thread runs on `core` alone from now on. Returns 0, or -1 where that can't be had.
static inline int tandem_bind_thread(int core) {
    unsigned char mask[128];
    if (core < 0 || core >= (int)sizeof mask * 8) return -1;
    memset(mask, 0, sizeof mask);
    mask[core / 8] = (unsigned char)(1u << (core % 8));
    return syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0 ? -1 : 0;
}

/// The calling thread may run on every core that the system lets this process have. Returns 0, or -1 where that can't be had.
static inline int tandem_release_thread(void) {
    unsigned char mask[128];
    memset(mask, 0xff, sizeof mask);
    return syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0 ? -1 : 0;
}

/// The calling thread gives way to others: on Linux a thread has a priority of its own.
static inline int tandem_lower_priority(int nice) {
    return setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice);
}

/// Tells the processor that this thread waits in a loop.
static inline void tandem_pause(void) { __builtin_ia32_pause(); }

/// A file in memory without a name, which ends with the last process that has it open or mapped. Its descriptor, or -1.
/// 1 is MFD_CLOEXEC.
static inline int tandem_memory_file(const char *label) { return (int)syscall(SYS_memfd_create, label, 1u); }

/// A descriptor that becomes readable when process `pid` ends; -1 where the system (before Linux 5.3) has none, or no such process.
static inline int tandem_process_descriptor(int pid) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0u);
#else
    return -1;
#endif
}
