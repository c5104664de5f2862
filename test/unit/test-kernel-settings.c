/* SPDX-License-Identifier: MIT */
/* Settings are given back: at the end, when the process is killed, when its guard is, too. */
#include "fake-root.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "kernel-settings.h"
#include "process.h"

#define SETTING "sys/kernel/mm/setting"

static struct fake_root root;

static int set_up(void **state)
{
	(void)state;
	if (fake_root_begin(&root) < 0)
		return -1;
	fake_root_link(&root, "proc", "/proc");
	fake_root_put(&root, SETTING, "old\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_root_end(&root);
	return 0;
}

static bool has_record(void)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" KERNEL_SETTINGS_DIR, root.path);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		found |= *entry->d_name != '.';
	if (dir)
		closedir(dir);
	return found;
}

/* Waits for what another process does; false: it did not. */
static bool await(const char *text)
{
	for (int i = 0; i < 1000; i++) {
		if (fake_root_holds(&root, SETTING, text) && !has_record())
			return true;
		usleep(10000);
	}
	return false;
}

/* A process that holds the setting until it is killed; -1: it could not. */
static pid_t start_holder(void)
{
	struct kernel_change *change;
	int ready[2];
	char answer = 0;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (kernel_setting_put(root.fd, SETTING, "new", &change, NULL) == 0 &&
		    write(ready[1], "y", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &answer, 1) != 1)
		fail_msg("the holder has not begun");
	close(ready[0]);
	return pid;
}

/* The guard of a process, its only child. */
static pid_t find_guard(pid_t holder)
{
	pid_t *pids = NULL, guard = -1;
	struct process_thread process;
	size_t nr = 0;

	assert_int_equal(process_list(root.fd, &pids, &nr), 0);
	for (size_t i = 0; i < nr; i++)
		if (process_read_stat(root.fd, pids[i], &process) == 0 && process.ppid == holder)
			guard = pids[i];
	free(pids);
	return guard;
}

static void kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_end(void **state)
{
	struct kernel_change *change;

	(void)state;
	assert_int_equal(kernel_setting_put(root.fd, SETTING, "new", &change, NULL), 0);
	assert_true(fake_root_holds(&root, SETTING, "new"));
	assert_true(has_record());
	assert_int_equal(kernel_settings_recover(root.fd), 0); /* the holder lives */
	assert_true(fake_root_holds(&root, SETTING, "new"));
	assert_int_equal(kernel_change_end(change), 0);
	assert_true(fake_root_holds(&root, SETTING, "old"));
	assert_false(has_record());
	assert_int_equal(kernel_change_end(NULL), 0);
}

static void test_killed(void **state)
{
	(void)state;
	kill_and_reap(start_holder());
	assert_true(await("old"));
}

/* What ends the process in an orderly way, sent to its whole group, must not end the guard. */
static void test_guard_survives(void **state)
{
	const pid_t holder = start_holder(), guard = find_guard(holder);

	(void)state;
	assert_true(guard > 0);
	kill(guard, SIGTERM);
	kill(guard, SIGINT);
	kill(guard, SIGHUP);
	usleep(100000);
	assert_int_equal(kill(guard, 0), 0);
	kill_and_reap(holder);
	assert_true(await("old"));
}

static void test_both_killed(void **state)
{
	const pid_t holder = start_holder();

	(void)state;
	kill(find_guard(holder), SIGKILL);
	kill_and_reap(holder);
	usleep(100000);
	assert_true(fake_root_holds(&root, SETTING, "new"));
	assert_int_equal(kernel_settings_recover(root.fd), 0);
	assert_true(fake_root_holds(&root, SETTING, "old"));
	assert_false(has_record());
}

/* The next one that changes it begins with what was there before the first. */
static void test_next_one(void **state)
{
	const pid_t holder = start_holder();
	struct kernel_change *change;

	(void)state;
	kill(find_guard(holder), SIGKILL);
	kill_and_reap(holder);
	assert_int_equal(kernel_setting_put(root.fd, SETTING, "third", &change, NULL), 0);
	assert_int_equal(kernel_change_end(change), 0);
	assert_true(fake_root_holds(&root, SETTING, "old"));
}

static void test_others(void **state)
{
	struct kernel_change *change;

	(void)state;
	assert_int_equal(kernel_setting_put(root.fd, SETTING, "new", &change, NULL), 0);
	fake_root_put(&root, SETTING, "administrator's\n");
	assert_int_equal(kernel_change_end(change), 0);
	assert_true(fake_root_holds(&root, SETTING, "administrator's"));
	assert_false(has_record());
}

static void test_one_holder(void **state)
{
	const pid_t holder = start_holder();
	struct kernel_change *change = NULL;
	struct mpol_error error;

	(void)state;
	assert_int_equal(kernel_setting_put(root.fd, SETTING, "new", &change, &error), -EBUSY);
	assert_null(change);
	assert_non_null(strstr(error.cause, "another process"));
	assert_true(fake_root_holds(&root, SETTING, "new"));
	kill_and_reap(holder);
	assert_true(await("old"));
}

/* The folder of records may be tidied up: the guard has its own. */
static void test_record_removed(void **state)
{
	const pid_t holder = start_holder();
	struct kernel_change *change;

	(void)state;
	assert_int_equal(
		unlinkat(root.fd, KERNEL_SETTINGS_DIR "/undo-setting-sys_kernel_mm_setting", 0), 0);
	kill_and_reap(holder);
	assert_true(await("old"));
	/* One that was emptied, and not removed any more, is in nobody's way. */
	fake_root_put(&root, KERNEL_SETTINGS_DIR "/undo-setting-sys_kernel_mm_setting", "");
	assert_int_equal(kernel_setting_put(root.fd, SETTING, "new", &change, NULL), 0);
	assert_true(has_record());
	assert_int_equal(kernel_change_end(change), 0);
	assert_false(has_record());
}

static void test_missing(void **state)
{
	struct kernel_change *change = NULL;
	struct mpol_error error;

	(void)state;
	assert_int_equal(kernel_setting_put(root.fd, "sys/none", "1", &change, &error), -ENOENT);
	assert_string_equal(error.object, "/sys/none");
	assert_false(has_record());
	/* Nothing but the kernel's files, whatever a record says. */
	fake_root_put(&root, "etc/passwd", "new");
	fake_root_put(&root, KERNEL_SETTINGS_DIR "/undo-bad",
		      "setting 999999999 1 etc/passwd old new\n");
	assert_int_equal(kernel_settings_recover(root.fd), -EINVAL);
	fake_root_put(&root, KERNEL_SETTINGS_DIR "/undo-bad",
		      "setting 999999999 1 sys/../etc/passwd old new\n");
	assert_int_equal(kernel_settings_recover(root.fd), -EINVAL);
	assert_true(fake_root_holds(&root, "etc/passwd", "new"));
}

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"setting",
		"setting 1 2",
		"setting x 2 a b c",
		"setting 0 2 a b c",
		"setting -1 2 a b c",
		"setting 1 2 a b c d",
		"averylongkindofchange 1 2 a",
		"setting 99999999999 2 a b c",
	};
	struct kernel_change_record record = { .holder = 7 };
	char words[600];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(kernel_change_parse(bad[i], &record), -EBADMSG);
	memset(words, 'a', sizeof(words));
	memcpy(words, "kdamond 1 2 ", 12);
	words[sizeof(words) - 1] = '\0';
	assert_int_equal(kernel_change_parse(words, &record), -EBADMSG); /* too long a word */
	assert_int_equal(record.holder, 7);
	assert_int_equal(kernel_change_parse("setting 12 345 sys/a old new\n", &record), 0);
	assert_string_equal(record.kind, "setting");
	assert_int_equal(record.holder, 12);
	assert_int_equal(record.holder_start_ticks, 345);
	assert_string_equal(record.words[0], "sys/a");
	assert_string_equal(record.words[2], "new");
	assert_int_equal(kernel_change_parse("kdamond 12 345 77  \n", &record), 0);
	assert_string_equal(record.words[1], "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_guard_survives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_both_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_next_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_holder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_record_removed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
