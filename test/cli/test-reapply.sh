#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mpol reapply on this machine: nothing to do, somebody else's policy, a thread's
# own, changes taken back.  Cpusets need a guest.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

policy_of() {
	"$mpol" show "$1" --json | jq -r '.policies[0].policy'
}

start_target
memory=$("$mpol" topo --json | jq -r '[.nodes[] | select(.capacity_bytes > 0) | .id] | first')

expect 0 'everything is as it was set' "$mpol" reapply "$target"
expect 0 '1 of 1' "$mpol" set "$target" "prefer:$memory"
expect 0 'everything is as it was set' "$mpol" reapply "$target" --check

expect 0 '1 of 1' "$mpol" set "$target" local --no-journal
expect 1 "would be set again: 1 thread to prefer:$memory" "$mpol" reapply "$target" --check
expect 0 "would be set again: 1 thread to prefer:$memory" "$mpol" reapply "$target" --dry-run
same "the policy after both" local "$(policy_of "$target")"
same "what --json says" "$target false local prefer:$memory" "$("$mpol" reapply "$target" --json | jq -r '
	[.pid, .dry_run, (.corrections[0] | .shown, .policy)] | join(" ")')"
same "the policy" "prefer:$memory" "$(policy_of "$target")"

# What reapply did is in the journal, with what it replaced; it can be taken back alone.
journal=$XDG_STATE_HOME/mpol/journal
last_change() {
	cut -c10- "$journal" | jq -s -r '[.[] | select(.change)] | last | "\(.verb) \(.reapplies) \(.intended) \(.replaced[0].policy)"'
}
same "the last change" "reapply 1 prefer:$memory local" "$(last_change)"
same "its end" 1 "$(cut -c10- "$journal" | tail -n 1 | jq .done)"
same "what can be taken back" 1 "$("$mpol" undo --list | wc -l)"
expect 0 '1 thread to local' "$mpol" undo --change 2
same "the policy" local "$(policy_of "$target")"
expect 0 "1 thread to prefer:$memory (change 4)" "$mpol" reapply "$target"

# A journal that cannot be written: nothing is changed.
expect 0 '1 of 1' "$mpol" set "$target" local --no-journal
mkdir "$scratch/dir"
refused 1 'journal' '' "$mpol" reapply "$target" --journal "$scratch/dir"
same "the policy" local "$(policy_of "$target")"
expect 0 'set again' "$mpol" reapply "$target"

# The newest change counts; one taken back does not.
expect 0 '1 of 1' "$mpol" set "$target" "bind:$memory"
expect 0 '1 of 1' "$mpol" set "$target" local --no-journal
expect 0 "set again: 1 thread to bind:$memory" "$mpol" reapply --all
expect 0 "1 thread to prefer:$memory" "$mpol" undo "$target"
expect 0 'everything is as it was set' "$mpol" reapply "$target" --check
expect 0 "1 thread to default" "$mpol" undo "$target"
expect 0 '1 of 1' "$mpol" set "$target" local --no-journal
expect 0 'everything is as it was set' "$mpol" reapply "$target" --check

usage() {
	refused 2 "$@"
}
usage 'takes processes' '--help' "$mpol" reapply
usage 'takes processes' '--help' "$mpol" reapply "$target" --all
usage 'not a process id' 'a number from 1' "$mpol" reapply x
refused 1 'no such process' '' "$mpol" reapply 2147483647
refused 1 'no change of a living process' '--list' "$mpol" reapply --all
finish
