/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does numbered acts and keeps its own durable record of each, so that a test can compare what was done with what the
 * ledger says was done. Three opens of a watched file to one exec of this program; act N is done by a task named wN, or
 * with wN as its argument. A record is on disk before the next act begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *log_path, *file;
static long rate, seconds;

static uint64_t boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static pid_t act_open(const char *name)
{
	long fd;

	prctl(PR_SET_NAME, name, 0, 0, 0);
	fd = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(file);
	close((int)fd);
	return getpid();
}

static pid_t act_exec(const char *name)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "workload", name, (char *)NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fail("exec");
	return pid;
}

static void act(long n, int log)
{
	char name[24], line[192];
	const char *site = n % 4 == 3 ? "exec" : "openat";
	uint64_t before = boot_ns();
	pid_t pid;
	int length;

	snprintf(name, sizeof(name), "w%ld", n);
	pid = n % 4 == 3 ? act_exec(name) : act_open(name);
	length = snprintf(line, sizeof(line),
			  "{\"n\":%ld,\"site\":\"%s\",\"name\":\"%s\",\"pid\":%d,\"beforeNs\":\"%" PRIu64 "\",\"afterNs\":\"%" PRIu64 "\"}\n",
			  n, site, name, pid, before, boot_ns());
	if (write(log, line, (size_t)length) != length)
		fail(log_path);
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	return *end || value < 1 || value > 1000000 ? 0 : value;
}

int main(int argc, char **argv)
{
	int log;
	uint64_t begin = boot_ns();

	if (argc == 2 && argv[1][0] == 'w')
		return 0; /* an exec act: to be started was all */
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--rate") == 0)
			rate = number(argv[i + 1]);
		else if (strcmp(argv[i], "--seconds") == 0)
			seconds = number(argv[i + 1]);
		else if (strcmp(argv[i], "--log") == 0)
			log_path = argv[i + 1];
		else if (strcmp(argv[i], "--file") == 0)
			file = argv[i + 1];
	}
	if (argc != 9 || !rate || !seconds || !log_path || !file) {
		fputs("usage: workload --rate ACTS_A_SECOND --seconds S --log FILE --file WATCHED\n", stderr);
		return 2;
	}
	log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_DSYNC | O_CLOEXEC, 0600);
	if (log < 0)
		fail(log_path);
	for (long n = 0; n < rate * seconds; n++) {
		uint64_t at = begin + (uint64_t)n * 1000000000u / (uint64_t)rate;
		struct timespec when = { (time_t)(at / 1000000000u), (long)(at % 1000000000u) };

		clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &when, NULL);
		act(n, log);
	}
	return 0;
}
