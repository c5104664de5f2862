# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# For tests of lab/run itself: sourced after lib.sh.  Sets lab_run, work (a
# folder that goes when the test ends), status, stdout and stderr.

lab_run=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../lab" && pwd)/run
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tmp"
status='' stdout='' stderr=''

# Scratch folders of this test's guests: their processes are known by that path.
export TMPDIR=$work/tmp

# Skips, or with MPOL_MUST_RUN=1 fails, where there is no QEMU.
need_guests() {
	command -v qemu-system-x86_64 >/dev/null && return
	[ "${MPOL_MUST_RUN:-}" != 1 ] || exit 1
	skip "qemu-system-x86_64 is missing (package qemu-system-x86)"
}

# lab ARGUMENTS: lab/run, with the variables of the array "with" in its environment; sets
# status, stdout, stderr.
with=()
lab() {
	status=0
	env "${with[@]}" "$lab_run" "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
	stdout=$(cat "$work/stdout")
	stderr=$(cat "$work/stderr")
}

# Returns when a guest of this test has its QEMU, at most a minute later.
wait_for_guest() {
	for _ in $(seq 600); do
		[ -z "$(processes)" ] || return 0
		sleep 0.1
	done
	not_ok "a guest starts within a minute"
}

# nothing_left AFTER-WHAT: no process of this test's guests is there, soon.
nothing_left() {
	local left
	for _ in $(seq 50); do
		left=$(processes)
		[ -n "$left" ] || break
		sleep 0.1
	done
	is "$left" "" "no process is left after $1"
}

# Processes that have a scratch folder of this test in their arguments.
processes() {
	local file
	for file in /proc/[0-9]*/cmdline; do
		if tr '\0' ' ' 2>/dev/null <"$file" | grep -qF "$TMPDIR/lab."; then
			echo "${file//[!0-9]/}"
		fi
	done
}
