#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On a machine with three nodes: mpol undo with many threads, threads born since,
# another agent and killed controllers; mpol reapply after a cpuset was narrowed
# and widened.  The kernel's numa_maps says each time what there is.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
command -v python3 >/dev/null || skip "needs python3"
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
journal=$XDG_STATE_HOME/journal
mpol_j() {
	local verb=$1
	shift
	"$mpol" "$verb" --journal "$journal" "$@"
}

# set_all POLICY: for all threads; again where one was deep in the kernel just then, as the error advises.
set_all() {
	local said
	for _ in 1 2 3; do
		said=$(mpol_j set "$pid" "$1" 2>&1) && return
		[[ $said == *ETIMEDOUT* ]] || break
	done
	not_ok "$1 is set" "$said"
}

# A program with 12 threads; each line on its stdin has thread 1 make one more.
coproc TARGET { exec python3 -u -c '
import sys, threading, time
born = threading.Semaphore(0)
def sleep():
    while True: time.sleep(1000)
def make():
    while True:
        born.acquire()
        threading.Thread(target=sleep, daemon=True).start()
        print("born")
threading.Thread(target=make, daemon=True).start()
for i in range(10): threading.Thread(target=sleep, daemon=True).start()
print("ready")
for line in sys.stdin: born.release()
'; }
# shellcheck disable=SC2153
pid=$TARGET_PID
read -r -t 120 _ <&"${TARGET[0]}"

give_birth() {
	echo >&"${TARGET[1]}"
	read -r -t 120 _ <&"${TARGET[0]}"
}

# What the kernel shows of all threads: "12 default", the most frequent first.
threads() {
	"$mpol" show "$pid" --json | jq -r '[.policies[] | "\(.threads) \(.policy)"] | join(", ")'
}

tid() {
	"$mpol" show "$pid" --threads --json | jq ".threads[$1].tid"
}

# ---- many threads, each its own
is "$(threads)" "12 default" "twelve threads"
mpol_j set "$pid" local --thread "$(tid 3)" >/dev/null
mpol_j set "$pid" interleave:0-2 --thread "$(tid 4)" >/dev/null
mpol_j set "$pid" bind:0-1 >/dev/null
is "$(threads)" "12 bind:0-1" "all threads are changed"
give_birth
is "$(threads)" "13 bind:0-1" "one born since inherits"
like "$(mpol_j undo "$pid")" '11 threads to default' "undo gives the one born since what most had"
is "$(threads)" "11 default, 1 local, 1 interleave:0-2" "and each thread its own"
mpol_j undo "$pid" --all >/dev/null
is "$(threads)" "13 default" "undo --all goes back to the beginning"
like "$(mpol_j undo "$pid" 2>&1 || true)" 'it knows no change of it that could be taken back' "nothing is left"

# ---- another agent
mpol_j set "$pid" bind:1 >/dev/null
"$mpol" set --no-journal "$pid" prefer:2 --thread "$(tid 5)" >/dev/null
status=0
mpol_j undo "$pid" >/tmp/undo || status=$?
is "$status" 3 "undo is done in part"
like "$(cat /tmp/undo)" "thread $(tid 5) has prefer:2, not default: somebody else has changed it since: left alone" "and says what it leaves alone"
is "$(threads)" "12 default, 1 prefer:2" "which stays as it is"
number=$(sed -n 's/.*undo --change \([0-9]*\) --force.*/\1/p' /tmp/undo)
mpol_j undo --change "${number:-0}" --force >/dev/null
is "$(threads)" "13 default" "but for --force"

# ---- controllers killed at random: undo --all always finds the way back
for delay in 0.0 0.1 0.2 0.3 0.4 0.5; do
	"$mpol" set --journal "$journal" "$pid" bind:2 >/dev/null 2>&1 & # a function would be a shell's child
	setter=$!
	sleep "$delay"
	kill -9 "$setter" 2>/dev/null || true
	wait "$setter" 2>/dev/null || true
done
mpol_j set "$pid" bind:2 >/dev/null
for delay in 0.0 0.2 0.4; do
	"$mpol" undo --journal "$journal" "$pid" --all >/dev/null 2>&1 &
	undoer=$!
	sleep "$delay"
	kill -9 "$undoer" 2>/dev/null || true
	wait "$undoer" 2>/dev/null || true
done
status=0
mpol_j undo "$pid" --all >/tmp/undo 2>&1 || status=$?
sed "s/^/# status $status: /" /tmp/undo
is "$(threads)" "13 default" "after killed controllers all is as at the beginning"

# ---- cpusets
cgroups=/sys/fs/cgroup
mountpoint -q $cgroups || mount -t cgroup2 none $cgroups
echo +cpuset >$cgroups/cgroup.subtree_control
mkdir -p $cgroups/narrow
echo 0-2 >$cgroups/narrow/cpuset.mems
echo "$pid" >$cgroups/narrow/cgroup.procs

narrow_and_widen() {
	for mems in "$@" 0-2; do
		echo "$mems" >$cgroups/narrow/cpuset.mems
	done
}

# checked STATUS SENTENCE: how reapply --check ends.
checked() {
	local status=0
	mpol_j reapply "$pid" --check >/tmp/check 2>&1 || status=$?
	is "$status" "$1" "$2"
}

mpol_j set "$pid" bind:0-1 >/dev/null
narrow_and_widen 1-2 2
is "$(threads)" "13 bind:0" "the kernel forgets what a narrow cpuset hides"
checked 1 "--check finds that"
is "$(threads)" "13 bind:0" "and changes nothing"
like "$(mpol_j reapply "$pid")" 'set again: 13 threads to bind:0-1' "reapply sets it again"
is "$(threads)" "13 bind:0-1" "as it was meant"
checked 0 "which is all"

echo 1-2 >$cgroups/narrow/cpuset.mems
is "$(threads)" "13 bind:1-2" "the kernel moves it by position"
mpol_j reapply "$pid" >/dev/null
is "$(threads)" "13 bind:1" "of what was meant one node is left"
echo 2 >$cgroups/narrow/cpuset.mems
status=0
mpol_j reapply "$pid" >/tmp/reapply || status=$?
like "$(cat /tmp/reapply)" 'its cpuset allows none of the nodes' "none is left: that is said"
is "$status" 3 "and is no success"
echo 0-2 >$cgroups/narrow/cpuset.mems
mpol_j reapply --all >/dev/null
is "$(threads)" "13 bind:0-1" "and all of it comes back"

for policy in bind:0-1+static interleave:0-1+relative prefer:1 prefer:1+static prefer-many:0-1 weighted:0-2 local default; do
	set_all "$policy"
	narrow_and_widen 1-2 2
	mpol_j reapply "$pid" >/dev/null
	is "$(threads)" "13 $policy" "$policy, narrowed, widened and set again"
done
for policy in bind:0-1+static bind:0-1+relative prefer:1 prefer-many:0-1; do
	set_all "$policy"
	echo 2 >$cgroups/narrow/cpuset.mems
	checked 0 "what the kernel makes of $policy within node 2 is no drift"
	like "$(mpol_j undo "$pid" 2>&1)" 'is taken back: ' "and not somebody else's"
	echo 0-2 >$cgroups/narrow/cpuset.mems
done

# ---- a thread made by one with another policy
mpol_j set "$pid" bind:1 >/dev/null
"$mpol" set --no-journal "$pid" local --thread "$(tid 1)" >/dev/null
give_birth
is "$(threads)" "12 bind:1, 2 local" "a thread and the one that it made have another policy"
mpol_j reapply "$pid" >/dev/null
is "$(threads)" "14 bind:1" "reapply finds both"

# ---- a process that has ended
kill "$pid"
wait "$pid" 2>/dev/null || true
like "$(mpol_j undo "$pid" 2>&1 || true)" 'no such process' "a process that has ended"
like "$(mpol_j undo --all 2>&1 || true)" 'no change of a living process' "and nobody else is changed"
finish
