// SPDX-License-Identifier: MIT
// The demo's JVM program: accounts in a large heap, between which threads move
// money for ever.  The sum of all must stay the same; it is checked all the time,
// and the number of checks is printed.  Ends with 1 at the first wrong sum.

import java.util.Random;

public class Ledger {
	static final int ACCOUNTS = 6 << 20, PARTS = 64, BALANCE = 100;
	static final long[] accounts = new long[ACCOUNTS];
	static final Object[] locks = new Object[PARTS];

	/** Moves money within a part of the accounts, in which nobody sums up meanwhile. */
	static void transfer(int part, Random random) {
		int size = ACCOUNTS / PARTS, first = part * size;

		synchronized (locks[part]) {
			for (int i = 0; i < 1000; i++) {
				int from = first + random.nextInt(size), to = first + random.nextInt(size);

				accounts[from] -= i;
				accounts[to] += i;
			}
		}
	}

	static void check(int part) {
		int size = ACCOUNTS / PARTS, first = part * size;
		long sum = 0;

		synchronized (locks[part]) {
			for (int i = first; i < first + size; i++)
				sum += accounts[i];
		}
		if (sum != (long) size * BALANCE) {
			System.out.println("part " + part + " sums to " + sum);
			System.exit(1);
		}
	}

	public static void main(String[] args) {
		java.util.Arrays.fill(accounts, BALANCE);
		for (int i = 0; i < PARTS; i++)
			locks[i] = new Object();
		Thread mover = new Thread(() -> {
			Random random = new Random(1);

			for (;;)
				transfer(random.nextInt(PARTS), random);
		});
		mover.setDaemon(true);
		mover.start();
		for (long checks = 1;; checks++) {
			check((int) (checks % PARTS));
			System.out.println(checks);
		}
	}
}
