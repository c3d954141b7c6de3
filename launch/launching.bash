# What launch/local and launch/multi-node share: sourced by them, not run. $synopsis is what follows the script's name.
scripts=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$scripts/restarting.bash"

# The scripts lie in a checkout's folder launch and start its release build, or in PREFIX/libexec/tandem, where launch/install put
# them, and start PREFIX/bin/tandem. $script is the script's name in messages, $typed what a person types for it.
script=$(basename "$(realpath "$0")")
case $scripts in
    */libexec/tandem)
        own_program=$(realpath -m "$scripts/../../bin/tandem")
        own_remedy="Install it again: ./launch/install PREFIX in a checkout"
        dependencies="$scripts/install-dependencies --runtime"
        script=tandem-$script
        typed=$script ;;
    *)
        own_program=$(dirname "$scripts")/.build/release/tandem
        own_remedy="Build it: swift build -c release --product tandem"
        dependencies=./launch/install-dependencies
        script=launch/$script
        typed=./$script ;;
esac
usage="Usage: $typed $synopsis"

# One line and an exit code of sysexits: 64 usage, 66 missing input, 69 something needed is not there, 78 configuration.
fail() {
    echo "$script: $2" >&2
    exit "$1"
}

note() { echo "$script: note: $1" >&2; }

# Reads --ranks, --threads, --restarts and --dry-run off the arguments, and what $own_options names besides; $command is the rest.
read_options() {
    ranks= threads= restarts= dry_run=
    # The trainer shows it where a run is stopped.
    TANDEM_RESUME_COMMAND=$(resume_words "$0" "$@")
    export TANDEM_RESUME_COMMAND
    local option
    while [ $# -gt 0 ]; do
        option=${1%%=*}
        case " --ranks --threads --restarts ${own_options-} " in
            *" $option "*)
                # --ranks=2 as well as --ranks 2.
                if [ "$option" != "$1" ]; then set -- "$option" "${1#*=}" "${@:2}"; fi
                [ $# -gt 1 ] && [ -n "$2" ] || fail 64 "$1 needs a value. $usage"
                printf -v "${1#--}" %s "$2"
                shift 2
                continue ;;
        esac
        case $1 in
            --dry-run) dry_run=yes ;;
            --help) sed -n '2,/^set /{/^#/!q;s/^# \{0,1\}//p}' "$0" | sed "s#\./launch/[a-z-]*#$typed#"; exit 0 ;;
            --*) fail 64 "there is no option $1 before the command. $usage" ;;
            *) break ;;
        esac
        shift
    done
    for option in ranks threads restarts; do
        # More digits than any machine has a use for, and few enough to count with.
        [[ ${!option} =~ ^([1-9][0-9]{0,5})?$ ]] || fail 64 "--$option ${!option} is not a number from 1 to 999999. $usage"
    done
    [ $# -gt 0 ] || fail 64 "no command is given. $usage"
    command=("$@")
    [ -z "$restarts" ] || [ "${command[0]}" = train ] ||
        fail 64 "--restarts is for train, which can go on from a checkpoint; leave it out. $usage"
}

# A job that this script starts is no part of another one. Started by a command of one, mpirun would refuse, or ranks would look for
# each other there.
leave_other_job() {
    local name tasks=${OMPI_COMM_WORLD_SIZE-}
    # A person's shell on the first task of a Slurm step is started once.
    [ -n "$tasks" ] || [ -n "${SLURM_PTY_PORT-}" ] || [ -z "${SLURM_PROCID-}" ] || tasks=${SLURM_STEP_NUM_TASKS-}
    [ "${tasks:-1}" -le 1 ] 2>/dev/null ||
        fail 64 "is one of $tasks tasks that mpirun or srun started, and each would start a job. Start it alone: it starts the ranks."
    [ -n "${OMPI_COMM_WORLD_RANK-}" ] || return 0
    for name in ${!PMIX_@} ${!OMPI_COMM_WORLD_@} OMPI_{APP_CTX_NUM_PROCS,ARGV,COMMAND,FILE_LOCATION,FIRST_RANKS,NUM_APP_CTX,UNIVERSE_SIZE} \
        ${!OMPI_MCA_ess@} OMPI_MCA_{initial_wdir,pmix,shmem_RUNTIME_QUERY_hint} OMPI_MCA_orte_{app_num,bound_at_launch,launch,num_nodes} \
        ${!OMPI_MCA_orte_ess_@} OMPI_MCA_orte_{hnp_uri,local_daemon_uri,jobfam_session_dir,top_session_dir,precondition_transports}; do
        unset "$name"
    done
}

# The program: $TANDEM, or the one that belongs to the scripts, or the one in PATH.
choose_program() {
    leave_other_job
    if [ -n "${TANDEM-}" ]; then
        program=$(realpath -- "$TANDEM")
    elif [ -x "$own_program" ]; then
        program=$own_program
    else
        program=$(command -v tandem) || true
    fi
    [ -n "$program" ] && [ -x "$program" ] || fail 69 "${program:-tandem} is not there to run. $own_remedy."
    command -v mpirun >/dev/null || fail 69 "no mpirun in PATH. Install it: $dependencies."
    # mpirun refuses to start as root (in containers) unless it is told twice.
    if [ "$(id -u)" -eq 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
}

# Physical cores that this process may use; the processors of one core share its arithmetic units and count once. Sent to
# other hosts as it stands.
count_cores() {
    local part processor
    for part in $(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status | tr , ' '); do
        for ((processor = ${part%-*}; processor <= ${part#*-}; processor++)); do
            cat "/sys/devices/system/cpu/cpu$processor/topology/thread_siblings_list" 2>/dev/null || echo "$processor"
        done
    done | sort -u | wc -l
}

# Whether this process is held to fewer processors than its control group has, as by taskset: Open MPI does not see that and
# would bind ranks to any. Sent to other hosts as it stands.
is_confined() {
    local group file usable content
    usable=$(cat /sys/devices/system/cpu/online)
    group=$(sed -n 's/^[0-9]*:cpuset:\|^0:://p' /proc/self/cgroup | head -n 1)
    for file in "/sys/fs/cgroup/cpuset$group/cpuset.effective_cpus" "/sys/fs/cgroup$group/cpuset.cpus.effective"; do
        # Such files have no size.
        content=$(cat "$file" 2>/dev/null) || content=
        usable=${content:-$usable}
    done
    [ "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)" != "$usable" ]
}

plural() { if [ "$1" -eq 1 ]; then echo "$1 $2"; else echo "$1 $2s"; fi; }

# Tells the command its threads; what the person wrote stands behind it and counts.
put_threads_into_command() {
    case ${command[0]} in
        train | evaluate) command=("${command[0]}" --set "run.threads=$threads" "${command[@]:1}") ;;
        score | generate) command=("${command[0]}" --threads "$threads" "${command[@]:1}") ;;
        *) ;;
    esac
}

# Runs the command by "$@" (the words before the program) and ends with its exit code; with --dry-run shows it instead.
run_job() {
    launcher=("$@")
    if [ -n "$dry_run" ]; then
        printf '%q ' "${launcher[@]}" "$program" "${command[@]}"
        echo
        exit 0
    fi
    escalate=yes
    run_with_restarts
    exit "$code"
}
