#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# README.md shows what mpol sim says: the same bytes, whoever runs it.
mpol=$1
# shellcheck source=test/cli/expect.sh
. "$(dirname "${BASH_SOURCE[0]}")/expect.sh"

# "$ mpol sim ...", and what stands below it to the end of the block.
# shellcheck disable=SC2016 # sed's own dollars and grave accents
shown=$(sed -n '/^\$ mpol sim /,/^```$/ { /^```$/!p }' "$(dirname "${BASH_SOURCE[0]}")/../../README.md")
[ -n "$shown" ] || same "README.md's mpol sim" 'an example' 'none'
read -ra words <<<"${shown%%$'\n'*}"
same "README.md's ${words[*]:1}" "${shown#*$'\n'}" "$("$mpol" "${words[@]:2}")"

finish
