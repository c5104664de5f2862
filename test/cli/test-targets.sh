#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Verbs on several processes: a report for each, one verdict for all.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

policy_of() {
	"$mpol" show "$1" --json | jq -r '.policies[0].policy'
}

start_target
one=$target
start_target
two=$target

# ---- process ids
expect 0 "process $two (sleep): 1 of 1 thread changed from default to local" "$mpol" set "$one" "$two" local
same "the lines" 2 "$(grep -c '1 of 1 thread changed' "$scratch/stdout")"
same "the policies" "local local" "$(policy_of "$one") $(policy_of "$two")"
same "what --json says" "[[$one,1],[$two,1]]" \
	"$("$mpol" set "$one" "$two" default --json | jq -c '[.processes[] | [.pid, .changed]]')"
expect 0 "would change 1 thread from default to local" "$mpol" set "$one" "$two" local --dry-run
same "the policy after a dry run" default "$(policy_of "$two")"

# Some can be changed and some cannot: status 3, and a report of both.
expect 3 "process 2147483647: no such process" "$mpol" set "$one" 2147483647 "$two" local
same "the policies" "local local" "$(policy_of "$one") $(policy_of "$two")"
expect 3 '"processes"' "$mpol" set 2147483647 "$one" default --json
same "what --json says" "[[2147483647,\"ESRCH\",null],[$one,null,1]]" \
	"$(jq -c '[.processes[] | [.pid, .error.code, .changed]]' "$scratch/stdout")"
# None can: status 1.
expect 1 "process 2147483646: no such process" "$mpol" set 2147483647 2147483646 local
# Bad words: nothing is tried.
refused 2 'not a process id' 'a number from 1' "$mpol" set "$one" x local
refused 2 'a thread belongs to one process' 'that process alone' "$mpol" set "$one" "$two" local --thread "$one"
same "the policies after all refusals" "default local" "$(policy_of "$one") $(policy_of "$two")"

finish
