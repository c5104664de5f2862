#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol set on this machine: a change, one thread, a dry run, and every bad input:
# one error that names the thing and the way out, nothing changed.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

policy_of() {
	"$mpol" show "$1" --json | jq -r '.policies[0].policy'
}

start_target
memory=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | first')

# A machine says which policies it knows: the kernel's own word is what counts.
for policy in "bind:$memory" "prefer:$memory" "prefer-many:$memory" "interleave:$memory" local \
	"bind:$memory+static" "interleave:$memory+relative" default; do
	expect 0 "1 of 1 thread changed" "$mpol" set "$target" "$policy"
	same "the policy" "$policy" "$(policy_of "$target")"
done

expect 0 "would change 1 thread from default to local" "$mpol" set "$target" local --dry-run
same "the policy after a dry run" default "$(policy_of "$target")"
expect 0 "thread $target of process $target (sleep): 1 of 1" "$mpol" set "$target" local --thread "$target"
same "the policy" local "$(policy_of "$target")"
same "what --json says" "local default 1 true" "$("$mpol" set "$target" default --json |
	jq -r '[.before[0].policy, .policy, .changed, .longest_stop_ns > 0] | join(" ")')"

expect 0 'moved 0 B of 0 B' "$mpol" set "$target" "prefer:$memory" --move
expect 0 '1 of 1' "$mpol" set "$target" default

# Nothing was tried: status 2.
usage() {
	refused 2 "$@"
}
usage 'not a process id (EINVAL)' 'a number from 1' "$mpol" set x local
usage 'not a process id (EINVAL)' 'a number from 1' "$mpol" set 0 local
usage 'not a process id (EINVAL)' 'a number from 1' "$mpol" set 4294967297 local
usage 'not a process id (EINVAL)' 'a number from 1' "$mpol" set "$target" local --thread 0
usage 'no such mode: "bnd"' 'modes are default' "$mpol" set "$target" bnd:0
usage 'node 1023 does not exist' 'nodes with memory' "$mpol" set "$target" bind:1023
usage 'node 1024 is over 1023' 'nodes with memory' "$mpol" set "$target" bind:1024
usage 'weight 256 is over 255' '1 to 255' "$mpol" set "$target" "weighted:$memory=256"
usage 'weight 0' '1 to 255' "$mpol" set "$target" "weighted:$memory=0"
usage 'local does not take +static' 'modes that take' "$mpol" set "$target" local+static
usage 'names no node to move' 'leave --move out' "$mpol" set "$target" local --move
usage 'takes processes and a policy' '--help' "$mpol" set "$target"
usage "unrecognized option '--fast'" 'mpol set' "$mpol" set "$target" local --fast

# The kernel, or the machine, says no: status 1.
refused 1 'no such process' '' "$mpol" set 2147483647 local
! sees_kernel_threads || refused 1 'a kernel thread has no memory of its own' '' "$mpol" set 2 local
refused 1 "it has no thread 2147483647" '--threads lists' "$mpol" set "$target" local --thread 2147483647
refused 1 "a thread's own policy cannot have a home node" 'mpol bind' \
	"$mpol" set "$target" "bind:$memory,home=$memory" --thread "$target"
refused 1 'relative does not go with weights' 'without +relative' "$mpol" set "$target" "weighted:$memory=255+relative"
# Of one node all is the node's, whatever its weight: no stripes are needed, and no kernel that weighs.
expect 0 "to weighted:$memory=255" "$mpol" set "$target" "weighted:$memory=255" --dry-run
bash -c 'exec 3< <(exec true); sleep 0.2; echo $!; exec sleep 1000' >"$scratch/zombie" &
children+=($!)
until [ -s "$scratch/zombie" ]; do sleep 0.01; done
zombie=$(cat "$scratch/zombie")
if grep -q '^State:.Z' "/proc/$zombie/status" 2>/dev/null; then
	refused 1 'it has ended and waits for its parent' '' "$mpol" set "$zombie" local
fi

# With --json the error is a document as well.
expect 2 '"code": "ENODEV"' "$mpol" set "$target" bind:1023 --json
same "the error document" "bind:1023" "$(jq -r .error.object "$scratch/stdout")"

if [ "$(id -u)" = 0 ] && as_nobody "$mpol" --version >/dev/null 2>&1; then
	refused 1 'not allowed' 'as root' as_nobody "$mpol" set "$target" local
	setpriv --reuid=65534 --regid=65534 --clear-groups sleep 1000 &
	children+=($!)
	theirs=$!
	until [ "$(cat "/proc/$theirs/comm")" = sleep ]; do sleep 0.01; done
	expect 0 '1 of 1 thread changed from default to local' as_nobody "$mpol" set "$theirs" local
fi
same "the policy after all refusals" default "$(policy_of "$target")"
finish
