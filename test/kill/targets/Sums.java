// SPDX-License-Identifier: MIT
// A JVM target: threads that sum, hash, sort and throw away under a small heap.
// Says what subject.h says.

import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

public class Sums {
	interface Once {
		void run(long round) throws Exception;
	}

	static final byte[] input = new byte[4096];
	static final ConcurrentHashMap<Long, String> numbers = new ConcurrentHashMap<>();

	static synchronized void wrong(String text) {
		System.out.println("wrong " + text);
	}

	static void sumLists(long round) {
		List<Long> list = new ArrayList<>();
		for (long i = 0; i < 2000; i++)
			list.add(round + i);
		long sum = list.stream().mapToLong(Long::longValue).sum();
		if (sum != 2000 * round + 1999000L)
			wrong("the list sums to " + sum);
	}

	static void sort(long round) {
		List<Integer> list = new ArrayList<>();
		for (int i = 0; i < 500; i++)
			list.add(i);
		Collections.shuffle(list, new Random(round));
		Collections.sort(list);
		for (int i = 0; i < 500; i++)
			if (list.get(i) != i)
				wrong("number " + i + " of the sorted list is " + list.get(i));
	}

	static void map(long round) {
		for (long i = 0; i < 300; i++)
			numbers.put(round + i, Long.toString(round + i));
		for (long i = 0; i < 300; i++)
			if (!Long.toString(round + i).equals(numbers.remove(round + i)))
				wrong("the map has lost " + (round + i));
	}

	static void floats(long round) {
		double sum = 0;
		for (int i = 1; i <= 10000; i++)
			sum += i * 0.5;
		if (sum != 25002500.0)
			wrong("the sum is " + sum);
	}

	static void futures(long round) throws Exception {
		CompletableFuture<Long> future = CompletableFuture.supplyAsync(() -> round)
			.thenApplyAsync(n -> n * 2).thenApplyAsync(n -> n + 1);
		if (future.get() != round * 2 + 1)
			wrong("the future is " + future.get());
	}

	static void sleep(long round) throws Exception {
		long start = System.nanoTime();
		Thread.sleep(3);
		if (System.nanoTime() - start < 2_900_000)
			wrong("the sleep was short");
	}

	static AtomicLong start(Once once) {
		AtomicLong rounds = new AtomicLong();
		Thread thread = new Thread(() -> {
			try {
				for (;;) {
					once.run(rounds.get() + 1);
					rounds.incrementAndGet();
				}
			} catch (Throwable problem) {
				wrong(problem.toString());
			}
		});
		thread.setDaemon(true);
		thread.start();
		return rounds;
	}

	public static void main(String[] arguments) throws Exception {
		byte[] digest = MessageDigest.getInstance("SHA-256").digest(input);
		Once hash = round -> {
			if (!Arrays.equals(MessageDigest.getInstance("SHA-256").digest(input), digest))
				wrong("the hash is another");
		};
		List<AtomicLong> workers = new ArrayList<>();
		for (Once once : new Once[] { Sums::sumLists, Sums::sort, Sums::map, Sums::floats,
					      Sums::futures, Sums::sleep, hash })
			workers.add(start(once));
		Thread end = new Thread(() -> {
			try {
				System.in.read();
			} catch (Exception problem) {
				wrong(problem.toString());
			}
			Runtime.getRuntime().halt(0);
		});
		end.start();
		System.out.println("ready " + ProcessHandle.current().pid());
		for (;;) {
			long[] seen = workers.stream().mapToLong(AtomicLong::get).toArray();
			for (int i = 0; i < seen.length; i++)
				while (workers.get(i).get() < seen[i] + 2)
					Thread.sleep(1);
			System.out.println("beat");
		}
	}
}
