# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by the tests of mpol's verbs: runs commands, compares what they say and how they end.
set -euo pipefail

# A policy is inherited: a shell that has one must not change what the tests see.
if [ -z "${MPOL_TEST_HAS_DEFAULT-}" ]; then
	# shellcheck disable=SC2154 # the test's own
	MPOL_TEST_HAS_DEFAULT=1 exec "$mpol" run default -- "$0" "$@"
fi

scratch=$(mktemp -d)
chmod 711 "$scratch"
# The journal of the tests, and that of nobody.
export XDG_STATE_HOME=$scratch/state
children=()
failures=0
cleanup() {
	[ ${#children[@]} -eq 0 ] || kill "${children[@]}" 2>/dev/null || true
	rm -rf "$scratch"
}
trap cleanup EXIT

# expect STATUS TEXT COMMAND...: the command ends so, and TEXT is in its stdout and stderr.
expect() {
	local wanted=$1 text=$2 got=0
	shift 2
	"$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null || got=$?
	cat "$scratch/stdout" "$scratch/stderr" >"$scratch/said"
	if [ "$got" -ne "$wanted" ] || [[ $(<"$scratch/said") != *"$text"* ]]; then
		echo "FAILED: $*: status $got (expected $wanted), expected to say: $text"
		sed 's/^/  out: /' "$scratch/stdout"
		sed 's/^/  err: /' "$scratch/stderr"
		failures=$((failures + 1))
	fi
}

# refused STATUS TEXT ADVICE COMMAND...: an error on stderr alone, with a way out.
refused() {
	local status=$1 text=$2 advice=$3
	shift 3
	expect "$status" "$text" "$@"
	if [ -s "$scratch/stdout" ] || ! grep -qF -- "$advice" "$scratch/stderr"; then
		echo "FAILED: $*: expected nothing on stdout, and the advice: $advice"
		sed 's/^/  err: /' "$scratch/stderr"
		failures=$((failures + 1))
	fi
}

# same WHAT WANTED GOT
same() {
	[ "$2" = "$3" ] && return
	echo "FAILED: $1 is \"$3\", expected \"$2\""
	failures=$((failures + 1))
}

# Starts a sleeping process and sets $target.  It has exec'd when this returns.
start_target() {
	sleep 1000 &
	target=$!
	children+=("$target")
	until [ "$(cat "/proc/$target/comm")" = sleep ] && grep -q '^State:.S' "/proc/$target/status"; do
		sleep 0.01
	done
}

# as_nobody COMMAND...: as a user without privileges; only root can.
as_nobody() {
	[ -d "$scratch/nobody" ] || install -d -o 65534 "$scratch/nobody"
	XDG_STATE_HOME=$scratch/nobody setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# Process 2 is the kernel's, but not in a container with process ids of its own.
sees_kernel_threads() {
	[ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ]
}

finish() {
	[ "$failures" -eq 0 ] || exit 1
	echo "all as expected"
}
