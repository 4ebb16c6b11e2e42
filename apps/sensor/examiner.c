/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor's end of the examiner: it is told whom the guard protects, and hands over finished frames for the guard. It is forked before
 * anything is attached, for what it needs the sensor gives up; the two end together.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "examiner.h"

#define OWN_CAPABILITIES (1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_SYS_PTRACE)
enum { ROOM_BYTES = 1 << 20, SILENT_MS = 6000, TOLD_MS = 2000 };

static struct {
	int fd;
	pid_t child;
	bool is_over, is_told;
	uint64_t asked_ns, silent_until_ns; /* 0: nobody waits for an answer */
	struct counters *counters; /* of the guard's pipe */
	struct examiner_list list;
} examiner = { .fd = -1 };

static void tell(void)
{
	size_t length = offsetof(struct examiner_list, process) + examiner.list.count * sizeof(examiner.list.process[0]);

	if (examiner.fd >= 0)
		examiner.is_told = send(examiner.fd, &examiner.list, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

/* Whom the guard protects from now on, and of whom it wants to know how they are. */
void examiner_follow(const struct frame_protected_process *processes, size_t count)
{
	if (!count && !examiner.list.count)
		return;
	memcpy(examiner.list.process, processes, count * sizeof(*processes));
	examiner.list.count = (uint32_t)count;
	tell();
}

/* Each second. Whether it has answered lately: one that was stopped goes on by this. */
bool examiner_turn(void)
{
	uint64_t now_ns = boot_ns();

	if (examiner.fd < 0 || examiner.is_over)
		return true;
	if (!protected_in_force())
		examiner_follow(NULL, 0);
	if (!examiner.is_told)
		tell();
	if (!examiner.asked_ns && send(examiner.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		examiner.asked_ns = now_ns;
	if (examiner.asked_ns && now_ns - examiner.asked_ns >= SILENT_MS * 1000000ull) {
		examiner.silent_until_ns = now_ns + TOLD_MS * 1000000ull;
		kill(examiner.child, SIGCONT);
	}
	return now_ns >= examiner.silent_until_ns;
}

static void read_examiner(struct counters *counters)
{
	static uint8_t body[FRAME_BYTES_MAX] __attribute__((aligned(8)));
	ssize_t length;

	(void)counters; /* those of the agent's pipe */
	while ((length = recv(examiner.fd, body, sizeof(body), MSG_DONTWAIT)) > 0) {
		examiner.asked_ns = 0;
		if ((size_t)length >= sizeof(struct frame_event))
			backlog_put(PIPE_GUARD, examiner.counters, body, (size_t)length);
	}
	examiner.is_over |= length == 0 || (errno != EAGAIN && errno != EINTR);
}

bool examiner_is_there(void)
{
	return examiner.fd >= 0;
}

bool examiner_is_over(void)
{
	return examiner.is_over;
}

void examiner_stop(void)
{
	if (examiner.fd >= 0)
		close(examiner.fd);
	examiner.fd = -1;
}

/* The modes are known once all is attached. */
void examiner_begin(bool polls)
{
	examiner.list.polls = polls;
	tell();
}

static void live(const struct options *options, int to_sensor, pid_t parent)
{
	if (!drop_privileges(options->uid, options->gid, OWN_CAPABILITIES))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "sensor-examiner", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() == parent)
		examiner_live(options, to_sensor);
	_exit(EXIT_SUCCESS);
}

/* Call as root, before anything is attached. false, with the reason: nobody looks. */
bool examiner_start(const struct options *options, struct counters *counters, struct source *source, char reason[FRAME_REASON_BYTES_MAX + 1])
{
	const char *missing = missing_capability(OWN_CAPABILITIES);
	int pair[2], room = ROOM_BYTES;
	pid_t parent = getpid();

	if (missing) {
		snprintf(reason, FRAME_REASON_BYTES_MAX + 1, "%s is missing", missing);
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
		examiner.child = fork();
		if (examiner.child == 0) {
			close(pair[1]);
			child_begins();
			live(options, pair[0], parent);
		}
		close(pair[0]);
		if (examiner.child > 0) {
			examiner.fd = children_leave(pair[1]);
			examiner.counters = &counters[PIPE_GUARD];
			*source = (struct source){ .fd = examiner.fd, .read = read_examiner };
			return true;
		}
		close(pair[1]);
	}
	snprintf(reason, FRAME_REASON_BYTES_MAX + 1, "%s", strerror(errno));
	return false;
}
