#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The completions for bash, with the built mpol as $1 and mpold as $2: every verb of mpol --help
# is offered, and every option of a verb's --help, and of mpold's.
set -euo pipefail
mpol=$(realpath -- "${1:?the built mpol}")
mpold=$(realpath -- "${2:?the built mpold}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=completions/mpol.bash
. completions/mpol.bash
# shellcheck source=completions/mpold.bash
. completions/mpold.bash
status=0

# completes LINE...: sets COMPREPLY for these words, the last one being typed.
completes() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
	if [ "$1" = mpold ]; then
		_mpold "$mpold" 2>/dev/null || true
	else
		_mpol "$mpol" 2>/dev/null || true
	fi
}

# offers WORD LINE...: WORD is among the completions.
offers() {
	local word=$1
	shift
	completes "$@"
	[[ " ${COMPREPLY[*]} " == *" $word "* ]] || {
		echo "FAILED: '$*' does not offer '$word' but: ${COMPREPLY[*]}"
		status=1
	}
}

verbs=$("$mpol" --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
[ -n "$verbs" ] || {
	echo "mpol --help names no verb"
	exit 1
}
for verb in $verbs; do
	offers "$verb" mpol ''
	offers "$verb" mpol "${verb:0:2}"
	for option in $("$mpol" "$verb" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u); do
		offers "$option" mpol "$verb" --
	done
done
offers --version mpol --v
offers prefer: mpol set 1 pre
offers weighted:auto mpol set 1 wei
offers auto mpol set 1 weighted : a
for verb in bind doctor move reapply set show undo; do
	offers "$$" mpol $verb "$$"
done
offers heap mpol bind 1 he
offers status mpol tier st
offers "$$" mpol tier add "$$"
offers split mpol tier add --huge-pages s
offers explain mpol weights ex
offers default mpol weights set de
offers prefer: mpol bind 1 heap pre
offers all mpol run -m a
offers all mpol run --interleave a
offers "$$" mpol set --tree "$$"
offers prefer: mpol set --unit cron pre
offers all mpol set 1 bind : ''
completes mpol nosuchverb ''
[ ${#COMPREPLY[@]} -eq 0 ] || {
	echo "FAILED: an unknown verb completes to ${COMPREPLY[*]}"
	status=1
}
for option in $("$mpold" --help | grep -oE -- '--[a-z][a-z-]*' | sort -u); do
	offers "$option" mpold --
done
offers soft-dirty mpold --tracker so
offers two-touch mpold --rule tw
offers "$$" mpold --pid "$$"
exit "$status"
