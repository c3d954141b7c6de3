import Foundation
import TestSupport

/// A system's clock, as the programs of a workspace see it, that can be set while they run: a library loaded before the
/// system's adds to the time of day the seconds that stand in a file.
struct ClockJump {
    private let file: String
    private let library: String

    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static long jump(void) {
            long seconds = 0;
            FILE *file = fopen(getenv("TANDEM_TEST_CLOCK"), "r");
            if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
            static int told;
            if (seconds && !told) {
                char name[4096];
                snprintf(name, sizeof name, "%s.seen-%d", getenv("TANDEM_TEST_CLOCK"), getpid());
                file = fopen(name, "w");
                if (file) fclose(file);
                told = 1;
            }
            return seconds;
        }
        int clock_gettime(clockid_t clock, struct timespec *time) {
            int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
            int status = real(clock, time);
            if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += jump();
            return status;
        }
        int gettimeofday(struct timeval *time, void *zone) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            time->tv_sec = now.tv_sec; time->tv_usec = now.tv_nsec / 1000;
            return 0;
        }
        time_t time(time_t *result) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (result) *result = now.tv_sec;
            return now.tv_sec;
        }

        """

    static let canBeBuilt = (try? runCommand(["cc", "--version"]))?.exitCode == 0

    init(in workspace: Workspace) throws {
        file = workspace.file("clock")
        library = workspace.file("clock.so")
        try workspace.folder.write("0", to: "clock")
        try workspace.folder.write(ClockJump.source, to: "clock.c")
        let result = try runCommand(["cc", "-shared", "-fPIC", "-O1", "-o", library, workspace.file("clock.c"), "-ldl"])
        guard result.exitCode == 0 else { throw CommandFailed(result: result) }
    }

    /// The shell command that sets the clock.
    func by(_ seconds: Int) -> String { "echo \(seconds) > clock.new; mv clock.new clock" }

    /// Whether a process has looked at the clock since it was set.
    func wasSeen(by process: String) -> Bool {
        FileManager.default.fileExists(atPath: file + ".seen-" + process.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    var environment: [String: String] { ["LD_PRELOAD": library, "TANDEM_TEST_CLOCK": file] }
}
