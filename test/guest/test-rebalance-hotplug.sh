#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol rebalance while node 2's memory really comes and goes: it is filled with its share, and so
# empty once drained that the kernel takes it offline.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
XDG_STATE_HOME=$(mktemp -d)
export XDG_STATE_HOME
echo 0 >/proc/sys/kernel/numa_balancing

nodes=/sys/devices/system/node
[ "$(cat $nodes/has_memory)" = 0-1 ] || skip "needs nodes 0-1 with memory, and memory of node 2 that is offline"

start_target 1
"$mpol" set "$pid" interleave:0-1 >/dev/null
tell_target grow 0 48
on_node() {
	sed -n "s/^0*$answer .* N$1=\([0-9]*\).*/\1/p" "/proc/$pid/numa_maps" | grep . || echo 0
}
within "$(on_node 1)" 6100 6200 "half of 48 MiB is on node 1"
like "$("$mpol" rebalance "$pid" interleave:0-2 2>&1)" 'node 2 .*memory' "a node without memory is refused"

plug
is "$(cat $nodes/has_memory)" 0-2 "node 2 has memory"
"$mpol" rebalance "$pid" interleave:0-2 >/dev/null || true
within "$(on_node 2)" 4076 4116 "a third has moved to the node that has come"

"$mpol" rebalance "$pid" interleave:0-2 --drain 2 >/dev/null || true
is "$(on_node 2)" 0 "drained, it has nothing"
within "$(on_node 0)" 6080 6208 "the others have their shares"
unplug 2
is "$(cat $nodes/has_memory)" 0-1 "and goes"

kill "$pid"
finish
