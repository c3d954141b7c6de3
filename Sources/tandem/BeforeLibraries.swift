// This code runs before the libraries initialise. OpenBLAS then starts a thread per core. Each thread takes 128 MiB of address
// space, and OpenBLAS waits for ever for a thread that a limit refuses. Tandem needs no such threads: each matrix product runs
// on one thread. The C library reserves 64 MiB for each thread that allocates memory. Only environment variables change both,
// and only before the process starts.
#if compiler(>=6.3)
    import Glibc

    typealias CWords = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// Restarts the process with both variables set if its memory is limited. The loader calls this function with the arguments
    /// and the environment before C and Swift are initialised, so it uses only plain memory and system calls.
    @section(".preinit_array") @used
    let beforeLibraries: @convention(c) (Int32, CWords?, CWords?) -> Void = { _, arguments, environment in
        guard let arguments, let environment, isLimited(RLIMIT_AS) || isLimited(RLIMIT_DATA) else { return }
        let setting = characters("OPENBLAS_NUM_THREADS=1")
        let nameLength = 21
        var count = 0
        var place: Int?
        while let word = environment[count] {
            if strncmp(word, setting, nameLength) == 0 {
                // The process has restarted already.
                if strcmp(word, setting) == 0 { return }
                place = count
            }
            count += 1
        }
        let (pathSize, wordSize) = (4096, MemoryLayout<UnsafeMutablePointer<CChar>?>.stride)
        let size = pathSize + (count + 3) * wordSize
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), memory != MAP_FAILED else { return }
        // The memory is zero, so the word after the last written one ends the list.
        let words = (memory + pathSize).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
        memcpy(words, environment, count * wordSize)
        words[count] = characters("MALLOC_ARENA_MAX=1")
        words[place ?? count + 1] = setting
        let path = memory.assumingMemoryBound(to: CChar.self)
        // If the restart fails, the process continues unchanged.
        if readlink("/proc/self/exe", path, pathSize - 1) > 0 { execve(path, arguments, words) }
        munmap(memory, size)
    }

    private func isLimited(_ resource: __rlimit_resource) -> Bool {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 && limit.rlim_cur != rlim_t.max
    }

    /// A constant as a C string.
    private func characters(_ text: StaticString) -> UnsafeMutablePointer<CChar> {
        UnsafeMutableRawPointer(mutating: text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
#endif
