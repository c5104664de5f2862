# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of mpol(1) for bash.  Verbs and options come from mpol --help and
# mpol VERB --help; the rest is by what an option or the verb takes.

_mpol_verbs() {
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

_mpol_options() {
	"$1" "$2" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

_mpol_pids() {
	(cd /proc && printf '%s\n' [0-9]*)
}

# The paths of all cgroups.
_mpol_cgroups() {
	local mount=/sys/fs/cgroup
	[ -e "$mount/cgroup.controllers" ] || mount=$mount/unified
	(cd "$mount" 2>/dev/null && find . -mindepth 1 -type d -printf '%P\n')
}

_mpol_nodes() {
	# A list such as 0-1,3: its ends are good enough to start from.
	sed 's/[,-]/\n/g' /sys/devices/system/node/has_memory 2>/dev/null
}

_mpol_policies() {
	printf '%s\n' default local bind: prefer: prefer-many: interleave: weighted: weighted:auto
}

# bash splits words at colons: of prefer:1 it shows prefer, : and 1.
_mpol() {
	local program=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} words
	local nr_plain=0 selected=0 i
	COMPREPLY=()

	for ((i = 2; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" != -- ] || return 0
		case ${COMP_WORDS[i]} in
		--cgroup | --match | --tree | --unit) selected=1 ;;
		-*) ;;
		*)
			case ${COMP_WORDS[i - 1]} in
			--from | --to | --rate | --thread | --root | --machine | --socket | --reason | --huge-pages) ;;
			--nodes | --mix | --journal | --drain) ;;
			--cgroup | --match | --tree | --unit) ;;
			*) nr_plain=$((nr_plain + 1)) ;;
			esac
			;;
		esac
	done

	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(_mpol_verbs "$program") --help --version"
	elif [[ $before == @(--from|--to|--nodes|--drain|:|--membind|--interleave|--preferred|--preferred-many|--weighted-interleave|--cpunodebind) ]] ||
		[[ $verb == run && $before == -[mipPwN] ]]; then
		words="$(_mpol_nodes) all"
		[[ ${COMP_WORDS[COMP_CWORD - 2]-} != weighted ]] || words+=' auto'
	elif [[ $before == --tree ]]; then
		words=$(_mpol_pids)
	elif [[ $before == --machine ]]; then
		words=$("$program" topo --machines 2>/dev/null | sed '1d; s/ .*//')
	elif [[ $before == --unit ]]; then
		words=$(_mpol_cgroups | sed -n 's|.*/||; /\.\(service\|scope\|slice\)$/p')
	elif [[ $before == --cgroup ]]; then
		words=$(_mpol_cgroups)
	elif [[ $before == --huge-pages ]]; then
		words='whole split'
	elif [[ $before == --match ]]; then
		return 0
	elif [[ $word == : ]]; then
		return 0
	elif [[ $word == -* ]]; then
		words=$(_mpol_options "$program" "$verb")
	else
		# A selector stands for the process ids.
		case $verb:$((nr_plain + selected)) in
		tier:0) words='add remove hint list status decisions pause resume' ;;
		tier:*) [ "${COMP_WORDS[2]}" != add ] && words= || words=$(_mpol_pids) ;;
		weights:0) words='show explain auto measure set' ;;
		weights:1) [ "${COMP_WORDS[2]}" != set ] && words= || words=default ;;
		bind:0 | doctor:0 | move:0 | reapply:0 | rebalance:0 | set:0 | show:0 | undo:0) words=$(_mpol_pids) ;;
		bind:1) words='all anon file: heap shm stack' ;;
		bind:2 | set:1 | rebalance:1 | run:0) words=$(_mpol_policies) ;;
		*) words= ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o bashdefault -o default -F _mpol mpol
