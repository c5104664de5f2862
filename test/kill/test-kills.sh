#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# test-kills.sh KILLS: the harness itself: it notices the harm that controllers do which work
# the usual way, and refuses what it does not understand.
set -euo pipefail

kills=$1
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
failed=0

# expect STATUS TEXT ARGUMENT...: kills ends so, and says TEXT.
expect() {
	local wanted=$1 text=$2 got=0
	shift 2
	"$kills" "$@" >"$scratch/said" 2>&1 </dev/null || got=$?
	if [ "$got" -ne "$wanted" ] || ! grep -qE -- "$text" "$scratch/said"; then
		echo "FAILED: kills $*: status $got (expected $wanted), '$text' expected in:"
		sed 's/^/  /' "$scratch/said"
		failed=1
	fi
}

expect 1 '^compute: crashed after a kill' --naive --number 30 --patience 3 --target compute

expect 2 "no such target: word" --target word
expect 2 "'many' is not a number" --number many
expect 2 "'0' is not a number" --number 0
expect 2 "takes no 'compute'" compute
expect 0 'Usage: kills' --help
exit "$failed"
