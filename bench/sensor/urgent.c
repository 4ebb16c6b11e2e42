/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the guard waits: `urgent AGENT GUARD TIMES FLOODERS WATCHED` listens on both sockets for a sensor, orders it to protect a process,
 * and reads of that process's memory so many times, 3 ms apart. Prints, in microseconds, each time from before the call to the frame of it
 * read from the guard's socket. Meanwhile so many others open the watched file as fast as they can.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../apps/sensor/frame.h"

static void fail(const char *what)
{
	fprintf(stderr, "urgent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int listen_at(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4) || chmod(path, 0666))
		fail(path);
	return fd;
}

static pid_t start(void (*child)(const void *), const void *with)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	child(with);
	_exit(0);
}

static void take_all(const void *listener)
{
	static char bytes[1 << 16];
	int fd = accept(*(const int *)listener, NULL, NULL);

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

static void wait_for_ever(const void *nothing)
{
	(void)nothing;
	for (;;)
		pause();
}

static void open_for_ever(const void *path)
{
	for (;;)
		close((int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC));
}

static uint64_t start_of(pid_t pid)
{
	char path[64], text[1024], *at;
	unsigned long long ticks = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file || !fgets(text, sizeof(text), file))
		fail(path);
	fclose(file);
	at = strrchr(text, ')');
	for (int field = 2; field < 22; field++)
		at = strchr(at + 1, ' ');
	sscanf(at, "%llu", &ticks);
	return ticks * 10000000u;
}

static void protect(int guard, pid_t pid)
{
	struct {
		uint32_t length;
		struct frame_order order;
		struct frame_protected head;
		struct frame_protected_process process;
	} __attribute__((packed)) said = {
		.length = sizeof(said) - sizeof(said.length),
		.order = { .kind = ORDER_TABLE, .number = 1, .seconds = 600 },
		.head = { .processes = 1, .factor = 1 },
		.process = { .start_ns = start_of(pid), .pid = (uint32_t)pid },
	};

	if (write(guard, &said, sizeof(said)) != sizeof(said))
		fail("protect");
}

static void read_whole(int fd, void *to, size_t bytes)
{
	for (size_t at = 0; at < bytes;) {
		ssize_t n = read(fd, (char *)to + at, bytes - at);

		if (n <= 0)
			fail("the guard's socket");
		at += (size_t)n;
	}
}

/* The next frame of this kind; when it was there. */
static uint64_t next_frame(int guard, enum frame_kind kind, uint8_t body[FRAME_BYTES_MAX])
{
	for (;;) {
		uint32_t length;

		read_whole(guard, &length, sizeof(length));
		read_whole(guard, body, length);
		if (body[0] == kind)
			return boot_ns();
	}
}

int main(int argc, char **argv)
{
	static uint8_t body[FRAME_BYTES_MAX];
	const struct timespec pause_ns = { 0, 3000000 }, settle = { 1, 0 };
	int agents, guards, guard, times = argc > 3 ? atoi(argv[3]) : 0;
	uint64_t *took;
	pid_t victim;

	if (argc != 6 || times < 1 || times > 100000) {
		fputs("usage: urgent AGENT GUARD TIMES FLOODERS WATCHED\n", stderr);
		return 2;
	}
	took = calloc((size_t)times, sizeof(*took));
	agents = listen_at(argv[1]);
	guards = listen_at(argv[2]);
	puts("listening");
	fflush(stdout);
	start(take_all, &agents);
	guard = accept(guards, NULL, NULL);
	next_frame(guard, FRAME_HELLO, body);
	victim = start(wait_for_ever, NULL);
	protect(guard, victim);
	do
		next_frame(guard, FRAME_REPORT, body);
	while (((struct frame_report *)body)->table != 1);
	for (int i = atoi(argv[4]); i > 0; i--)
		start(open_for_ever, argv[5]);
	nanosleep(&settle, NULL);
	for (int i = 0; i < times; i++) {
		char byte;
		struct iovec both = { &byte, 1 };
		uint64_t begin = boot_ns();

		if (process_vm_readv(victim, &both, 1, &both, 1, 0) != 1)
			fail("process_vm_readv");
		took[i] = next_frame(guard, FRAME_VM_READ, body) - begin;
		nanosleep(&pause_ns, NULL);
	}
	for (int i = 0; i < times; i++)
		printf("%.1f\n", (double)took[i] / 1e3);
	return 0;
}
