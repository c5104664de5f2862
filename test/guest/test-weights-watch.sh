#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol weights auto --watch while node 2's memory really comes and goes: the kernel's table
# follows, and interleaving goes by it.  test/guest/meson.build says how a guest of the lab has such memory.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
table=/sys/kernel/mm/mempolicy/weighted_interleave
nodes=/sys/devices/system/node
[ "$(cat $nodes/has_memory)" = 0-1 ] || skip "needs nodes 0-1 with memory, and memory of node 2 that is offline"
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME

in_table() {
	echo "$(cat $table/node0) $(cat $table/node1) $(cat $table/node2)"
}

# until_is WANTED SENTENCE: the table becomes that, within a minute.
until_is() {
	for _ in $(seq 600); do
		[ "$(in_table)" != "$1" ] || break
		sleep 0.1
	done
	is "$(in_table)" "$1" "$2"
}

"$mpol" weights set 0=7,1=7 >/dev/null
"$mpol" weights auto --watch >"$XDG_STATE_HOME/log" 2>&1 &
watcher=$!
until_is "1 1 1" "weights for two nodes at first"
plug
is "$(cat $nodes/has_memory)" 0-2 "node 2 has come"
until_is "9 9 4" "weights for three nodes"
like "$("$mpol" run weighted:auto -- head -n 1 /proc/self/numa_maps)" 'weighted interleave:0-2' "weighted:auto goes by the same"
unplug 2
is "$(cat $nodes/has_memory)" 0-1 "node 2 has gone"
until_is "1 1 4" "weights for the two that are left"
plug
until_is "9 9 4" "and for three once more"
kill -TERM $watcher
status=0
wait $watcher || status=$?
is "$status" 0 "it ends when it is told to"
like "$(cat "$XDG_STATE_HOME/log")" 'nodes have changed; with memory: 0-1' "and has said what it did"
"$mpol" undo --weights --all >/dev/null
is "$(in_table)" "1 1 1" "all of which undo takes back"
unplug 2
is "$(cat $nodes/has_memory)" 0-1 "for the tests behind this one node 2 is gone again"
finish
