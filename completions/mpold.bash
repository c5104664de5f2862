# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of mpold(8) for bash.  Options come from mpold --help; the rest is by what they take.

_mpold_cgroups() {
	local mount=/sys/fs/cgroup
	[ -e "$mount/cgroup.controllers" ] || mount=$mount/unified
	(cd "$mount" 2>/dev/null && find . -mindepth 1 -type d -printf '%P\n')
}

# The words that --help lists for an option: names separated by commas, before any semicolon.
_mpold_names() {
	"$1" --help 2>/dev/null | sed -n "s/^  $2 .*: \\([^;]*\\).*/\\1/p" | tr -d ','
}

_mpold() {
	local program=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=
	COMPREPLY=()

	case $before in
	--pid | --tree) words=$(cd /proc && printf '%s\n' [0-9]*) ;;
	--cgroup) words=$(_mpold_cgroups) ;;
	--unit) words=$(_mpold_cgroups | sed -n 's|.*/||; /\.\(service\|scope\|slice\)$/p') ;;
	--tracker | --rule | --huge-pages | --kernel-tiering) words=$(_mpold_names "$program" "$before") ;;
	--config | --config-dir | --socket) return 0 ;;
	--match | --budget | --bandwidth | --call-time) return 0 ;;
	*) words=$("$program" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u) ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o bashdefault -o default -F _mpold mpold
