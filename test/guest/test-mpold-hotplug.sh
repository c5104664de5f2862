#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpold while node 2's memory really comes and goes, which leaves the machine one tier and gives it
# another: it goes on, and pages are moved from and to a node that has come while it runs.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
nodes=/sys/devices/system/node
socket=/run/mpold/mpold.sock
work=$(mktemp -d)
log=$work/log
[ "$(cat $nodes/has_memory)" = 0-1 ] || skip "needs nodes 0-1 with memory, and memory of node 2 that is offline"
echo 0 >/proc/sys/kernel/numa_balancing

status() {
	"$mpol" tier status --json | jq -c "$1"
}

# shellcheck disable=SC2317 # called by comes_true
knows_nodes() {
	[ "$(status '[.nodes[].node]')" = "$1" ]
}

# shellcheck disable=SC2317
has_moved() {
	[ "$(status "[.moves.flows[] | select(.reason == \"$1\") | .moved_pages] | add // 0")" -ge "$2" ]
}

# shellcheck disable=SC2317
has_rounds() {
	[ "$(status .rounds)" -gt "$1" ]
}

like "$("$MPOL_BUILD/src/daemon/mpold" --config /dev/null --socket $socket 2>&1)" 'one tier' "mpold does not start where there is one tier"
plug
start_daemon $socket "$log"
is "$(status '[.nodes[].node]')" '[0,1,2]' "it starts with three nodes"
# shellcheck disable=SC2119 # as itself
start_toucher
"$mpol" tier add $target >/dev/null
comes_true 120 "hot pages of node 2 are promoted" has_moved promote 512

unplug 2
is "$(cat $nodes/has_memory)" 0-1 "node 2 has gone"
comes_true 120 "mpold knows" knows_nodes '[0,1]'
like "$(cat "$log")" 'nodes have changed; with memory: 0-1, of 1 tier; come: none; gone: 2' "and says so"
like "$(cat "$log")" 'one tier: nothing is moved' "and that there is nothing to be done"
rounds=$(status .rounds)
sleep 15
is "$(status .rounds)" "$rounds" "nothing is looked at"
kill -KILL $target
# shellcheck disable=SC2317
is_alone() {
	[ "$(status .managed.processes)" = 0 ]
}
comes_true 120 "a process that ends is let go all the same" is_alone

plug
comes_true 120 "mpold knows the node that has come" knows_nodes '[0,1,2]'
like "$(cat "$log")" 'nodes have changed; with memory: 0-2, of 2 tiers; come: 2; gone: none' "and says so"
is "$(status '[.nodes[] | select(.node == 2) | .tier]')" '[1]' "it is a slow one"
promoted=$(status '[.moves.flows[] | select(.reason == "promote") | .moved_pages] | add // 0')
# shellcheck disable=SC2119 # as itself
start_toucher
"$mpol" tier add $target >/dev/null
comes_true 120 "hot pages are promoted from it" has_moved promote $((promoted + 512))

unplug 2
is "$(cat $nodes/has_memory)" 0-1 "it goes once more"
comes_true 120 "which mpold knows" knows_nodes '[0,1]'
plug
comes_true 120 "and comes" knows_nodes '[0,1,2]'
comes_true 120 "and mpold goes on" has_rounds "$(status .rounds)"
is "$(grep -c 'is not followed' "$log")" 0 "nothing failed meanwhile"
kill $target
kill -TERM $daemon
wait $daemon && ok "told to end, it ends"
unplug 2
is "$(cat $nodes/has_memory)" 0-1 "for the tests behind this one node 2 is gone again"
finish
