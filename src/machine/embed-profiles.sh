#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# embed-profiles.sh FILE.yaml...: the described machines as C, for machine-profile.c,
# in ascending order of name.  A machine's name is that of its file.
set -euo pipefail

echo '/* Made by embed-profiles.sh. */'
echo '#include "machine-profile.h"'
echo
echo 'const struct machine_profile machine_profiles[] = {'
for file in "$@"; do
	echo "$(basename "$file" .yaml) $file"
done | LC_ALL=C sort | while read -r name file; do
	printf '\t{ "%s",\n' "$name"
	sed 's/[\\"]/\\&/g; s/^/\t  "/; s/$/\\n"/' "$file"
	printf '\t},\n'
done
echo '};'
printf 'const size_t machine_nr_profiles = %d;\n' $#
