# Running a job to its end, and starting it again after a crash: sourced by the launch scripts and by Slurm's batch files, not
# run. They set $script (its name in messages), $restarts (a number; empty: none), $launcher (the words before the program,
# an array), $program, $command (tandem's words, an array), $escalate (empty: a job that was asked to stop is never killed), and
# $guarded (not empty: the launcher is an mpirun that has processes as long as its job lasts, some of its ranks on this host).
. "$(dirname "${BASH_SOURCE[0]}")/ending.bash"

# What a person types to go on with a run: these words without what says how it begins, and --resume.
resume_words() {
    local word
    for word in "$@"; do
        case $word in --resume | --resume=* | --overwrite) ;; *) printf '%q ' "$word" ;; esac
    done
    echo --resume
}

# Starts the job once; waits for its end. Fills $code with its exit code.
#
# mpirun kills its ranks seconds after SIGINT or SIGTERM. Kept out of the terminal's process group it does not get Ctrl-C, and
# is asked by SIGUSR1 instead, which lets the ranks end their step and save; asked twice it ends at once.
#
# Open MPI 4.1's mpirun may wait for itself for ever after its ranks were killed: a guard ends it then.
run_once() {
    local guard=
    status_before=$(state_of "$directory/status.json")
    start_job "${launcher[@]}" "$program" "${command[@]}"
    if [ -n "${guarded-}" ]; then
        guard_launcher "$job" <&- &
        guard=$!
    fi
    # Asked to stop before there was a job.
    [ -z "$stopped" ] || kill -"$asking" "$job" 2>/dev/null || true
    # A signal ends `wait` with a code of its own: the job's is then still to be had.
    while true; do
        signalled= code=0
        # Silenced: bash has words of its own for one that was killed.
        wait "$job" 2>/dev/null || code=$?
        [ -n "$signalled" ] || break
    done
    job=
    if [ -n "$guard" ]; then
        kill "$guard" 2>/dev/null || true
        # It had to act: what the job's exit code would have been, the run's folder tells.
        if wait "$guard"; then
            code=75
            if is_finished; then code=0; fi
        fi
    fi
    tell_end
}

# Kills the job's mpirun once it has been without a process for 5 to 10 seconds. Returns 0 where it had to.
guard_launcher() {
    local idle=0 seen= nap=
    trap '' HUP INT USR1
    trap 'kill "$nap" 2>/dev/null; exit 1' TERM
    while kill -0 "$1" 2>/dev/null; do
        if has_living_child "$1"; then
            seen=yes idle=0
        elif [ -n "$seen" ]; then
            idle=$((idle + 1))
        fi
        if [ "$idle" -ge 3 ]; then
            trap '' TERM
            say "mpirun has no rank left and does not end: it is killed"
            kill -KILL "$1" 2>/dev/null
            return 0
        fi
        sleep 2.5 >/dev/null 2>&1 &
        nap=$!
        wait "$nap" || true
    done
    return 1
}

# Without starting a process, for it is asked often.
has_living_child() {
    local file children child state
    for file in /proc/"$1"/task/*/children; do
        read -r -d '' children <"$file" || true
        for child in $children; do
            read -r state <"/proc/$child/stat" || continue
            # Behind the name, which is in parentheses and may hold anything.
            case ${state##*) } in Z* | X*) ;; *) return 0 ;; esac
        done
    done 2>/dev/null
    return 1
}

# A signal to this script: the job is asked to stop, and a pause before a restart ends. Training saves when it is asked by
# SIGUSR1; other commands know no such request, and end.
ask_to_stop() {
    local again=$stopped
    stopped=yes signalled=yes
    [ -z "$pausing" ] || kill "$pausing" 2>/dev/null || true
    [ -n "$job" ] || return 0
    if [ -n "$again" ] && [ -n "${escalate-}" ] && [ "$1" != USR1 ]; then
        kill -TERM "$job" 2>/dev/null || true
    else
        kill -"$asking" "$job" 2>/dev/null || true
    fi
}

# What the run's folder shows of its state: a file that is written anew is another one.
state_of() { stat -c '%.Y %i %n' -- "$1" 2>/dev/null || true; }
newest_checkpoint() {
    local manifest
    # A checkpoint counts once it has its manifest.
    for manifest in "$directory"/checkpoints/step-*/manifest.json; do state_of "$manifest"; done | sort -n | tail -n 1
}

find_directory() { directory=$("$program" "${command[@]}" --show-directory 2>/dev/null) || directory=; }

is_finished() {
    [ -n "$directory" ] || find_directory
    grep -qs '"finished"' "$directory/status.json"
}

# Whether starting again can mend what ended the job with $code.
is_mendable() {
    case $code in
        64 | 66 | 69 | 74 | 78) return 1 ;;
        # Damaged data: a checkpoint is passed over for the one before; what was damaged besides stays so.
        65) [[ " ${command[*]} " != *" --resume=latest-valid "* ]] ;;
        *) return 0 ;;
    esac
}

say() { echo "$script: $1" >&2; }

ended_words() {
    local name=
    if [ "$1" -gt 128 ]; then name=$(kill -l "$(($1 - 128))" 2>/dev/null) || name=; fi
    echo "the job ended with exit code $1${name:+ (SIG$name)}"
}

# Runs the job, and again after a crash from the latest valid checkpoint, $restarts times at most. Leaves the job's last exit
# code in $code, and "yes" in $stopped where it was asked to stop.
run_with_restarts() {
    run_until_done
    # What mpirun says of a rank that was killed; Tandem's code for a lost rank means "try again".
    [ "$code" -ne 137 ] || code=75
}

run_until_done() {
    local count=0 pause=1 before after begun how words=() word
    job= pausing= stopped= asking=USR1 code=0
    [ "${command[0]}" = train ] || asking=TERM
    trap 'ask_to_stop HUP' HUP
    trap 'ask_to_stop INT' INT
    trap 'ask_to_stop TERM' TERM
    trap 'ask_to_stop USR1' USR1
    directory=
    if [ "${command[0]}" = train ]; then
        # A mistake in the configuration is told by the job itself, which it ends.
        find_directory
        begun=$(state_of "$directory/status.json")
    fi
    before=none
    while true; do
        # Asked to stop while the configuration was read: nothing is begun.
        [ -z "$stopped" ] || return 0
        run_once
        if [ "$code" -eq 0 ] || [ -n "$stopped" ] || [ "${restarts:-0}" -eq 0 ] || [ -z "$directory" ] || ! is_mendable; then
            return 0
        fi
        if [ "$count" -ge "$restarts" ]; then
            say "$(ended_words "$code"), and all restarts (--restarts $restarts) are used up"
            return 0
        fi
        after=$(newest_checkpoint)
        if [ "$after" = "$before" ]; then
            say "$(ended_words "$code") again, and no checkpoint was saved since the crash before: not started again"
            return 0
        fi
        before=$after
        count=$((count + 1))
        # A run that had not begun is started as it was: with --overwrite there may be another one in the folder. One that was to
        # go on from its latest checkpoint goes on from the latest that is valid.
        how="as before, for the run had not begun"
        if [ "$(state_of "$directory/status.json")" != "$begun" ] || [[ " ${command[*]} " == *" --resume "* ]]; then
            words=()
            for word in "${command[@]}"; do
                case $word in --resume | --resume=* | --overwrite) ;; *) words+=("$word") ;; esac
            done
            command=("${words[@]}" --resume=latest-valid)
            how="from the latest valid checkpoint"
        fi
        say "$(ended_words "$code"): restart $count of $restarts in $pause s, $how"
        sleep "$pause" &
        pausing=$!
        wait "$pausing" || true
        pausing=
        [ -z "$stopped" ] || return 0
        pause=$((pause * 2 < 60 ? pause * 2 : 60))
    done
}
