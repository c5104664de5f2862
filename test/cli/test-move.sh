#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol move's bad input on this machine, and that none of it moves anything.
# Moving needs two nodes: test/guest/test-mover.sh.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

start_target
nodes=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | map(tostring) | join(",")')
first=${nodes%%,*}

refused 2 'takes processes and --to NODES' '--help' "$mpol" move "$target"
refused 2 'takes processes and --to NODES' '--help' "$mpol" move --to "$first"
refused 2 'not a process id' 'a number from 1' "$mpol" move 0 --to "$first"
refused 2 'node 1023 does not exist' 'nodes with memory' "$mpol" move "$target" --to 1023
refused 2 'node 1023 does not exist' 'nodes with memory' "$mpol" move "$target" --from 1023 --to "$first"
refused 2 'not a list of nodes' '0-1,3 or all' "$mpol" move "$target" --to 1-0
refused 2 'not a list of nodes' '0-1,3 or all' "$mpol" move "$target" --to ''
refused 2 "node $first is in both --from and --to" '' "$mpol" move "$target" --from "$first" --to "$first"
refused 2 'no other node has memory' '' "$mpol" move "$target" --to all
refused 2 'not a bandwidth' '200MB/s' "$mpol" move "$target" --to "$first" --rate 200
refused 2 'not a bandwidth' '200MB/s' "$mpol" move "$target" --to "$first" --rate 0
if [ "$nodes" != "$first" ]; then
	refused 1 'no such process' '' "$mpol" move 2147483647 --to "$first"
	! sees_kernel_threads || refused 1 'kernel thread' '' "$mpol" move 2 --to "$first"
	expect 0 'would move up to' "$mpol" move "$target" --to "$first" --dry-run
fi
expect 2 '"code": "ENODEV"' "$mpol" move "$target" --to 1023 --json
finish
