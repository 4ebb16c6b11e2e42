/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes on their way into the outbox. They are fetched before the ring is emptied and put behind what was in it: so the agent
 * knows by then who the actor is, and what an open has made, the ring has told. A message of one byte is no change but an answer.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sensor.h"

enum { STAGED_MAX = 15 }; /* of the longest fit into an empty outbox */
enum { CREATED_MAX = 256 };
_Static_assert(STAGED_MAX * (PREFIX_BYTES + FRAME_BYTES_MAX) <= OUT_BYTES, "they fit");

static struct { size_t length; uint8_t body[FRAME_BYTES_MAX]; } staged[STAGED_MAX];
static size_t staged_count;

/* Each second the process that tells of changes is asked whether it lives: one that is stopped, or held up by a file system, tells nothing. */
enum { SILENT_MS = 6000, TOLD_MS = 2000 };
static uint64_t asked_ns; /* 0: nobody waits for an answer */
static bool has_heard_all;

/* What opens have made lately. */
static struct { uint64_t ino; uint32_t dev, pid; } created[CREATED_MAX];
static size_t created_count;

/* Each event of the ring. */
void relay_saw(const void *body)
{
	const struct frame_event *event = body;
	size_t row = created_count % CREATED_MAX;

	if (event->kind != FRAME_FILE_OPEN || !(event->file.open_flags & 0100)) /* O_CREAT */
		return;
	created[row].ino = event->file.ino;
	created[row].dev = event->file.dev;
	created[row].pid = event->pid;
	created_count++;
}

static bool is_told(const struct frame_event *event)
{
	if (event->change.what != CHANGE_CREATE)
		return false;
	for (size_t i = 0; i < CREATED_MAX; i++)
		if (created[i].pid && created[i].pid == event->pid && created[i].ino == event->change.ino &&
		    created[i].dev == event->change.dev) {
			created[i].pid = 0;
			return true;
		}
	return false;
}

/* Returns whether the other side lives. */
bool relay_fetch(int fd)
{
	while (staged_count < STAGED_MAX) {
		ssize_t length = recv(fd, staged[staged_count].body, FRAME_BYTES_MAX, MSG_DONTWAIT);

		has_heard_all = length < 0;
		if (length < 0)
			return errno == EAGAIN || errno == EINTR;
		if (length == 0)
			return false;
		asked_ns = 0;
		if (length > 1)
			staged[staged_count++].length = (size_t)length;
	}
	return true;
}

void relay_ask(int fd)
{
	if (!asked_ns && send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		asked_ns = boot_ns();
}

/* It has not said anything since it was asked, or had not until a moment ago. One that was stopped goes on by this. */
bool relay_is_silent(void)
{
	static uint64_t told_until_ns;
	uint64_t now_ns = boot_ns();

	if (asked_ns && has_heard_all && now_ns - asked_ns >= SILENT_MS * 1000000ull) {
		told_until_ns = now_ns + TOLD_MS * 1000000ull;
		kill(changes_pid(), SIGCONT);
	}
	return now_ns < told_until_ns;
}

/* Call with an empty outbox, once the ring has been emptied after the fetch. */
void relay_put(struct outbox *out)
{
	for (size_t i = 0; i < staged_count; i++) {
		if (is_told((const void *)staged[i].body))
			continue;
		counters_add(out->counters, SITE_file_change, 1, 0);
		guard_saw(staged[i].body, staged[i].length);
		out->end += put_body(out->bytes + out->end, staged[i].body, staged[i].length);
	}
	staged_count = 0;
}
