#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol run on this machine: the command has the policy, its arguments and its
# status; what goes wrong before it starts ends as with env(1).
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

memory=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | first')

# The policy that numa_maps shows for the command itself.
expect 0 "interleave:$memory" "$mpol" run "interleave:$memory" -- sed -n '/\[vdso\]/q; p' /proc/self/numa_maps
expect 0 'local' "$mpol" run local sed -n 1p /proc/self/numa_maps
expect 0 "bind=static:$memory" "$mpol" run "bind:$memory+static" -- sed -n 1p /proc/self/numa_maps
# Children inherit it; exec keeps it; default takes it back.
expect 0 "prefer:$memory" "$mpol" run "prefer:$memory" -- sh -c 'sh -c "sed -n 1p /proc/self/numa_maps"; true'
expect 0 ' default ' "$mpol" run local -- "$mpol" run default -- sed -n 1p /proc/self/numa_maps

# Of one node the weights are known on any machine.
if [ -d /sys/kernel/mm/mempolicy/weighted_interleave ]; then
	expect 0 "weighted interleave:$memory" "$mpol" run "weighted:auto:$memory" -- sed -n 1p /proc/self/numa_maps
fi

# Arguments and options of the command are its own.
same "the arguments" "--json -- x  y" "$("$mpol" run local -- printf '%s' '--json -- x  y')"
same "the arguments without --" "--help" "$("$mpol" run local printf %s --help)"
expect 7 '' "$mpol" run local -- sh -c 'exit 7'

refused 125 'takes a policy and a command' '--help' "$mpol" run
refused 125 'takes a policy and a command' '--help' "$mpol" run local
refused 125 'takes a policy and a command' '--help' "$mpol" run local --
refused 125 "unrecognized option '--fast'" '--help' "$mpol" run --fast local true
refused 125 'no such mode: "nope"' 'modes are default' "$mpol" run nope touch "$scratch/started"
refused 125 'node 1023 does not exist' 'nodes with memory' "$mpol" run weighted:auto:1023 touch "$scratch/started"
refused 125 'none can be given' 'weighted:auto:NODES' "$mpol" run "weighted:auto:$memory=3" touch "$scratch/started"
refused 125 'node 1023 does not exist' 'nodes with memory' "$mpol" run bind:1023 touch "$scratch/started"
refused 125 'cannot have a home node' 'leave home= out' "$mpol" run "bind:$memory,home=$memory" touch "$scratch/started"
[ ! -e "$scratch/started" ] || same "whether the command was started" no yes
refused 127 'no-such-command: No such file or directory (ENOENT)' '' "$mpol" run local no-such-command
refused 127 'a policy beside them is --policy weighted:auto' '' "$mpol" run --policy local weighted:auto
refused 126 'Permission denied (EACCES)' '' "$mpol" run local /etc/passwd

if [ "$(id -u)" = 0 ] && as_nobody "$mpol" --version >/dev/null 2>&1; then
	expect 0 'local' as_nobody "$mpol" run local -- sed -n 1p /proc/self/numa_maps
fi
finish
