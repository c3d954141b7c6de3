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
