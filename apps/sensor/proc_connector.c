/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by the kernel's proc connector: begin, exec, another name, tracer, end. It gives numbers alone; who they are is read
 * from /proc at once. The kernel numbers what it sends on each CPU, so what its queue had no room for is counted exactly.
 */
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sensor.h"

enum { CPUS_MAX = 4096, CLOCK_SLACK_NS = 10000000 };

static int connector = -1;
static struct { bool known; uint32_t next; } sequence[CPUS_MAX];
static struct image image;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool subscribe(enum proc_cn_mcast_op operation)
{
	struct {
		struct nlmsghdr header;
		struct cn_msg message;
		enum proc_cn_mcast_op operation;
	} __attribute__((packed)) request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE },
		.message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(operation) },
		.operation = operation,
	};

	return send(connector, &request, sizeof(request), 0) == sizeof(request);
}

/*
 * The process that has the number now, if it can be the one that the event is of: who began later is not. -1: it is gone.
 */
static int open_life(pid_t pid, uint64_t time_ns, struct life *life)
{
	int folder = life_open(pid, life);

	if (folder < 0 || life->start_ns <= time_ns + CLOCK_SLACK_NS)
		return folder;
	close(folder);
	life_forget(pid);
	return -1;
}

/* Of a process whose number alone is needed, or that is ending: by what was known of it, else by a look. */
static void put_known(struct frame_event *event, pid_t pid)
{
	struct life life;
	int folder = life_of(pid) ? -1 : open_life(pid, event->time_ns, &life);

	if (folder >= 0)
		close(folder);
	draft_remembered(event, pid);
	if (life_of(pid))
		event->unsure &= (__u16)~UNSURE_IDENTITY;
}

static void put_target(struct frame_event *event, pid_t pid)
{
	struct frame_target *target = &event->target;
	struct life life;
	int folder = open_life(pid, event->time_ns, &life);

	target->ref.pid = (__u32)pid;
	if (folder < 0) {
		event->unsure |= UNSURE_TARGET;
		return;
	}
	close(folder);
	target->ref.start_ns = life.start_ns;
	target->ppid = (__u32)life.ppid;
	memcpy(target->ref.comm, life.comm, sizeof(life.comm));
}

static void tell_exec(pid_t pid, uint64_t time_ns, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_EXEC, SITE_proc_connector, time_ns);
	struct life life;
	int folder = open_life(pid, time_ns, &life);

	if (folder < 0)
		put_known(event, pid);
	draft_exec(event, folder, &life);
	if (folder >= 0)
		close(folder);
	draft_tell(counters);
}

/* Threads are not told. */
static void tell_fork(pid_t parent, pid_t child, uint64_t time_ns, struct counters *counters)
{
	struct frame_event *event;

	life_forget(child);
	event = draft_begin(FRAME_FORK, SITE_proc_connector, time_ns);
	put_known(event, parent);
	put_target(event, child);
	draft_tell(counters);
}

static void tell_exit(pid_t pid, uint32_t status, uint64_t time_ns, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_EXIT, SITE_proc_connector, time_ns);

	put_known(event, pid);
	event->exit.code = status >> 8 & 0xff;
	event->exit.signal = status & 0x7f;
	draft_tell(counters);
	life_forget(pid);
}

static void tell_rename(pid_t pid, const char *comm, uint64_t time_ns, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_RENAME, SITE_proc_connector, time_ns);

	put_known(event, pid);
	memcpy(event->rename.from, event->comm, sizeof(event->rename.from));
	memcpy(event->rename.to, comm, sizeof(event->rename.to) - 1);
	life_renamed(pid, comm);
	draft_tell(counters);
}

/* It does not tell ATTACH from SEIZE, and of letting go it tells with tracer 0. */
static void tell_ptrace(pid_t pid, pid_t tracer, uint64_t time_ns, struct counters *counters)
{
	struct frame_event *event = draft_begin(FRAME_PTRACE, SITE_proc_connector, time_ns);
	struct life life;
	int folder = open_life(tracer, time_ns, &life);

	put_target(event, pid);
	event->target.request = PTRACE_ATTACH;
	image.length = 0;
	if (folder < 0)
		draft_remembered(event, tracer);
	else
		draft_actor(event, folder, &life, &image);
	if (image.length)
		draft_text(TEXT_EXE, image.path, image.length);
	if (folder >= 0)
		close(folder);
	draft_tell(counters);
}

static void take(const struct proc_event *event, uint64_t time_ns, struct counters *counters)
{
	switch (event->what) {
	case PROC_EVENT_FORK:
		if (event->event_data.fork.child_pid == event->event_data.fork.child_tgid)
			tell_fork(event->event_data.fork.parent_tgid, event->event_data.fork.child_tgid, time_ns, counters);
		break;
	case PROC_EVENT_EXEC:
		tell_exec(event->event_data.exec.process_tgid, time_ns, counters);
		break;
	case PROC_EVENT_COMM:
		if (event->event_data.comm.process_pid == event->event_data.comm.process_tgid)
			tell_rename(event->event_data.comm.process_tgid, event->event_data.comm.comm, time_ns, counters);
		break;
	case PROC_EVENT_PTRACE:
		if (event->event_data.ptrace.tracer_tgid)
			tell_ptrace(event->event_data.ptrace.process_tgid, event->event_data.ptrace.tracer_tgid, time_ns, counters);
		break;
	case PROC_EVENT_EXIT:
		if (event->event_data.exit.process_pid == event->event_data.exit.process_tgid)
			tell_exit(event->event_data.exit.process_tgid, event->event_data.exit.exit_code, time_ns, counters);
		break;
	default:
		break;
	}
}

/* What is missing before this one never found room: it was produced and dropped, whatever it would have told. */
static void count(const struct cn_msg *message, const struct proc_event *event, struct counters *counters)
{
	uint32_t cpu = event->cpu % CPUS_MAX;

	if (sequence[cpu].known && message->seq != sequence[cpu].next) {
		uint32_t missing = message->seq - sequence[cpu].next;

		counters_add(counters, SITE_proc_connector, missing, missing);
	}
	sequence[cpu].known = true;
	sequence[cpu].next = message->seq + 1;
}

static void take_messages(char *bytes, size_t length, struct counters *counters)
{
	uint64_t since_monotonic = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);

	for (struct nlmsghdr *header = (void *)bytes; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
		const struct cn_msg *message = NLMSG_DATA(header);
		struct proc_event event = {};

		if (header->nlmsg_len < NLMSG_LENGTH(sizeof(*message)) || message->id.idx != CN_IDX_PROC)
			continue;
		memcpy(&event, message->data, message->len < sizeof(event) ? message->len : sizeof(event));
		if (event.what == PROC_EVENT_NONE)
			continue; /* the answer to our subscription */
		count(message, &event, counters);
		take(&event, event.timestamp_ns + since_monotonic, counters);
	}
}

static void read_connector(struct counters *counters)
{
	static char bytes[16 << 10];

	for (int i = 0; i < 256; i++) { /* then others have their turn */
		struct sockaddr_nl from = {};
		socklen_t from_length = sizeof(from);
		ssize_t n = recvfrom(connector, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);

		if (n < 0 && errno == ENOBUFS)
			continue; /* the next number of each CPU says how many */
		if (n <= 0)
			return;
		if (from.nl_pid == 0) /* the kernel's; others may write to us, too */
			take_messages(bytes, (size_t)n, counters);
	}
}

/* Its queue has as many bytes as the ring, which the kernel counts with its own for each message. */
bool proc_connector_open(const struct options *options, struct source *source)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	int bytes = (int)options->ring_bytes;

	connector = socket(PF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	if (connector < 0)
		return false;
	setsockopt(connector, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (bind(connector, (struct sockaddr *)&address, sizeof(address)) || !subscribe(PROC_CN_MCAST_LISTEN)) {
		close(connector);
		return false;
	}
	lives_look_around();
	*source = (struct source){ connector, read_connector };
	return true;
}
