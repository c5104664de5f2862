# SPDX-License-Identifier: MIT
# tiering.sh's figures, from what it has measured:
#   mark NAME; share NS FAST ALL   intervals of a tenth of a second, behind the mark of their run
#   play NAME NS CPU_NS            when it began, what it took of its CPU
#   oracle NAME SHARE              of each of its half seconds
#   count NAME SECOND MOVED CPU_NS the machine's and the manager's, as of then
# NAME is WORKLOAD-ARM-ROUND.  Variables: phase, seconds; pages of the workload.

$1 == "mark" { name = $2 }
$1 == "share" && name { n = ++nr[name]; at[name, n] = $2; fast[name, n] = $3; all[name, n] = $4 }
$1 == "play" { start[$2] = $3; cpu[$2] = $4; runs[$2] }
$1 == "oracle" { split($2, part, "-"); tiered[part[1]]; best[part[1] "-" part[3], nr_best[$2]++] = $3 }
$1 == "count" { moved[$2, $3] = $4; manager[$2, $3] = $5 }

# Where a run's accesses went, by the tenth of a second.
function gather(name,   i, tenth) {
	for (i = 1; i <= nr[name]; i++) {
		tenth = int((at[name, i] - start[name]) / 1e8 + 1000.5) - 1000
		tenth_fast[name, tenth] += fast[name, i]
		tenth_all[name, tenth] += all[name, i]
	}
}

# Of a run, in so many tenths of a second from one on: what it has of the share of its round's oracle; -1 where it
# was held up, and made no accesses.
function ratio(name, round, from, tenths,   i, f, a, b) {
	for (i = from; i < from + tenths; i++) {
		f += tenth_fast[name, i]
		a += tenth_all[name, i]
		b += tenth_all[name, i] * best[round, int(i / 5)]
	}
	return b ? f / b : a ? 0 : -1
}

# Seconds from a phase's beginning, given in tenths, to when a run has 95 % of the oracle's share, and has it a
# second long; the whole phase where it never has.
function reached(name, round, from,   tenth) {
	for (tenth = from; tenth + 10 <= from + 10 * phase; tenth++)
		if (ratio(name, round, tenth, 1) >= 0.95 && ratio(name, round, tenth, 10) >= 0.95)
			return (tenth - from + 1) / 10
	return phase
}

function put(figure, value) {
	values[figure] = values[figure] " " value
}

# What there is of a run whose memory was slow at first.
function take(name,   part, key, round, from, half, r, sum, nr_halves, late) {
	split(name, part, "-")
	gather(name)
	key = part[1] "-" part[2]
	round = part[1] "-" part[3]
	put(key "-cold", reached(name, round, 0))
	put(key "-shift", reached(name, round, 10 * phase))
	lowest = 1
	for (from = 0; from <= 2 * phase; from += 2 * phase)
		for (half = from + int(phase * 4 / 3); half < from + 2 * phase - 1; half++) {
			r = ratio(name, round, 5 * half, 5)
			if (r < 0)
				continue
			sum += r
			nr_halves++
			if (r < lowest)
				lowest = r
		}
	put(key "-share", nr_halves ? sum / nr_halves : 0)
	put(key "-lowest", lowest)
	late = int(phase * 2 / 3)
	put(key "-moved", moved[name, 2 * phase] - moved[name, 0])
	put(key "-late", (moved[name, phase - 1] - moved[name, late] + moved[name, 2 * phase] - \
		moved[name, phase + late]) / (2 * (phase - late) - 1) / pages * 100)
	put(key "-manager", (manager[name, 2 * phase] - manager[name, 0]) / 2e9 / phase * 100)
	put(key "-cpu", cpu[name])
}

function harm(name,   part, i, f, a) {
	split(name, part, "-")
	for (i = 1; i <= nr[name]; i++) {
		f += fast[name, i]
		a += all[name, i]
	}
	put(part[1] "-" part[2] "-all", a ? f / a : 0)
}

function median(figure,   list, n, i, j, x) {
	n = split(values[figure], list, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) {
			x = list[j]
			list[j] = list[j - 1]
			list[j - 1] = x
		}
	return n ? (list[int((n + 1) / 2)] + list[int((n + 2) / 2)]) / 2 : 0
}

function figure(name, value, unit, goal, better) {
	printf "{\"name\": \"tiering-%s\", \"value\": %.4g, \"unit\": \"%s\", \"goal\": %s, \"better\": \"%s\"}\n", \
		name, value, unit, goal, better
}

function tell(key) {
	printf "tiering: %-16s %.4f of the oracle, lowest %.4f; 95 %% after %4.1f s, %4.1f s; %6d pages moved, at last %.3f %% a second; manager %.2f %%\n", \
		key, median(key "-share"), median(key "-lowest"), median(key "-cold"), median(key "-shift"), \
		median(key "-moved"), median(key "-late"), median(key "-manager") >"/dev/stderr"
}

function over(name, a, b, unit, goal, better) {
	if (b > 0)
		figure(name, a / b, unit, goal, better)
}

# An arm that was not played (MPOL_TIERING_ARMS) has no figure.
function compare(w,   m) {
	m = w "-mpold"
	if (!(m in kinds))
		return
	figure(w "-share", median(m "-share"), "of oracle", 0.985, "more")
	figure(w "-lowest", median(m "-lowest"), "of oracle", 0.97, "more")
	if ((w "-kernel") in kinds) {
		over(w "-cold-kernel", median(w "-kernel-cold"), median(m "-cold"), "times as fast", 5, "more")
		over(w "-shift-kernel", median(w "-kernel-shift"), median(m "-shift"), "times as fast", 5, "more")
	}
	over(w "-cold-oracle", median(m "-cold"), median(w "-oracle-cold"), "of oracle", 4, "less")
	over(w "-shift-oracle", median(m "-shift"), median(w "-oracle-shift"), "of oracle", 4, "less")
	over(w "-moved", median(m "-moved"), median(w "-oracle-moved"), "of needed", 1.2, "less")
	figure(w "-late", median(m "-late"), "% of memory/s", 0.1, "less")
	over(w "-manager", median(m "-manager"), median(w "-damon-manager"), "of DAMON", 0.1, "less")
	over(w "-cpu", (median(m "-cpu") - median(w "-none-cpu")) * 100, median(w "-none-cpu"), "% more", 5, "less")
}

END {
	for (name in runs) {
		split(name, part, "-")
		if ((part[1] "-" part[3], 0) in best) {
			take(name)
			kinds[part[1] "-" part[2]]
		} else if (!(part[1] in tiered)) { # or its round was broken off before the oracle
			harm(name)
			harmed[part[1]]
		}
	}
	for (key in kinds)
		tell(key)
	for (w in tiered)
		compare(w)
	for (w in harmed)
		over("harm-" w, median(w "-mpold-all"), median(w "-none-all"), "of doing nothing", 0.99, "more")
}
