# Starting a job, and telling what ended it where its ranks don't: sourced by restarting.bash, not run.
#
# A rank that is killed is told of by the other ranks of its host. Where it was alone there only the launcher knows: these
# functions read what mpirun or srun says, say it in one line, and write it down in the run's status.

# Fills $starter with the words before a launcher, which see to it that a job does not outlive this script however that ends: mpirun
# is killed with it, whereupon its ranks end by themselves, and a process alone is asked to stop. What srun started is Slurm's.
choose_starter() {
    starter=(setsid)
    command -v setpriv >/dev/null || return 0
    case ${1-} in
        mpirun) starter+=(setpriv --pdeathsig KILL) ;;
        srun) ;;
        *) starter+=(setpriv --pdeathsig TERM) ;;
    esac
}

# What mpirun says comes around the line that tells the cause, and says less, so it goes elsewhere: OPAL_OUTPUT_STDERR_FD is Open
# MPI's own way to ask for that. Ranks get it back as it is without.
apart=(-x OPAL_OUTPUT_STDERR_FD=2)

# Starts "$@" in the background, and fills $job with its process. What mpirun and srun say goes to a file without a name; srun's
# words go on to standard error as well.
start_job() {
    local file
    if file=$(mktemp 2>/dev/null); then
        exec {written}>"$file" {heard}<"$file"
        rm -f -- "$file"
    else
        exec {written}>/dev/null {heard}</dev/null
    fi
    choose_starter "$@"
    copier=
    case $1 in
        mpirun) OPAL_OUTPUT_STDERR_FD=$written "${starter[@]}" "$@" <&0 & ;;
        srun)
            exec {copied}> >(trap '' HUP INT TERM USR1; exec tee -a "/dev/fd/$written" >&2)
            copier=$!
            "${starter[@]}" "$@" 2>&"$copied" <&0 &
            ;;
        *) "${starter[@]}" "$@" <&0 & ;;
    esac
    job=$!
}

# After the job: fills $words with what was said.
read_words() {
    if [ -n "$copier" ]; then
        exec {copied}>&-
        wait "$copier" 2>/dev/null || true
    fi
    words=$(cat <&"$heard")
    exec {written}>&- {heard}<&-
}

signal_name() { kill -l "$1" 2>/dev/null || echo "$1"; }

# Fills $lost with what became of the rank, or the host, that is named first in $words; nothing where none is.
find_lost_rank() {
    local line host how
    lost= lost_host=
    while IFS= read -r line; do
        if [[ $line =~ process\ rank\ ([0-9]+)\ with\ PID\ [0-9]+\ on\ node\ ([^ ]+)\ exited\ on\ signal\ ([0-9]+) ]]; then
            lost_host=${BASH_REMATCH[2]}
            lost="rank ${BASH_REMATCH[1]} ($lost_host) was killed by SIG$(signal_name "${BASH_REMATCH[3]}")"
        elif [[ $line =~ Remote\ daemon:\ .*\ on\ node\ ([^ ]+) ]]; then
            lost_host=${BASH_REMATCH[1]}
            lost="$lost_host is lost, or the network to it"
        elif [[ $line =~ ^srun:\ error:\ ([^:]+):\ tasks?\ ([0-9]+)[^:]*:\ ([A-Z].*)$ && ${BASH_REMATCH[3]} != Exited* ]]; then
            lost_host=${BASH_REMATCH[1]} how="was killed (${BASH_REMATCH[3]})"
            case ${BASH_REMATCH[3]} in
                Killed*) how="was killed by SIGKILL" ;;
                Terminated*) how="was killed by SIGTERM" ;;
                "Segmentation fault"*) how="was killed by SIGSEGV" ;;
                "Out Of Memory"*) how="was killed for lack of memory" ;;
            esac
            lost="rank ${BASH_REMATCH[2]} ($lost_host) $how"
        fi
        [ -z "$lost" ] || return 0
    done <<<"$words"
}

# What mpirun said besides: why it could not start the ranks, for example.
show_other_words() {
    local line block=
    while IFS= read -r line; do
        case $line in
            --------------------*)
                show_block "$block"
                block= ;;
            \[*" more process"* | \[*"Set MCA parameter"* | \[*ORTE_ERROR_LOG*) ;;
            *) block+=$line$'\n' ;;
        esac
    done <<<"$words"
    show_block "$block"
}

# Left out is what only repeats that the job has ended.
show_block() {
    case $1 in
        *[![:space:]]*) ;;
        *) return 0 ;;
    esac
    case $1 in
        "MPI_ABORT was invoked"* | "Primary job"* | "mpirun detected"* | "mpirun noticed"* | "mpirun has exited"*) ;;
        *"lost communication with a remote daemon"*) ;;
        *) printf '%s' "$1" >&2 ;;
    esac
}

# After a job that ended with $code. A training whose status still says that it runs is marked by the program, and then nobody
# has told why.
tell_end() {
    local reason advice= is_told=
    read_words
    [ "$code" -ne 0 ] || return 0
    find_lost_rank
    case $code in
        # The program has told why, in a line of its own.
        64 | 65 | 66 | 70 | 74 | 75 | 78) ;;
        *) [ "${launcher[0]-}" != mpirun ] || [ -n "$lost$stopped" ] || show_other_words ;;
    esac
    reason=$lost
    # Its ranks had nobody left to write to.
    if [ -z "$lost" ] && [ "$code" -gt 128 ]; then reason="${launcher[0]:-the process} was killed by SIG$(signal_name "$((code - 128))")"; fi
    # Not what another run left there: the status of this one.
    if [ "${command[0]}" = train ] && [ -n "$directory" ] && [ "$(state_of "$directory/status.json")" != "$status_before" ]; then
        [ "${restarts:-0}" -gt 0 ] || [ -z "$(newest_checkpoint)" ] || advice=" It goes on with --resume."
        "$program" "${command[@]}" --mark-failed "${reason:-the job ended with exit code $code}" \
            --exit-code "$((code == 137 ? 75 : code))" 2>/dev/null || is_told=$lost
    elif [ -n "$lost" ] && [ "$(ranks_on "$lost_host")" -gt 1 ] 2>/dev/null; then
        # The other ranks there have seen it.
        is_told=yes
    fi
    # Asked to stop, it needs no reason.
    [ -z "$reason" ] || [ -n "$is_told" ] || [ -n "$stopped" ] || say "$reason.$advice"
}

# Ranks of a host; scripts that know better say so.
ranks_on() { echo 1; }
