/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaches for another process in one way:
 *
 *   reach wait BYTES        is reached for: says its pid, and where BYTES of its memory lie
 *   reach WAY PID ADDRESS   once, by a process whose parent is the first of the machine: nobody's kin. Says its pid, and when it was
 *                           before the call, by CLOCK_REALTIME in nanoseconds
 *   reach loop PID ADDRESS BYTES FILE   reads that memory from one end to the other by /proc/PID/mem. FILE has after each read, as two
 *                           numbers of 64 bits, how long that took until now, in nanoseconds, and how many bytes were read
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t pid;
static void *address;
static char byte[8];

static void failed(const char *what)
{
	fprintf(stderr, "reach: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const char *memory(const char *below)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, below);
	return path;
}

static int opened(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		failed(path);
	return fd;
}

static void attach(void)
{
	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL))
		failed("PTRACE_ATTACH");
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void seize(void)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		failed("PTRACE_SEIZE");
}

/* The entry for programs of 32 bits: tracepoints of single calls leave it out. */
static void seize_32(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "0"(26L), "b"(PTRACE_SEIZE), "c"((long)pid), "d"(0L), "S"(0L) : "memory");
	if (result)
		failed("ptrace by int 0x80");
}

static void mem_read(void)
{
	if (pread(opened(memory("mem"), O_RDONLY), byte, 1, (off_t)(uintptr_t)address) != 1)
		failed("mem");
}

static void mem_write(void)
{
	int fd = opened(memory("mem"), O_RDWR);

	if (pread(fd, byte, 1, (off_t)(uintptr_t)address) != 1 || pwrite(fd, byte, 1, (off_t)(uintptr_t)address) != 1)
		failed("mem");
}

static void task_mem(void)
{
	char below[32];

	snprintf(below, sizeof(below), "task/%d/mem", pid);
	if (pread(opened(memory(below), O_RDONLY), byte, 1, (off_t)(uintptr_t)address) != 1)
		failed("task mem");
}

static void uring_mem(void)
{
	struct io_uring_params params = { 0 };
	int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
	char *queue = mmap(NULL, params.sq_off.array + sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
			   IORING_OFF_SQ_RING);
	struct io_uring_sqe *entry = mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
					  IORING_OFF_SQES);

	if (ring < 0 || queue == MAP_FAILED || (void *)entry == MAP_FAILED)
		failed("io_uring");
	entry->opcode = IORING_OP_OPENAT;
	entry->fd = AT_FDCWD;
	entry->addr = (uintptr_t)memory("mem");
	entry->open_flags = O_RDONLY;
	*(uint32_t *)(queue + params.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		failed("io_uring_enter");
}

/* The child has it by a message, and reads. */
static void passed(void)
{
	int pair[2];
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	pid_t child;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	child = fork();
	if (child == 0) {
		int fd;

		if (recvmsg(pair[1], &message, 0) != 1)
			failed("recvmsg");
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
		_exit(pread(fd, byte, 1, (off_t)(uintptr_t)address) != 1);
	} else {
		int fd = opened(memory("mem"), O_RDONLY);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
		if (sendmsg(pair[0], &message, 0) != 1)
			failed("sendmsg");
		waitpid(child, NULL, 0);
	}
}

static void copied(long call)
{
	struct iovec own = { byte, 1 }, other = { address, 1 };

	if (syscall(call, pid, &own, 1, &other, 1, 0) != 1)
		failed("process_vm_*");
}

static void vm_read(void)
{
	copied(SYS_process_vm_readv);
}

static void vm_write(void)
{
	vm_read();
	copied(SYS_process_vm_writev);
}

static void fd_taken(void)
{
	if (syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), 0, 0) < 0)
		failed("pidfd_getfd");
}

static void map_files(void)
{
	opened(memory("map_files"), O_RDONLY | O_DIRECTORY);
}

static void core_limit(void)
{
	static const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (prlimit(pid, RLIMIT_CORE, &all, NULL))
		failed("prlimit");
}

static void perf(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_TASK_CLOCK };

	if (syscall(SYS_perf_event_open, &attr, pid, -1, -1, 0) < 0)
		failed("perf_event_open");
}

static void usr1(void)
{
	if (kill(pid, SIGUSR1))
		failed("SIGUSR1");
}

static void stop(void)
{
	if (kill(pid, SIGSTOP))
		failed("SIGSTOP");
	kill(pid, SIGCONT);
}

static const struct {
	const char *name;
	void (*act)(void);
} ways[] = {
	{ "attach", attach },	  { "seize", seize },	  { "seize-32", seize_32 },	{ "mem-read", mem_read }, { "mem-write", mem_write },
	{ "task-mem", task_mem }, { "uring", uring_mem }, { "passed", passed },		{ "vm-read", vm_read },	  { "vm-write", vm_write },
	{ "getfd", fd_taken },	  { "map-files", map_files }, { "core-limit", core_limit }, { "perf", perf },	  { "usr1", usr1 },
	{ "stop", stop },
};

static void wait_for_ever(size_t bytes)
{
	char *memory_of = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory_of == MAP_FAILED)
		failed("mmap");
	memset(memory_of, 0x5a, bytes);
	printf("%d %llu\n", getpid(), (unsigned long long)(uintptr_t)memory_of);
	fflush(stdout);
	for (;;)
		pause();
}

static void loop(size_t bytes, const char *file)
{
	static char page[1 << 16];
	int fd = opened(file, O_RDWR);
	uint64_t *said = mmap(NULL, 2 * sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t began = now_ns(CLOCK_BOOTTIME);
	int of = opened(memory("mem"), O_RDONLY);

	for (size_t at = 0; at < bytes;) {
		ssize_t n = pread(of, page, sizeof(page), (off_t)((uintptr_t)address + at));

		if (n <= 0)
			failed("mem");
		at += (size_t)n;
		said[0] = now_ns(CLOCK_BOOTTIME) - began;
		said[1] = at;
	}
}

/* Whoever started it is none of its ancestors. */
static void be_nobodys(void)
{
	pid_t parent = getpid();

	setsid();
	if (fork() != 0)
		_exit(0);
	while (getppid() == parent)
		usleep(100);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "wait") == 0)
		wait_for_ever(strtoull(argv[2], NULL, 10));
	if (argc < 4)
		return 2;
	pid = atoi(argv[2]);
	address = (void *)(uintptr_t)strtoull(argv[3], NULL, 10);
	be_nobodys();
	printf("%d %llu\n", getpid(), (unsigned long long)now_ns(CLOCK_REALTIME));
	fflush(stdout);
	if (argc == 6 && strcmp(argv[1], "loop") == 0) {
		loop(strtoull(argv[4], NULL, 10), argv[5]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(argv[1], ways[i].name) == 0) {
			ways[i].act();
			return 0;
		}
	return 2;
}
