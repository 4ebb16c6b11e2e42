/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canaries: at random moments a child of ours does, to nobody's harm, what the sites see. What it did must come back through the
 * ring. It is known by its pid, which nobody else has before we have waited for it, so no other act can pass for it. What
 * came back is taken out of what was produced again: nobody is told of it, and produced = dropped + sent as before.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sensor.h"

#define INITIAL_PID_NAMESPACE 0xeffffffcu /* of every kernel */
enum { GRACE_MS = 1000, PATIENCE_MS = 15000, AGAIN_MS = 1000, LOOK_MS = 50 };

static struct {
	unsigned mean_ms; /* 0: there are none */
	int program;	  /* this one, to start it again */
	char file[32];	  /* a watched file of our own; empty: there is none */
	volatile uint64_t *done;
	uint64_t due_ns, deadline_ns;
	pid_t pid; /* 0: none under way */
	bool over; /* it has ended; it is a zombie until the round is */
	uint64_t wanted, seen, missed, blind;
	uint64_t dropped[SITE_COUNT];
} canary = { .program = -1 };

static unsigned between(unsigned least, unsigned most)
{
	unsigned number = 0;

	(void)!getrandom(&number, sizeof(number), 0);
	return least + number % (most - least + 1);
}

/* Elsewhere our pids are others than those of frames. */
bool in_initial_pid_namespace(void)
{
	struct stat own;

	return stat("/proc/self/ns/pid", &own) == 0 && own.st_ino == INITIAL_PID_NAMESPACE;
}

/* It lasts, for programs that outlive a sensor go on watching it. Only the sensor reaches it, and of that anybody may open it. */
static int open_file(const char *instance)
{
	char path[160];
	int fd;

	mkdir(RUN_FOLDER, 0700);
	snprintf(path, sizeof(path), RUN_FOLDER "/%s.canary", instance);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0 || fchmod(fd, 0666))
		say("warn", "canaries open no file, for %s cannot be made: %s", path, strerror(errno));
	return fd;
}

/* Call before privileges are dropped. */
void canary_prepare(unsigned mean_seconds, const char *instance)
{
	int fd;

	if (mean_seconds == 0)
		return;
	if (!in_initial_pid_namespace()) {
		say("warn", "there are no canaries: the sensor is not in the initial pid namespace");
		return;
	}
	canary.done = mmap(NULL, sizeof(*canary.done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	canary.program = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	if (canary.done == MAP_FAILED || canary.program < 0) {
		say("warn", "there are no canaries: %s", strerror(errno));
		return;
	}
	canary.mean_ms = mean_seconds * 1000;
	fd = open_file(instance);
	if (fd >= 0)
		snprintf(canary.file, sizeof(canary.file), "/proc/self/fd/%d", fd);
}

/* The path to watch as CANARY_NAME; NULL: none. */
const char *canary_file(void)
{
	return canary.file[0] ? canary.file : NULL;
}

#define DID(site, act) (*canary.done |= (act) ? 1ull << SITE_##site : 0)

/* On loopback, with nobody but itself. */
static void act_on_network(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *address = (struct sockaddr *)&at;
	socklen_t length = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	DID(socket, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT) >= 0);
	DID(bind, bind(listener, address, length) == 0);
	DID(listen, *canary.done >> SITE_bind & 1 && listen(listener, 1) == 0);
	if (!(*canary.done >> SITE_listen & 1) || getsockname(listener, address, &length))
		return;
	DID(connect, connect(other, address, length) == 0);
	DID(accept, *canary.done >> SITE_connect & 1 && accept(listener, NULL, NULL) >= 0);
	DID(datagram, sendto(datagrams, "", 0, 0, address, length) == 0);
}

/* Calls that are told though they are refused, and memory of its own. */
static void act_on_kernel(void)
{
	struct perf_event_attr event = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(event), .config = PERF_COUNT_SW_CPU_CLOCK };
	union bpf_attr nothing = {};
	size_t length = (size_t)getpagesize();
	void *page = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	DID(bpf, syscall(SYS_bpf, BPF_PROG_LOAD, &nothing, sizeof(nothing)) < 0);
	DID(perf_event_open, syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC) >= 0 || errno == EACCES);
	DID(executable, page != MAP_FAILED && mprotect(page, length, PROT_READ | PROT_EXEC) == 0);
}

/* Its own file, from itself to itself. */
static void pass_file(int file)
{
	char byte = 0;
	union { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(file))]; } control = {
		.head = { CMSG_LEN(sizeof(file)), SOL_SOCKET, SCM_RIGHTS },
	};
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int pair[2];

	memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
	DID(passed, file >= 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0 && sendmsg(pair[0], &message, 0) == 1 &&
		    recvmsg(pair[1], &message, MSG_CMSG_CLOEXEC) == 1);
}

static sigjmp_buf without_entry_32;

static void no_entry_32(int number)
{
	siglongjmp(without_entry_32, number);
}

/* To trace itself, which is refused. A kernel may be without that entry, which is a fault; a sandbox may end whoever takes it. */
static void act_by_entry_32(void)
{
#ifdef __x86_64__
	enum { PTRACE = 26 };
	long result = PTRACE;

	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) || signal(SIGSEGV, no_entry_32) == SIG_ERR || sigsetjmp(without_entry_32, 1))
		return;
	__asm__ volatile("int $0x80" : "+a"(result) : "b"(PTRACE_ATTACH), "c"(getpid()), "d"(0), "S"(0) : "memory", "r8", "r9", "r10", "r11");
	DID(entry_32, result == -EPERM);
#endif
}

/* Whoever is in a user namespace of his own may do there what needs rights elsewhere. It is gone with him. */
static void act_in_own_namespace(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
	char value[32];
	ssize_t length;
	int limit;

	DID(namespaces, unshare(CLONE_NEWUSER) == 0);
	if (!(*canary.done >> SITE_namespaces & 1))
		return;
	limit = open("/proc/sys/user/max_uts_namespaces", O_RDWR | O_CLOEXEC);
	length = read(limit, value, sizeof(value));
	DID(sysctl, length > 0 && pwrite(limit, value, (size_t)length, 0) == length); /* of this namespace alone, and to what it is */
	DID(credentials, syscall(SYS_capset, &header, none) == 0);
}

/* What it has no right to. Its parent is to leave no core anyway. */
static void act_without_rights(void)
{
	struct rlimit no_core = { 0, 0 };

	DID(reach, syscall(SYS_prlimit64, getppid(), RLIMIT_CORE, &no_core, NULL) == 0 || errno == EPERM);
	DID(refused, setresuid(0, 0, 0) && errno == EPERM);
	DID(mount, umount2("/", UMOUNT_NOFOLLOW) && errno == EPERM);
}

static void act_all(void)
{
	static char memory[8];
	struct iovec both = { memory, sizeof(memory) };
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	struct io_uring_params ring = {};
	char *const argv[] = { "sensor", CANARY_OPTION, NULL }, *const environment[] = { NULL };

	DID(task_rename, prctl(PR_SET_NAME, "canary", 0, 0, 0) == 0);
	if (canary.file[0]) {
#ifdef SYS_open
		DID(open, syscall(SYS_open, canary.file, O_RDONLY | O_CLOEXEC) >= 0);
#endif
		DID(openat, syscall(SYS_openat, AT_FDCWD, canary.file, O_RDONLY | O_CLOEXEC) >= 0);
		DID(openat2, syscall(SYS_openat2, AT_FDCWD, canary.file, &how, sizeof(how)) >= 0);
#ifdef SYS_creat
		DID(creat, syscall(SYS_creat, canary.file, 0600) >= 0);
#endif
	}
	/* Nobody may trace himself: it is refused, and refused calls are told. */
	DID(ptrace, ptrace(PTRACE_ATTACH, getpid(), NULL, NULL) && errno != ESRCH);
	DID(process_vm_readv, process_vm_readv(getpid(), &both, 1, &both, 1, 0) != 0);
	DID(process_vm_writev, process_vm_writev(getpid(), &both, 1, &both, 1, 0) != 0);
	DID(signal_generate, kill(getppid(), SIGURG) == 0);
	act_on_network();
	act_on_kernel();
	DID(io_uring, syscall(SYS_io_uring_setup, 1, &ring) >= 0);
	pass_file(open(canary.file, O_RDONLY | O_CLOEXEC));
	act_without_rights();
	act_in_own_namespace();
	act_by_entry_32();
	DID(exec, true);
	syscall(SYS_execveat, canary.program, "", argv, environment, AT_EMPTY_PATH);
	*canary.done &= ~(1ull << SITE_exec);
	_exit(0);
}

static void begin(const struct counters *counters, uint64_t now_ns)
{
	for (int site = 0; site < SITE_COUNT; site++)
		canary.dropped[site] = counters_read(counters, site).dropped;
	*canary.done = 1ull << SITE_fork | 1ull << SITE_exit;
	canary.seen = 0;
	canary.over = false;
	canary.deadline_ns = now_ns + PATIENCE_MS * 1000000ull;
	canary.pid = fork();
	if (canary.pid == 0)
		act_all();
	if (canary.pid < 0)
		canary.pid = 0;
}

/* The frame is of a canary, and goes nowhere. */
bool canary_did(const struct frame_event *event)
{
	bool own = canary.pid && event->pid == (__u32)canary.pid;
	bool made = canary.pid && event->kind == FRAME_FORK && event->pid == (__u32)getpid() &&
		    event->target.ref.pid == (__u32)canary.pid;

	if (!own && !made)
		return false;
	canary.seen |= 1ull << event->site;
	return true;
}

/* A site at which something was dropped meanwhile proves nothing; one that missed two canaries in a row is blind. */
static void judge(const struct counters *counters)
{
	for (int site = 0; site < SITE_COUNT; site++) {
		uint64_t bit = 1ull << site;

		if (!(canary.wanted & bit))
			continue;
		if (canary.seen & bit) {
			canary.blind &= ~bit;
			canary.missed &= ~bit;
		} else if (counters_read(counters, site).dropped == canary.dropped[site]) {
			canary.blind |= canary.missed & bit;
			canary.missed |= bit;
		}
	}
}

/* Call when the ring has been emptied. Sites that no canary came back from are in the result. */
uint64_t canary_turn(const struct counters *counters, uint64_t attached, uint64_t now_ns)
{
	if (canary.mean_ms == 0)
		return 0;
	if (canary.due_ns == 0)
		canary.due_ns = now_ns + between(canary.mean_ms / 3, canary.mean_ms * 5 / 3) * 1000000ull;
	if (!canary.pid && now_ns >= canary.due_ns) {
		begin(counters, now_ns);
		canary.due_ns = now_ns + between(canary.mean_ms / 3, canary.mean_ms * 5 / 3) * 1000000ull;
		return canary.blind;
	}
	if (!canary.pid)
		return canary.blind;
	if (!canary.over) {
		siginfo_t ended = {};

		canary.over = waitid(P_PID, (id_t)canary.pid, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid;
		if (canary.over)
			canary.deadline_ns = now_ns + GRACE_MS * 1000000ull;
	}
	canary.wanted = attached & *canary.done;
	if ((canary.over && !(canary.wanted & ~canary.seen)) || now_ns >= canary.deadline_ns) {
		judge(counters);
		kill(canary.pid, SIGKILL);
		waitpid(canary.pid, NULL, canary.over ? 0 : WNOHANG);
		canary.pid = 0;
		if (canary.missed)
			canary.due_ns = now_ns + AGAIN_MS * 1000000ull;
	}
	return canary.blind;
}

/* Until canary_turn() has something to do. */
int64_t canary_due_ms(uint64_t now_ns)
{
	if (canary.mean_ms == 0)
		return INT32_MAX;
	if (canary.pid)
		return LOOK_MS;
	return canary.due_ns <= now_ns ? 0 : (int64_t)((canary.due_ns - now_ns) / 1000000) + 1;
}
