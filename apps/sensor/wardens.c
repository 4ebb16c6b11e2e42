/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One warden after another. Whoever waits for the kernel waits for the warden, so a process of its own looks each moment whether that lives:
 * one that does not answer within a second is ended, with which the kernel lets all go who wait, and another takes its place. The
 * sensor, which has no right to start one, tells the next what it told the one before.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "warden.h"

enum { PING_EACH_MS = 250, SILENT_MS = 1000, FAILED_TOLD_MS = 2000, AGAIN_MS = 100, START_MS = 5000, HOLD_SECONDS_MAX = 60, ROOM_BYTES = 1 << 20 };
#define KEPT_CAPABILITIES (OWN_CAPABILITIES | 1ull << CAP_SYS_ADMIN)

static struct {
	int fd; /* to the warden of the moment */
	pid_t keeper;
	bool is_over;
	uint64_t until_ns, failed_ns;
	uint32_t follows, unguarded;
	size_t length; /* of the last table with its order; 0: none */
	uint8_t order[sizeof(struct frame_order) + FILE_TABLE_BYTES_MAX] __attribute__((aligned(8)));
} wardens = { .fd = -1 };

/* --- the process that looks after the warden --- */

/* Until it has ended, or does not answer: which of the two. */
static enum warden_news_what watch(int warden)
{
	uint64_t asked_ns = 0;
	bool guards = false;
	char said;

	for (;;) {
		struct pollfd fd = { .fd = warden, .events = POLLIN };
		int came = poll(&fd, 1, guards ? PING_EACH_MS : -1);
		ssize_t length = 0;

		while (came > 0 && (length = recv(warden, &said, 1, MSG_DONTWAIT)) == 1) {
			asked_ns = 0; /* whatever it says, it lives */
			guards = said == PING_LIVES ? guards : said == PING_GUARDS;
		}
		if (came > 0 && (length == 0 || (errno != EAGAIN && errno != EINTR)))
			return WARDEN_ENDED;
		if (guards && asked_ns && boot_ns() - asked_ns >= SILENT_MS * 1000000ull)
			return WARDEN_SILENT;
		if (guards && !asked_ns && send(warden, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
			asked_ns = boot_ns();
	}
}

static void live(const struct options *options, struct counters *counters, int to_sensor)
{
	struct warden_memory *memory = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	signal(SIGCHLD, SIG_IGN); /* whoever hangs in the kernel, and does not end, is not waited for */
	while (memory != MAP_FAILED) {
		pid_t keeper = getpid(), child;
		struct warden_news news;
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
			return;
		child = fork();
		if (child == 0) {
			close(pair[0]);
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			if (getppid() == keeper)
				warden_live(options, counters, to_sensor, pair[1], memory);
			_exit(EXIT_FAILURE);
		}
		close(pair[1]);
		if (child < 0)
			return;
		news = (struct warden_news){ .what = watch(pair[0]) };
		if (news.what == WARDEN_SILENT)
			kill(child, SIGKILL);
		poll(NULL, 0, AGAIN_MS); /* one that ends at once is not started without end */
		close(pair[0]);
		if (send(to_sensor, &news, sizeof(news), MSG_NOSIGNAL) != sizeof(news))
			return; /* the sensor is gone */
	}
}

static void keep(const struct options *options, struct counters *counters, int to_sensor, pid_t parent)
{
	if (!drop_privileges(options->uid, options->gid, KEPT_CAPABILITIES))
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, "sensor-keeper", 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() == parent)
		live(options, counters, to_sensor);
	_exit(EXIT_SUCCESS);
}

/* --- the sensor --- */

static const char *may_refuse(void)
{
	const char *missing = missing_capability(KEPT_CAPABILITIES);
	static char reason[128];
	int group;
	bool asks;

	if (missing) {
		snprintf(reason, sizeof(reason), "%s is missing", missing);
		return reason;
	}
	group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_REPORT_TID, O_RDONLY | O_CLOEXEC);
	asks = group >= 0 && fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN_EXEC_PERM, AT_FDCWD, "/proc/self/exe") == 0;
	snprintf(reason, sizeof(reason), "fanotify: %s%s", strerror(errno),
		 errno == EINVAL ? " (a kernel without CONFIG_FANOTIFY_ACCESS_PERMISSIONS)" : "");
	if (group >= 0)
		close(group);
	return asks ? NULL : reason;
}

static void tell_warden(const struct frame_order *order, size_t length)
{
	if (send(wardens.fd, order, length, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)length)
		wardens.follows = 0; /* the agent sees it, and tells it again */
}

/* The one before has failed: whoever waited was let go. The next knows nothing yet. */
static void begin_anew(enum warden_news_what what)
{
	struct frame_order *order = (struct frame_order *)wardens.order;
	uint64_t now_ns = boot_ns();

	say("critical", "the process that refuses what policies deny %s: who waited for it was let go, and another takes its place",
	    what == WARDEN_SILENT ? "did not answer for a second" : "was ended");
	wardens.failed_ns = now_ns;
	wardens.follows = 0;
	if (!wardens.length || wardens.until_ns <= now_ns)
		return;
	order->seconds = (uint32_t)((wardens.until_ns - now_ns) / 1000000000 + 1);
	tell_warden(order, wardens.length);
}

static void hear(const struct warden_news *news)
{
	if (news->what != WARDEN_FOLLOWS) {
		begin_anew(news->what);
		return;
	}
	if (wardens.follows && !news->number && wardens.length)
		say("warn", "the agent has not said so again: what policies deny of files and programs is not refused any more");
	if (news->number && news->number != wardens.follows)
		say("info", "policies of files and programs are in force: table %08x", news->number);
	wardens.follows = news->number;
	wardens.unguarded = news->unguarded;
}

static void read_warden(struct counters *counters)
{
	static uint8_t body[FRAME_BYTES_MAX] __attribute__((aligned(8)));
	ssize_t length;

	while ((length = recv(wardens.fd, body, sizeof(body), MSG_DONTWAIT)) > 0)
		if (length == sizeof(struct warden_news))
			hear((const void *)body);
		else if ((size_t)length >= sizeof(struct frame_event))
			backlog_put(PIPE_AGENT, counters, body, (size_t)length);
	wardens.is_over = length == 0;
}

/* NULL, or why it is not followed. */
const char *wardens_order(const struct frame_order *given, size_t length)
{
	static struct file_table table;
	struct frame_order *order = (struct frame_order *)wardens.order;
	const char *fault;

	if (wardens.fd < 0)
		return "the site file_policy is not attached";
	if (length > sizeof(wardens.order))
		return "a file table is not as long";
	if (given->kind == FILE_TABLE) {
		fault = given->seconds ? file_table_read(&table, given + 1, length - sizeof(*given)) : "a table holds for a while";
		if (fault || table.head.number != given->number)
			return fault ? fault : "a table has the number that it is called by";
		memcpy(wardens.order, given, length);
		wardens.length = length;
	} else if (length != sizeof(*given) || (given->kind == FILE_LIFT ? given->seconds || given->number : !given->seconds))
		return "an order is a table, to hold one, or to lift it";
	else if (given->kind == FILE_HOLD && (!wardens.length || order->number != given->number))
		return "that table is not in force";
	if (given->kind == FILE_LIFT)
		wardens.length = 0;
	wardens.until_ns = boot_ns() + given->seconds * 1000000000ull;
	tell_warden(given, length);
	return NULL;
}

/* Number of the file table that is followed now; 0: none is. And how many of its paths are not guarded. */
uint32_t wardens_follow(uint32_t *unguarded)
{
	bool follows = wardens.follows && boot_ns() < wardens.until_ns;

	*unguarded = follows ? wardens.unguarded : 0;
	return follows ? wardens.follows : 0;
}

bool wardens_are_there(void)
{
	return wardens.fd >= 0;
}

void wardens_stop(void)
{
	if (wardens.fd < 0)
		return;
	shutdown(wardens.fd, SHUT_RDWR);
	close(wardens.fd);
	wardens.fd = -1;
}

/* An act of one of its processes. */
bool wardens_did(const struct frame_event *event)
{
	return wardens.keeper && (event->pid == (__u32)wardens.keeper || event->ppid == (__u32)wardens.keeper);
}

bool wardens_failed_lately(void)
{
	return wardens.failed_ns && boot_ns() - wardens.failed_ns < FAILED_TOLD_MS * 1000000ull;
}

/* Nobody is there to start another. */
bool wardens_are_over(void)
{
	return wardens.is_over;
}

/* Call as root, before anything is attached. false, with the reason: nothing is refused. */
bool wardens_start(const struct options *options, struct counters *counters, struct source *source, char reason[FRAME_REASON_BYTES_MAX + 1])
{
	const char *why = may_refuse();
	int pair[2], room = ROOM_BYTES;
	pid_t parent = getpid(), child = -1;

	if (!why && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		why = strerror(errno);
	if (!why) {
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
		child = fork();
		if (child == 0) {
			close(pair[1]);
			child_begins();
			keep(options, counters, pair[0], parent);
		}
		close(pair[0]);
		wardens.fd = pair[1];
		/* What it does until it waits for orders is over before anything is attached. */
		if (child < 0 || poll(&(struct pollfd){ .fd = pair[1], .events = POLLIN }, 1, START_MS) <= 0)
			why = child < 0 ? strerror(errno) : "its process does not start";
	}
	if (why) {
		wardens_stop();
		snprintf(reason, FRAME_REASON_BYTES_MAX + 1, "%s", why);
		return false;
	}
	wardens.keeper = child;
	children_leave(wardens.fd);
	*source = (struct source){ .fd = wardens.fd, .read = read_warden };
	return true;
}
