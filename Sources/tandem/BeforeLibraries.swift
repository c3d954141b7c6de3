// What happens before the libraries' own beginnings. OpenBLAS starts a thread for each core there, of which each takes 128 MiB of
// address space, and waits for them for ever where a limit refuses. Tandem needs none: its products run on one thread each. The C
// library sets 64 MiB aside for each thread that asks it for memory. Only the environment can say otherwise, and only before the
// process begins.
#if compiler(>=6.3)
    import Glibc

    typealias CWords = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    /// Under a limit of the address space begins the process anew, with both switched off. The loader calls it with the
    /// process's arguments and environment, before anything of C or Swift is prepared: plain memory and system calls only.
    @section(".preinit_array") @used
    let beforeLibraries: @convention(c) (Int32, CWords?, CWords?) -> Void = { _, arguments, environment in
        guard let arguments, let environment, isLimited(RLIMIT_AS) || isLimited(RLIMIT_DATA) else { return }
        let setting = characters("OPENBLAS_NUM_THREADS=1")
        let nameLength = 21
        var count = 0
        var place: Int?
        while let word = environment[count] {
            if strncmp(word, setting, nameLength) == 0 {
                // Begun anew already.
                if strcmp(word, setting) == 0 { return }
                place = count
            }
            count += 1
        }
        let (pathSize, wordSize) = (4096, MemoryLayout<UnsafeMutablePointer<CChar>?>.stride)
        let size = pathSize + (count + 3) * wordSize
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), memory != MAP_FAILED else { return }
        // Zeroed: a word that is not written ends the list.
        let words = (memory + pathSize).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
        memcpy(words, environment, count * wordSize)
        words[count] = characters("MALLOC_ARENA_MAX=1")
        words[place ?? count + 1] = setting
        let path = memory.assumingMemoryBound(to: CChar.self)
        // Where the program can't begin anew it goes on as it is.
        if readlink("/proc/self/exe", path, pathSize - 1) > 0 { execve(path, arguments, words) }
        munmap(memory, size)
    }

    private func isLimited(_ resource: __rlimit_resource) -> Bool {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 && limit.rlim_cur != rlim_t.max
    }

    /// A constant as C takes it.
    private func characters(_ text: StaticString) -> UnsafeMutablePointer<CChar> {
        UnsafeMutableRawPointer(mutating: text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
#endif
