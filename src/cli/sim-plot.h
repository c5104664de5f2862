/* SPDX-License-Identifier: MIT */
/* Plots of outcomes, drawn by gnuplot(1). */
#ifndef CLI_SIM_PLOT_H
#define CLI_SIM_PLOT_H

#include "sim-options.h"

/*
 * Writes, for --plot PREFIX: PREFIX-share.png, the share of accesses to the
 * fastest tier over time, a line for each policy; PREFIX-moves.png, what was
 * moved; PREFIX-heat.png, where the accesses were, address by time.  The data and what
 * gnuplot was told stay beside them (PREFIX.dat, PREFIX-heat.dat, PREFIX.gnuplot).
 *
 * Returns VERB_OK or VERB_FAILED; has said what is wrong: no gnuplot, a file
 * that cannot be written, what gnuplot complained of.
 */
int sim_plot(const struct sim_options *options, struct outcome *const *outcomes);

#endif
