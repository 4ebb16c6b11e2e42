/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Performs the one act of a sensor site for real, in a child whose comm is the nonce (for exec: with the nonce as its
 * argument), and says who did it. Knows nothing of the sensor: what it did must come back from the other side.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *nonce, *file = "";
static pid_t protected;
static useconds_t linger_us; /* before what it is known by is gone */
static char memory[16] = "sealwatch probe";
static pid_t victim;

/* Started before the child takes the nonce as its name, so that the two cannot be confused. */
static pid_t start_victim(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	return pid;
}

static bool act_exec(void)
{
	if (linger_us)
		execl("/bin/sh", "sh", "-c", "sleep 0.9; :", nonce, (char *)NULL);
	execl("/bin/true", "true", nonce, (char *)NULL);
	return false;
}

static bool act_exit(void)
{
	return true;
}

static bool act_open(void)
{
#ifdef SYS_open
	return syscall(SYS_open, file, O_RDONLY | O_CLOEXEC) >= 0;
#else
	errno = ENOSYS;
	return false;
#endif
}

static bool act_openat(void)
{
	return syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC) >= 0;
}

static bool act_openat2(void)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };

	return syscall(SYS_openat2, AT_FDCWD, file, &how, sizeof(how)) >= 0;
}

/* Empties the file: give it one of your own. */
static bool act_creat(void)
{
#ifdef SYS_creat
	return syscall(SYS_creat, file, 0600) >= 0;
#else
	errno = ENOSYS;
	return false;
#endif
}

/* By the entry for programs of 32 bits, whose calls have other numbers, and whose addresses are short. */
static bool act_open_32_bit(void)
{
#ifdef __x86_64__
	enum { OPEN = 5 };
	char *low = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result = OPEN;

	if (low == MAP_FAILED || strlen(file) >= PATH_MAX)
		return false;
	strcpy(low, file);
	__asm__ volatile("int $0x80" : "+a"(result) : "b"(low), "c"(O_RDONLY | O_CLOEXEC), "d"(0) : "memory", "r8", "r9", "r10", "r11");
	errno = result < 0 ? (int)-result : 0;
	return result >= 0;
#else
	errno = ENOSYS;
	return false;
#endif
}

/* By a handle, as servers of files do. */
static bool act_open_by_handle_at(void)
{
	struct { struct file_handle head; unsigned char bytes[MAX_HANDLE_SZ]; } handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	char folder[PATH_MAX];
	int mount_id, fd;

	if (name_to_handle_at(AT_FDCWD, file, &handle.head, &mount_id, 0))
		return false;
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(file, '/') - file), file);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return open_by_handle_at(fd, &handle.head, O_RDONLY | O_CLOEXEC) >= 0;
}

struct ring { /* one open, at the beginning of both queues */
	int fd;
	struct io_uring_params params;
	char *queues;
	struct io_uring_sqe *entry;
};

static bool ring_set_up(struct ring *ring)
{
	size_t bytes;

	ring->fd = (int)syscall(SYS_io_uring_setup, 1, &ring->params);
	if (ring->fd < 0)
		return false;
	bytes = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe) + ring->params.sq_off.array + 64;
	ring->queues = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->entry = mmap(NULL, sizeof(*ring->entry), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->queues != MAP_FAILED && ring->entry != MAP_FAILED;
}

/* Without openat, which whoever watches for calls never sees. `slot` is that of the ring's own table, from 1 on; 0: a descriptor. */
static bool open_by_ring(unsigned slot)
{
	struct ring ring = {};
	const struct io_uring_cqe *done;
	int none = -1;

	if (!ring_set_up(&ring) || (slot && syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &none, 1)))
		return false;
	*ring.entry = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)file, .file_index = slot };
	*(unsigned *)(ring.queues + ring.params.sq_off.array) = 0;
	*(unsigned *)(ring.queues + ring.params.sq_off.tail) = 1;
	if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return false;
	done = (const void *)(ring.queues + ring.params.cq_off.cqes);
	errno = done->res < 0 ? -done->res : 0;
	return done->res >= 0;
}

static bool act_io_uring(void)
{
	return open_by_ring(0);
}

static bool act_io_uring_slot(void)
{
	return open_by_ring(1);
}

static bool act_ptrace(void)
{
	if (ptrace(PTRACE_ATTACH, victim, NULL, NULL))
		return false;
	waitpid(victim, NULL, __WALL);
	return ptrace(PTRACE_DETACH, victim, NULL, NULL) == 0;
}

/* Nobody may trace himself: it is refused, and refused calls are told. */
static bool act_ptrace_32_bit(void)
{
#ifdef __x86_64__
	enum { PTRACE = 26 };
	long result = PTRACE;

	__asm__ volatile("int $0x80" : "+a"(result) : "b"(PTRACE_ATTACH), "c"(victim), "d"(0), "S"(0) : "memory", "r8", "r9", "r10", "r11");
	errno = result < 0 ? (int)-result : 0;
	return result == 0;
#else
	errno = ENOSYS;
	return false;
#endif
}

/* Both sides are this process. */
static bool pass_descriptor(bool as_one_of_many)
{
	int pair[2], fd = open(file, O_RDONLY | O_CLOEXEC);
	char byte = 0;
	union { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(fd))]; } control = {
		.head = { CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS },
	};
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct mmsghdr many = { .msg_hdr = message };

	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return fd >= 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0 && sendmsg(pair[0], &message, 0) == 1 &&
	       (as_one_of_many ? recvmmsg(pair[1], &many, 1, MSG_CMSG_CLOEXEC, NULL) : recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC)) == 1;
}

static bool act_passed(void)
{
	return pass_descriptor(false);
}

static bool act_passed_recvmmsg(void)
{
	return pass_descriptor(true);
}

/* The child is nobody else's, and gives up what it then asks for. */
/* Not root: that is for an attacker to ask, and an alert. */
static bool act_refused(void)
{
	return setresuid(65534, 65534, 65534) == 0 && setuid(65533) && errno == EPERM;
}

/* In a namespace of its own: nobody else sees a difference. */
static bool act_mount(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/*
 * The memory of who made us by a bare fork, where the same bytes lie at the same place. It is what LeakSanitizer does, so the event is
 * told, and nobody is alarmed by it.
 */
static bool act_process_vm_readv(void)
{
	char copy[sizeof(memory)];
	struct iovec to = { copy, sizeof(copy) }, from = { memory, sizeof(memory) };

	return process_vm_readv(getppid(), &to, 1, &from, 1, 0) == (ssize_t)sizeof(memory);
}

static bool act_process_vm_writev(void)
{
	struct iovec both = { memory, sizeof(memory) };

	return process_vm_writev(getppid(), &both, 1, &both, 1, 0) == (ssize_t)sizeof(memory);
}

/* By two syscalls, so that one blind site is seen in its own row of doctor alone. */
static bool act_mem(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", getppid());
	file = path;
	return act_openat() && act_openat2();
}

/*
 * The child ends only when its parent is gone, which before that has become another program: so where the nonce is still
 * told of the child, it is from the fork that its arguments are known.
 */
static bool act_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		while (getppid() == parent)
			usleep(1000);
		_exit(0);
	}
	printf("{\"site\":\"fork\",\"pid\":%d}\n", pid);
	fflush(stdout);
	return pid > 0 && execl("/bin/true", "true", (char *)NULL) == 0;
}

/* The child has taken the nonce as its name. */
static bool act_task_rename(void)
{
	return true;
}

/* A signal that is ignored: it is told when it is sent. */
static bool act_signal_generate(void)
{
	return kill(protected, SIGURG) == 0;
}

/* To the mode that it has: nothing changes but its time of change. */
static bool act_file_change(void)
{
	struct stat status;

	return stat(file, &status) == 0 && chmod(file, status.st_mode & 07777) == 0;
}

/* The child is nobody else's. */
static bool act_credentials(void)
{
	return setgid(65534) == 0;
}

static bool act_bpf(void)
{
	static const struct bpf_insn does_nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)does_nothing, .insn_cnt = 2, .license = (uintptr_t)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) >= 0;
}

static bool act_perf_event_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CONTEXT_SWITCHES,
	};

	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC) >= 0;
}

/* To what it is. */
static bool act_sysctl(void)
{
	int fd = open("/proc/sys/kernel/printk_ratelimit_burst", O_RDWR | O_CLOEXEC);
	char value[32];
	ssize_t length = read(fd, value, sizeof(value));

	return length > 0 && pwrite(fd, value, (size_t)length, 0) == length;
}

static bool act_namespaces(void)
{
	return unshare(CLONE_NEWUTS) == 0;
}

static int internet_socket(int type)
{
	return socket(AF_INET, type | SOCK_CLOEXEC, 0);
}

static struct sockaddr *loopback(in_port_t port)
{
	static struct sockaddr_in at = { .sin_family = AF_INET };

	at.sin_port = htons(port);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return (struct sockaddr *)&at;
}

static const socklen_t loopback_bytes = sizeof(struct sockaddr_in);

/* A connection is made with whoever listens before anybody takes it: one task can be both sides. The side that listens, or -1. */
static int connect_to_ourselves(void)
{
	struct sockaddr_in at;
	socklen_t length = sizeof(at);
	int fd = internet_socket(SOCK_STREAM);
	bool connected = bind(fd, loopback(0), loopback_bytes) == 0 && listen(fd, 1) == 0 &&
			 getsockname(fd, (struct sockaddr *)&at, &length) == 0 &&
			 connect(internet_socket(SOCK_STREAM), (struct sockaddr *)&at, length) == 0;

	return connected ? fd : -1;
}

/* Port 9, discard: most likely refused, which is told too; but a connection that stays is with ourselves. */
static bool act_connect(void)
{
	if (linger_us)
		return connect_to_ourselves() >= 0;
	return connect(internet_socket(SOCK_STREAM), loopback(9), loopback_bytes) == 0 || errno == ECONNREFUSED;
}

static bool act_bind(void)
{
	return bind(internet_socket(SOCK_DGRAM), loopback(0), loopback_bytes) == 0;
}

static bool act_listen(void)
{
	int fd = internet_socket(SOCK_STREAM);

	return bind(fd, loopback(0), loopback_bytes) == 0 && listen(fd, 1) == 0;
}

static bool act_accept(void)
{
	int listener = connect_to_ourselves();

	return listener >= 0 && accept(listener, NULL, NULL) >= 0;
}

static bool act_datagram(void)
{
	return sendto(internet_socket(SOCK_DGRAM), "", 0, 0, loopback(9), loopback_bytes) == 0;
}

/* One to the kernel's audit, which everybody may make and which says nothing by itself. */
static bool act_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT) >= 0;
}

static bool act_reach(void)
{
	struct rlimit none = { 0, 0 };

	return syscall(SYS_prlimit64, victim, RLIMIT_CORE, &none, NULL) == 0;
}

static bool act_executable(void)
{
	size_t length = (size_t)getpagesize();
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at != MAP_FAILED && mprotect(at, length, PROT_READ | PROT_EXEC) == 0;
}

enum need { NOTHING, A_FILE, A_VICTIM, A_PROTECTED, ITSELF };

#define ACT(name, need) { #name, act_##name, need }
static const struct {
	const char *site;
	bool (*perform)(void);
	enum need need;
} acts[] = {
	ACT(exec, NOTHING),
	ACT(exit, NOTHING),
	ACT(open, A_FILE),
	ACT(openat, A_FILE),
	ACT(openat2, A_FILE),
	ACT(creat, A_FILE),
	ACT(ptrace, A_VICTIM),
	ACT(process_vm_readv, NOTHING),
	ACT(process_vm_writev, NOTHING),
	ACT(mem, NOTHING),
	ACT(fork, ITSELF),
	ACT(task_rename, NOTHING),
	ACT(signal_generate, A_PROTECTED),
	ACT(credentials, NOTHING),
	ACT(bpf, NOTHING),
	ACT(perf_event_open, NOTHING),
	ACT(sysctl, NOTHING),
	ACT(namespaces, NOTHING),
	ACT(connect, NOTHING),
	ACT(accept, NOTHING),
	ACT(bind, NOTHING),
	ACT(listen, NOTHING),
	ACT(datagram, NOTHING),
	ACT(socket, NOTHING),
	ACT(reach, A_VICTIM),
	ACT(executable, NOTHING),
	ACT(file_change, A_FILE),
	{ "entry_32", act_open_32_bit, A_FILE },
	ACT(ptrace_32_bit, A_VICTIM),
	ACT(open_by_handle_at, A_FILE),
	ACT(io_uring, A_FILE),
	ACT(io_uring_slot, A_FILE),
	ACT(passed, A_FILE),
	ACT(passed_recvmmsg, A_FILE),
	ACT(refused, NOTHING),
	ACT(mount, NOTHING),
};

static int act_as_child(size_t act)
{
	bool done;

	if (acts[act].need == A_VICTIM)
		victim = start_victim();
	prctl(PR_SET_NAME, nonce, 0, 0, 0);
	done = acts[act].perform();
	if (!done)
		fprintf(stderr, "probe: %s failed: %s\n", acts[act].site, strerror(errno));
	usleep(linger_us);
	if (victim > 0) {
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
	}
	return done ? 0 : 1;
}

static int run(size_t act)
{
	int status;
	pid_t pid;

	if (acts[act].need == ITSELF)
		usleep(linger_us);
	if (acts[act].need == ITSELF)
		return acts[act].perform() ? 0 : 1;
	pid = fork();
	if (pid == 0)
		_exit(act_as_child(act));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return 1;
	printf("{\"site\":\"%s\",\"pid\":%d}\n", acts[act].site, pid);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 4 && strcmp(argv[argc - 2], "--linger") == 0) {
		linger_us = (useconds_t)atoi(argv[argc - 1]) * 1000;
		argc -= 2;
	}
	if (argc == 5 && strcmp(argv[3], "--file") == 0)
		file = argv[4];
	if (argc == 5 && strcmp(argv[3], "--pid") == 0)
		protected = atoi(argv[4]);
	if ((argc == 3 || *file || protected > 0) && strlen(argv[2]) < 16) {
		nonce = argv[2];
		for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
			if (strcmp(acts[i].site, argv[1]) == 0 && (*file || acts[i].need != A_FILE) &&
			    (protected > 0 || acts[i].need != A_PROTECTED))
				return run(i);
	}
	fputs("usage: probe SITE NONCE [--file PATH | --pid PID] [--linger MS]\n"
	      "  SITE   one that a BPF program feeds, or file_change, mem, ptrace_32_bit, io_uring_slot, passed_recvmmsg\n"
	      "  NONCE  at most 15 characters\n"
	      "  PATH   what the open sites open, creat empties, and file_change gives the mode that it has\n"
	      "  MS     how long it stays after the act\n"
	      "  PID    whom signal_generate sends SIGURG, which changes nothing\n", stderr);
	return 2;
}
