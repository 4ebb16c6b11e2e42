/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acts exec N | acts open N FILE [RATE] | acts connect N: does it N times, as fast as it goes or so many a second, and says what
 * that took of the processor: this process and its children, user and kernel together.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(int who)
{
	struct rusage used;

	getrusage(who, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Both sides of a connection over loopback, cut off so that no port waits for its end. */
static int connect_once(void)
{
	static struct sockaddr_in at;
	static const struct linger cut = { 1, 0 };
	static socklen_t length = sizeof(at);
	static int listening;
	int ours, theirs;

	if (!listening) {
		at.sin_family = AF_INET;
		at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		listening = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(listening, (struct sockaddr *)&at, length) || listen(listening, 8) ||
		    getsockname(listening, (struct sockaddr *)&at, &length))
			return 0;
	}
	ours = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(ours, (struct sockaddr *)&at, length) || (theirs = accept(listening, NULL, NULL)) < 0 ||
	    setsockopt(ours, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut)))
		return 0;
	return close(ours) == 0 && close(theirs) == 0;
}

static int act(char **argv)
{
	int fd;

	if (strcmp(argv[1], "exec") == 0) {
		char *const args[] = { argv[0], "leaf", NULL };
		pid_t pid;

		return posix_spawn(&pid, argv[0], NULL, NULL, args, NULL) == 0 && waitpid(pid, NULL, 0) == pid;
	}
	if (strcmp(argv[1], "connect") == 0)
		return connect_once();
	fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	return fd >= 0 && close(fd) == 0;
}

/* Rests after a hundredth of a second's acts until the next is due. */
static void pace(long done, long rate, const struct timespec *begin)
{
	struct timespec due = *begin;

	if (rate < 100 || done % (rate / 100) != 0)
		return;
	due.tv_sec += done / rate;
	due.tv_nsec += done % rate * (1000000000L / rate);
	if (due.tv_nsec >= 1000000000L) {
		due.tv_sec++;
		due.tv_nsec -= 1000000000L;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

int main(int argc, char **argv)
{
	long times = argc > 2 ? atol(argv[2]) : 0, rate = argc > 4 ? atol(argv[4]) : 0;
	struct timespec begin;

	if (argc == 2)
		return 0; /* one that was started */
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < times; i++) {
		pace(i, rate, &begin);
		if (!act(argv))
			return 1;
	}
	printf("%.6f\n", seconds(RUSAGE_SELF) + seconds(RUSAGE_CHILDREN));
	return 0;
}
