#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A home node for a process that runs on another node's CPUs: from where memory comes that was
# mapped before mpol set and is touched after it, and memory that is mapped later; undo; reapply.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
echo 0 >/proc/sys/kernel/numa_balancing
without_huge_pages

# start: the program of bench weights-split, on the CPU of node 0, with 8 MiB that it has not touched yet.
start() {
	coproc PROGRAM { exec taskset -c "$(cat /sys/devices/system/node/node0/cpulist)" "$MPOL_BUILD/bench/weights-split"; }
	# shellcheck disable=SC2153 # coproc sets it
	program=$PROGRAM_PID
	tell map 8 small
}

# tell COMMAND...: sets $answer.
tell() {
	echo "$*" >&"${PROGRAM[1]}"
	read -r answer <&"${PROGRAM[0]}"
}

stop() {
	local to=${PROGRAM[1]}
	exec {to}>&-
	wait "$program"
}

# touched SENTENCE WANTED: where what there is comes from.
touched() {
	tell touch
	tell count
	is "$answer" "$2" "$1"
}

threads_have() {
	is "$("$mpol" show "$program" --threads --json | jq -r '.threads[0].policy')" "$1" "its thread has $1"
}

# ---- bind: exact for what there is; what is mapped later begins at the CPU's node
start
touched "without a policy memory is the CPU's" "0=2048"
tell free
tell map 8 small
said=$("$mpol" set "$program" bind:0-1,home=1)
like "$said" 'changed from default to bind:0-1;' "set says what threads get"
like "$said" 'bind:0-1,home=1: ([0-9]+) of \1 ranges .* have it; what it maps later goes by bind:0-1: from the node nearest to the CPU' \
	"and what serves what"
touched "mapped before: from the home node" "1=2048"
tell free
tell map 8 small
touched "mapped later: from the CPU's node" "0=2048"
tell free
tell map 8 small
"$mpol" set "$program" bind:0-1,home=1 >/dev/null
touched "until it is set once more" "1=2048"
"$mpol" undo "$program" >/dev/null
"$mpol" undo "$program" >/dev/null
threads_have default
tell free
tell map 8 small
touched "undo takes it back" "0=2048"
is "$(awk '$2 != "default" { print $1, $2 }' "/proc/$program/numa_maps")" "" "from every range"
stop

# ---- prefer-many: what is mapped later comes from the home node as well
start
is "$("$mpol" set "$program" prefer-many:0-1,home=1 --dry-run --json | jq -c '.home | [.thread_policy, .threads_at_home, .by_kernel]')" \
	'["prefer:1",true,true]' "a dry run says what would serve"
said=$("$mpol" set "$program" prefer-many:0-1,home=1)
like "$said" 'what it maps later goes by prefer:1: from the home node while it has room' "so says set"
threads_have prefer:1
touched "mapped before: from the home node" "1=2048"
status=0
"$mpol" reapply "$program" --check >/dev/null || status=$?
is "$status" 0 "nothing has drifted"
tell free
tell map 8 small
touched "mapped later: from there too" "1=2048"
tell map 16 small
at=${answer#0x}
like "$("$mpol" show "$program" --explain)" "^[0-9a-f]+-[0-9a-f]+ .* prefer-many:0-1 +its own policy with the home node" "show --explain says of what is there"
like "$("$mpol" show "$program" --explain)" "^$at-.* prefer:1 +the threads' policy, which begins at the home node" "and of what came later"
"$mpol" set "$program" default --no-journal >/dev/null
status=0
"$mpol" reapply "$program" --check >/dev/null || status=$?
is "$status" 1 "somebody else's change is noticed"
"$mpol" reapply "$program" >/dev/null
threads_have prefer:1
"$mpol" undo "$program" >/dev/null
threads_have default
stop

# ---- a home node that is none of the policy's: the nearest of these
start
"$mpol" set "$program" bind:0-1,home=2 >/dev/null
tell touch
tell count
like "$answer" '^[01]=2048$' "a home node beside the policy's nodes: one of these"
stop

# ---- ranges alone
start
"$mpol" bind "$program" anon bind:0-1,home=1 >/dev/null
touched "mpol bind with a home node" "1=2048"
stop

# ---- what is refused
start
status=0
said=$("$mpol" set "$program" --thread "$program" bind:0-1,home=1 2>&1) || status=$?
is "$status" 1 "one thread"
like "$said" 'mpol bind' "cannot have one, and what can"
status=0
"$mpol" run bind:0-1,home=1 -- true 2>/dev/null || status=$?
is "$status" 125 "nor a program before it has memory"
status=0
"$mpol" set "$program" bind:0-1,home=7 2>/dev/null || status=$?
is "$status" 2 "nor is there a node 7"
threads_have default
stop
finish
