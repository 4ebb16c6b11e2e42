/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal that ends the agent is told to the one that comes after it: what the ended one had not read yet is lost with it, and who
 * ended it would never be known. So signals that may end it wait until it has outlived them, or is gone.
 */
#include <signal.h>
#include <string.h>

#include "sensor.h"

enum { LATE_MAX = 8, OUTLIVED_MS = 5000 };
_Static_assert(LATE_MAX * (PREFIX_BYTES + FRAME_BYTES_MAX) <= OUT_BYTES, "they fit");

static struct { uint64_t due_ns; size_t length; uint8_t body[FRAME_BYTES_MAX]; } late[LATE_MAX];
static size_t late_count;
static __u32 agent;

/* 0: a process that we do not see. What ended the one before is told now. */
void late_agent(pid_t pid)
{
	agent = (__u32)pid;
	for (size_t i = 0; i < late_count; i++)
		late[i].due_ns = 0;
}

static bool may_end(__u32 number)
{
	static const int harmless[] = { SIGCONT, SIGURG, SIGWINCH, SIGCHLD, SIGHUP, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		if (number == (__u32)harmless[i])
			return false;
	return true;
}

/* Whether it is kept here; more than there is room for go their way at once. */
bool late_keep(const void *body, size_t length)
{
	const struct frame_event *event = body;

	if (event->kind != FRAME_SIGNAL || !agent || event->target.ref.pid != agent || !may_end(event->target.request) || late_count == LATE_MAX)
		return false;
	late[late_count].due_ns = boot_ns() + OUTLIVED_MS * 1000000ull;
	late[late_count].length = length;
	memcpy(late[late_count++].body, body, length);
	return true;
}

int64_t late_due_ms(uint64_t now_ns)
{
	if (late_count == 0)
		return INT32_MAX;
	return late[0].due_ns <= now_ns ? 0 : (int64_t)((late[0].due_ns - now_ns) / 1000000) + 1;
}

/* Those that are due, in their order. Call with an empty outbox. */
void late_put(struct outbox *out, uint64_t now_ns)
{
	size_t put = 0;

	while (put < late_count && late[put].due_ns <= now_ns) {
		out->end += put_body(out->bytes + out->end, late[put].body, late[put].length);
		put++;
	}
	late_count -= put;
	memmove(late, late + put, late_count * sizeof(*late));
}
