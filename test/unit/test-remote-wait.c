/* SPDX-License-Identifier: MIT */
/* Waits that stops break off: what /proc says of them, and that they take the time they are to. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cmocka-all.h"
#include "remote-wait.h"
#include "remote.h"

static void test_syscall_text(void **state)
{
	struct arch_wait wait = { 0 };
	uint64_t stack = 0;

	(void)state;
	assert_true(wait_parse_syscall("232 0x5 0x7ffc0 0x1 0xffffffff 0x0 0x8 0x7ffc9a8 0x7f1e2\n",
				       &wait, &stack));
	assert_int_equal(wait.number, 232);
	assert_int_equal(wait.args[0], 5);
	assert_int_equal(wait.args[5], 8);
	assert_int_equal(stack, 0x7ffc9a8);
	assert_false(wait_parse_syscall("running\n", &wait, &stack));
	assert_false(wait_parse_syscall("-1 0x7ffc9a8 0x7f1e2\n", &wait, &stack));
	assert_false(wait_parse_syscall("232 0x5 0x7ffc0", &wait, &stack));
	assert_false(wait_parse_syscall("", &wait, &stack));
}

static void test_sched_text(void **state)
{
	uint64_t start_ns = 0, switches = 0;

	(void)state;
	assert_true(wait_parse_sched("x (1, #threads: 1)\n---\n"
				     "se.exec_start    :      11991208.027301\n"
				     "nr_voluntary_switches :                 2745\n",
				     &start_ns, &switches));
	assert_int_equal(start_ns, 11991208027301);
	assert_int_equal(switches, 2745);
	assert_false(wait_parse_sched("\nse.exec_start : 12\nnr_voluntary_switches : 3\n",
				      &start_ns, &switches));
	assert_false(wait_parse_sched("\nse.exec_start : 1.000001\n", &start_ns, &switches));
	assert_false(wait_parse_sched("\nse.exec_start", &start_ns, &switches));
}

static void test_clock_sources(void **state)
{
	static const char *const agree[] = { "tsc\n", "kvm-clock\n",
					     "hyperv_clocksource_tsc_page\n" };
	static const char *const differ[] = { "hpet\n", "acpi_pm\n", "jiffies\n",
					      "refined-jiffies\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(agree) / sizeof(*agree); i++)
		assert_true(wait_clocks_agree(agree[i]));
	for (size_t i = 0; i < sizeof(differ) / sizeof(*differ); i++)
		assert_false(wait_clocks_agree(differ[i]));
}

#define LIMIT_MS 3000

struct outcome {
	volatile int epoll_result, epoll_errno;
	volatile uint64_t took_ns;
};

static void wait_once(struct outcome *outcome)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;
	uint64_t start_ns = clock_now_ns();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	outcome->epoll_result = epoll_wait(epoll, &event, 1, LIMIT_MS);
	outcome->epoll_errno = errno;
	outcome->took_ns = clock_now_ns() - start_ns;
	_exit(0);
}

/* Beginning again at each stop, it would take nearly twice the time. */
static void test_limit_is_kept(void **state)
{
	struct outcome *outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct remote_call call = { .number = SYS_getpid };
	struct remote_batch batch = { .calls = &call, .nr_calls = 1 };
	struct remote *remote;
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		wait_once(outcome);
	assert_true(child > 0);
	usleep(50000);
	assert_int_equal(remote_open(child, 0, &remote, NULL), 0);
	/* On a slow machine it may have ended before the last one. */
	for (int i = 0; i < 9 && !outcome->took_ns; i++) {
		struct mpol_error error = { 0 };
		int r = remote_run(remote, child, &batch, &error);

		if (r == -ESRCH && i > 2)
			break;
		if (r < 0)
			fail_msg("%d: %s: %s: %s (its wait: %d, %s, after %.3f s)", i, error.step,
				 error.object, error.cause, outcome->epoll_result,
				 strerror(outcome->epoll_errno), (double)outcome->took_ns / 1e9);
		assert_int_equal(call.result, child);
		usleep(LIMIT_MS * 1000 / 10);
	}
	remote_close(remote);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(outcome->epoll_result, 0);
	assert_true(outcome->took_ns >= LIMIT_MS * 1000000ULL);
	if (outcome->took_ns > LIMIT_MS * 1500000ULL)
		fail_msg("%d ms took %.3f s", LIMIT_MS, (double)outcome->took_ns / 1e9);
	munmap(outcome, sizeof(*outcome));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syscall_text),
		cmocka_unit_test(test_sched_text),
		cmocka_unit_test(test_clock_sources),
		cmocka_unit_test(test_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
