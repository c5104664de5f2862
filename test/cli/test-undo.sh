#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol undo on this machine: one change after the other, all at once, what
# somebody else has changed, a controller killed in the middle, a journal that
# cannot be written or read.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

policy_of() {
	"$mpol" show "$1" --json | jq -r '.policies[0].policy'
}

start_target
memory=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | first')
journal=$XDG_STATE_HOME/mpol/journal

refused 1 'it knows no change of it' '--list' "$mpol" undo "$target"
refused 1 'no change of a living process' '--list' "$mpol" undo --all
expect 0 '' "$mpol" undo --list
same "the journal that undo makes" "600" "$(stat -c %a "$journal")"

# The newest first, each once.
expect 0 "1 of 1" "$mpol" set "$target" "bind:$memory"
expect 0 "1 of 1" "$mpol" set "$target" local
expect 0 "1 of 1" "$mpol" set "$target" "interleave:$memory" --thread "$target"
expect 0 "change 2 (set local" "$mpol" undo --list
same "changes listed" 3 "$("$mpol" undo --list --json | jq '.changes | length')"
expect 0 "would be taken back: 1 thread to local" "$mpol" undo "$target" --dry-run
same "the policy after a dry run" "interleave:$memory" "$(policy_of "$target")"
expect 0 "change 3 (set interleave:$memory" "$mpol" undo "$target"
same "the policy" local "$(policy_of "$target")"
same "what --json says" "$target 2 false local bind:$memory null" "$("$mpol" undo "$target" --json | jq -r '
	[.pid, .changes[0].change, .dry_run, (.changes[0].corrections[0] | .shown, .policy, .error // "null")] | join(" ")')"
expect 0 "taken back: 1 thread to default" "$mpol" undo "$target"
same "the policy" default "$(policy_of "$target")"
refused 1 'it knows no change of it' '--list' "$mpol" undo "$target"

# All at once.
expect 0 "1 of 1" "$mpol" set "$target" local
expect 0 "1 of 1" "$mpol" set "$target" "bind:$memory"
expect 0 "1 thread to local" "$mpol" undo "$target" --all
same "the policy" default "$(policy_of "$target")"

# Somebody else has been there since.
expect 0 "1 of 1" "$mpol" set "$target" local
number=$("$mpol" undo --list --json | jq '.changes[-1].change')
expect 0 "1 of 1" "$mpol" set "$target" "bind:$memory" --no-journal
refused 1 'somebody else has changed it all since (ECANCELED)' "--change $number --force" "$mpol" undo "$target"
same "the policy" "bind:$memory" "$(policy_of "$target")"
expect 0 "1 thread to default" "$mpol" undo --change "$number" --force
same "the policy" default "$(policy_of "$target")"

# Killed before it is done: what was intended and what it replaces is on disk.
expect 0 "1 of 1" "$mpol" set "$target" local
head -c -10 "$journal" >"$scratch/cut" # the end of the last line, which says that it is done
expect 0 "1 thread to default" "$mpol" undo "$target" --journal "$scratch/cut"
same "the policy" default "$(policy_of "$target")"

# Several processes.
first=$target
start_target
expect 0 "" "$mpol" set "$first" "$target" local
expect 0 "process $first" "$mpol" undo --all
same "both policies" "default default" "$(policy_of "$first") $(policy_of "$target")"

# What is not to be read or written changes nothing.
ln -s /dev/full "$scratch/link"
refused 1 'open journal' '--no-journal' "$mpol" set "$target" local --journal "$scratch/link"
refused 1 'open journal' '--no-journal' "$mpol" set "$target" local --journal "$scratch"
refused 1 'open journal' '--no-journal' "$mpol" set "$target" local --journal "$scratch/none/journal"
install -m 666 "$journal" "$scratch/open"
refused 1 'others may have written it (EPERM)' 'belong to you' "$mpol" undo "$target" --journal "$scratch/open"
head -c 4096 /dev/urandom >"$scratch/garbage"
refused 1 'it knows no change of it' '--list' "$mpol" undo "$target" --journal "$scratch/garbage"
same "the policy" default "$(policy_of "$target")"
expect 0 "1 of 1" "$mpol" set "$target" local --journal "$scratch/garbage"
expect 0 "1 thread to default" "$mpol" undo "$target" --journal "$scratch/garbage"
if [ "$(id -u)" = 0 ]; then
	refused 1 'open journal' '--no-journal' as_nobody "$mpol" undo "$target" --journal "$journal"
fi

usage() {
	refused 2 "$@"
}
usage 'takes a process' '--help' "$mpol" undo
usage 'not a process id' 'a number from 1' "$mpol" undo x
usage 'not the number of a change' '--list' "$mpol" undo --change 0
usage 'not the number of a change' '--list' "$mpol" undo --change x
refused 1 'there is none of that number' '--list' "$mpol" undo --change 4000
refused 1 'no such process' '' "$mpol" undo 2147483647
finish
