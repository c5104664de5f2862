#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol rebalance's bad input on this machine, and what it says where nothing is to be moved.
# Moving needs two nodes: test/guest/test-rebalance.sh.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

start_target
nodes=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | map(tostring) | join(",")')
first=${nodes%%,*}

refused 2 'takes processes and perhaps a policy' '--help' "$mpol" rebalance
refused 2 'takes processes and perhaps a policy' '--help' "$mpol" rebalance interleave:all
refused 2 'not a process id' 'a number from 1' "$mpol" rebalance 0
refused 2 'not a process id' 'a number from 1' "$mpol" rebalance "$target" all interleave:all
refused 2 'given together with process ids' 'or one of' "$mpol" rebalance --tree "$target" "$target" interleave:all
refused 2 'interleaf' '' "$mpol" rebalance "$target" interleaf:all
refused 2 'node 1023 does not exist' 'nodes with memory' "$mpol" rebalance "$target" interleave:1023
refused 2 'node 1023 does not exist' 'nodes with memory' "$mpol" rebalance "$target" --drain 1023
refused 2 'not a list of nodes' '0-1,3 or all' "$mpol" rebalance "$target" --drain ''
refused 2 'not a bandwidth' '200MB/s' "$mpol" rebalance "$target" --rate 0
refused 1 'no such process' '' "$mpol" rebalance 2147483647
! sees_kernel_threads || refused 1 'kernel thread' '' "$mpol" rebalance 2
refused 1 'no policy says where its memory is to be' "mpol rebalance $target interleave:all" "$mpol" rebalance "$target"
refused 1 'it does not say on which nodes pages are to be' 'weighted:0=3,2=1' "$mpol" rebalance "$target" default
refused 1 'no node would be left that the process may use' 'its cpuset allows' "$mpol" rebalance "$target" --drain all
expect 1 '"code": "ENOENT"' "$mpol" rebalance "$target" --json
expect 2 '"code": "ENODEV"' "$mpol" rebalance "$target" --drain 1023 --json
refused 1 'not a regular file' 'it must belong to you' "$mpol" rebalance "$target" --journal /

# All of it lies right where only one node counts that has all of it; a selector is no error where nothing is wished.
if [ "$nodes" = "$first" ]; then
	expect 0 'nothing to move' "$mpol" rebalance "$target" "interleave:$first" --dry-run
	expect 0 "node $first: 100.0 % (was 100.0 %)" "$mpol" rebalance "$target" "bind:$first"
	expect 0 '"least_bytes": 0' "$mpol" rebalance "$target" "weighted:$first=3" --json
	expect 0 'nothing to do: no policy says' "$mpol" rebalance --tree "$target"
fi
# What mpol set was told to do is gone by, as far as the kernel does not know it.
"$mpol" set "$target" "interleave:$first" >/dev/null
expect 0 '"policy": null' "$mpol" rebalance "$target" --dry-run --json

refused 2 '--watch is without --dry-run and --json' '--help' "$mpol" rebalance "$target" --watch --json
refused 1 'no such process' '' "$mpol" rebalance 2147483647 --watch
# Looks once at first; again when the policy has changed; ends when the process has.
watched() {
	for _ in $(seq 100); do
		[ "$(grep -c lie "$scratch/watched")" -lt "$1" ] || return 0
		sleep 0.2
	done
	echo "FAILED: mpol rebalance --watch: expected $1 times:"
	cat "$scratch/watched"
	failures=$((failures + 1))
}
if [ "$nodes" = "$first" ]; then
	sleep 1000 &
	ending=$!
	"$mpol" set $ending "interleave:$first" >/dev/null
	"$mpol" rebalance $ending --watch >"$scratch/watched" 2>&1 &
	watcher=$!
	watched 1
	"$mpol" set $ending "bind:$first" >/dev/null
	watched 2
	kill $ending
	wait $ending 2>/dev/null || true
	got=0
	wait $watcher || got=$?
	same "the status of a watch whose process has ended" 0 $got
	same "what it said" 2 "$(wc -l <"$scratch/watched" | awk '{ print $1 / 2 }')"
fi
finish
