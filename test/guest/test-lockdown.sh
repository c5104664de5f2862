#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where the kernel is locked down (lockdown=confidentiality) there is no BPF and no debugfs: mpol doctor and mpold's
# log say which tracker is left, and why it is not the best one; with it mpold manages.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mpol=$MPOL_BUILD/src/cli/mpol
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security
grep -q '\[confidentiality\]' /sys/kernel/security/lockdown || skip "needs a kernel that is locked down: confidentiality"
work=$(mktemp -d)
socket=$work/socket

# trackers CONDITION: the names of those that fulfil it.
trackers() {
	"$mpol" doctor --json | jq -r "[.trackers[] | select($1).name] | join(\" \")"
}

like "$("$mpol" doctor)" '^warning: lockdown: the kernel is locked down \(confidentiality\)' "the doctor finds it"
is "$(trackers .chosen)" damon "the tracker that is left"
is "$(trackers .works)" "damon soft-dirty" "trackers that work"
for tracker in ptescan hintfault; do
	like "$("$mpol" doctor)" "^ *$tracker +cannot: .*without lockdown=confidentiality" "why $tracker does not"
done
like "$("$mpol" doctor)" "^ *mglru +cannot: .*a kernel that is not locked down" "why mglru does not"

# shellcheck disable=SC2119 # as itself
start_toucher
start_daemon "$socket" "$work/log" --pid $target
like "$(cat "$work/log")" 'tracker damon: the best that works here; not ptescan: .*without lockdown=confidentiality' "the log says which, and why"
is "$(curl -s --unix-socket "$socket" http://mpold/v1/status | jq -r '"\(.tracker.name) \(.managed.processes)"')" "damon 1" "and with it, it manages"
rounds() {
	curl -s --unix-socket "$socket" http://mpold/v1/status | jq .rounds
}
# shellcheck disable=SC2317 # called by within_seconds
has_rounds() {
	[ "$(rounds)" -ge 3 ]
}
within_seconds 60 has_rounds || true
within "$(rounds)" 3 100000 "rounds are made"
kill $daemon $target
wait $daemon && ok "and ends when told to"
finish
