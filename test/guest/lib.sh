# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Assertions for test scripts: sourced, not run.  Each prints an "ok" or "not ok"
# line and lets the script go on; end the script with "finish".  And what several of
# them do.

set -euo pipefail

lib_failures=0

# ok SENTENCE: something holds.  not_ok SENTENCE [DETAIL...]: it does not.
ok() {
	echo "ok - $1"
}

not_ok() {
	echo "not ok - $1"
	shift
	[ $# = 0 ] || printf '#   %s\n' "$@"
	lib_failures=$((lib_failures + 1))
}

# is ACTUAL EXPECTED SENTENCE: two texts are equal.
is() {
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3" "is:        $1" "should be: $2"
	fi
}

# like TEXT REGEXP SENTENCE: a text contains something.
like() {
	if grep -qE -- "$2" <<<"$1"; then
		ok "$3"
	else
		not_ok "$3" "is:            $1" "should match:  $2"
	fi
}

# within ACTUAL LOWEST HIGHEST SENTENCE: a number lies between two.
within() {
	if awk -v actual="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(actual >= low && actual <= high) }'; then
		ok "$4"
	else
		not_ok "$4" "is: $1, should be $2 to $3"
	fi
}

# within_seconds SECONDS COMMAND...: until it succeeds.
within_seconds() {
	local i
	for ((i = 0; i < $1 * 5; i++)); do
		! "${@:2}" >/dev/null 2>&1 || return 0
		sleep 0.2
	done
	return 1
}

# comes_true SECONDS SENTENCE COMMAND...: within so many it succeeds; else what mpold says is shown.
comes_true() {
	if within_seconds "$1" "${@:3}"; then
		ok "$2"
	else
		# shellcheck disable=SC2154 # the script's
		not_ok "$2" "$("$MPOL_BUILD/src/cli/mpol" tier status 2>&1)" "$(cat "$work/log" 2>&1)"
	fi
}

# start_toucher [COMMAND...]: 32 MiB on node 2, of which 2 are written all the time; $target is it, $memory where.
start_toucher() {
	"$@" "$MPOL_BUILD/test/guest/toucher" 32 2 2 >"$work/touching" &
	# shellcheck disable=SC2034 # the script's
	target=$!
	until grep -q ready "$work/touching"; do sleep 0.1; done
	# shellcheck disable=SC2034 # the script's
	memory=$(sed 's/ready //' "$work/touching")
}

# start_daemon SOCKET LOG OPTION...: mpold, until it takes requests there; $daemon is it.
start_daemon() {
	local socket=$1 log=$2
	shift 2
	"$MPOL_BUILD/src/daemon/mpold" --config /dev/null --socket "$socket" "$@" 2>>"$log" &
	# shellcheck disable=SC2034 # the script's
	daemon=$!
	for _ in $(seq 300); do
		! curl -s --unix-socket "$socket" http://mpold/v1/status >/dev/null || return 0
		sleep 0.1
	done
	not_ok "mpold starts" "$(cat "$log")"
	finish
}

# skip REASON: ends the script; what it needs is not there.
skip() {
	echo "$1"
	exit 77
}

# finish: ends the script; it failed if one assertion did.
finish() {
	[ "$lib_failures" = 0 ] || exit 1
	exit 0
}

# without_huge_pages: until the test ends; those that run behind it in the guest have them again.
without_huge_pages() {
	local enabled=/sys/kernel/mm/transparent_hugepage/enabled before
	before=$(sed 's/.*\[\(.*\)\].*/\1/' "$enabled")
	echo never >"$enabled"
	# shellcheck disable=SC2064 # what they are now
	trap "echo $before >$enabled" EXIT
}

# start_target THREADS: the target, until it says that it is ready; $pid is it.
start_target() {
	coproc TARGET { exec "$MPOL_BUILD/test/guest/target" "$1"; }
	# shellcheck disable=SC2153,SC2034 # bash's; the script's
	pid=$TARGET_PID
	read -r -t 60 answer <&"${TARGET[0]}"
	is "$answer" ready "the target runs"
}

# tell_target WORD...: sets $answer, to the address of the memory that it then has.
tell_target() {
	echo "$*" >&"${TARGET[1]}"
	read -r -t 60 answer <&"${TARGET[0]}"
}

# plug: all memory that is offline, as movable.
plug() {
	local state
	grep -l offline /sys/devices/system/memory/memory*/state | while read -r state; do
		echo online_movable >"$state"
	done
}

# unplug NODE: all its memory.  Somebody's page may be there, which takes the kernel a moment.
unplug() {
	local state
	for state in /sys/devices/system/node/node"$1"/memory[0-9]*/state; do
		for _ in $(seq 10); do
			! echo offline 2>/dev/null >"$state" || break
			sleep 1
		done
	done
}
