#pragma once

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The calling thread runs on `core` alone from now on. Returns 0, or -1 where that can't be had.
/// As a system call, because the C library declares its function for GNU sources only, which Swift's module is not.
static inline int tandem_bind_thread(int core) {
    unsigned char mask[128];
    if (core < 0 || core >= (int)sizeof mask * 8) return -1;
    memset(mask, 0, sizeof mask);
    mask[core / 8] = (unsigned char)(1u << (core % 8));
    return syscall(SYS_sched_setaffinity, 0, sizeof mask, mask) < 0 ? -1 : 0;
}

/// Tells the processor that this thread waits in a loop.
static inline void tandem_pause(void) { __builtin_ia32_pause(); }
