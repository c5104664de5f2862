#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernel's own tiering is off while mpold works, and on again whatever ends it.
# shellcheck source=test/guest/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$(cat /sys/devices/system/node/has_memory)" = 0-2 ] || skip "needs nodes 0-2 with memory"
balancing=/proc/sys/kernel/numa_balancing
demotion=/sys/kernel/mm/numa/demotion_enabled
work=$(mktemp -d)

start() {
	start_daemon "$work/socket" "$work/log" "$@"
}

# settled WANTED: the settings within a while, as "BALANCING DEMOTION".
settled() {
	local now=
	for _ in $(seq 100); do
		now="$(cat $balancing) $(cat $demotion)"
		[ "$now" != "$1" ] || break
		sleep 0.1
	done
	echo "$now"
}

echo true >$demotion
echo 2 >$balancing
start
is "$(settled "0 false")" "0 false" "both are off while it works"
is "$(grep -c 'while mpold works' "$work/log")" 2 "the log says so"
kill $daemon
wait $daemon
is "$(settled "2 true")" "2 true" "its end gives them back"
start
kill -9 $daemon
wait $daemon 2>/dev/null || true
is "$(settled "2 true")" "2 true" "so does its guard when it is killed"
start --kernel-tiering keep
is "$(settled "2 true")" "2 true" "they may be kept"
kill $daemon
wait $daemon
start --dry-run
is "$(settled "2 true")" "2 true" "a dry run changes nothing"
kill $daemon
wait $daemon
echo 3 >$balancing
start
is "$(settled "1 false")" "1 false" "balancing between sockets goes on"
echo 0 >$balancing
kill $daemon
wait $daemon
is "$(settled "0 true")" "0 true" "what others change meanwhile stays"
finish
