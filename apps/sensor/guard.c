/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's pipe (docs/formats/frame.md, 12): what is urgent, as it comes. Its programs' ring and its backlog wait for it, and what
 * finds no room there is counted; a guard that is slow or away costs the agent nothing.
 */
#include <errno.h>
#include <string.h>

#include "sensor.h"

enum { CONNECT_EACH_MS = 100, BACKLOG_BYTES = 1 << 20, ROUNDS_MAX = 8 };

static struct listener guard = { .name = "guard", .own = OWN_GUARD, .table = protected_in_force, .out = { .fd = -1 } };
static const struct frame_state *common;
static uint64_t tried_ns;
static bool deceived; /* no program of ours writes what was in the ring */

static int take(const void *body, size_t length)
{
	const struct frame_event *event = body;
	bool own;

	own_maps_taken(PIPE_GUARD, length);
	if (length < sizeof(*event) || length > FRAME_BYTES_MAX || event->site >= SITE_COUNT) {
		deceived = true;
		return -EBADMSG;
	}
	own = takeover_did(event);
	counters_taken(guard.out.counters, event->site, ring_at(PIPE_GUARD), own);
	if (!own)
		guard.out.end += put_body(guard.out.bytes + guard.out.end, body, length);
	return outbox_full(&guard.out) ? -ENOBUFS : 0;
}

/* `path` NULL: there is no guard. false: errno says why not. */
bool guard_open(const char *path, struct counters *counters, enum frame_start start, const struct frame_state *state)
{
	guard.path = path;
	guard.out.counters = &counters[PIPE_GUARD];
	guard.start = start;
	common = state;
	return !path || backlog_open(PIPE_GUARD, BACKLOG_BYTES);
}

static bool is_path(const struct frame_event *event, enum frame_text text, const char *path)
{
	size_t at = sizeof(*event) + event->ancestors * sizeof(struct frame_ref);

	for (int i = 0; i < (int)text; i++)
		at += event->text_len[i];
	return event->text_len[text] == strlen(path) && memcmp((const uint8_t *)event + at, path, strlen(path)) == 0;
}

static bool is_urgent(const struct frame_event *event)
{
	enum { TO_WRITE = 3 }; /* O_WRONLY, O_RDWR */

	switch (event->kind) {
	case FRAME_PTRACE:
		return protected_is(event->target.ref.pid, event->target.ref.start_ns);
	case FRAME_EXEC:
	case FRAME_EXIT:
	case FRAME_FORK:
		return protected_is(event->pid, event->start_ns);
	case FRAME_FILE_OPEN:
		return event->file.open_flags & TO_WRITE && is_path(event, TEXT_WATCHED, "/etc/ld.so.preload");
	case FRAME_FILE_CHANGE:
		return is_path(event, TEXT_WATCHED, "/etc/ld.so.preload");
	}
	return false;
}

/* An event on its way to the agent that no program has told the guard. */
void guard_saw(const void *body, size_t length)
{
	const struct frame_event *event = body;

	if (guard.path && is_urgent(event) && backlog_put(PIPE_GUARD, guard.out.counters, body, length))
		guard.out.counters->site[event->site].taken++; /* as out of the ring: it is lost with a sensor that is killed */
}

/* Moves what there is, as far as it is taken now. Returns whether nothing is left. */
bool guard_turn(void)
{
	bool more = true;

	if (!guard.path)
		return true;
	if (guard.out.fd < 0) {
		if (boot_ns() - tried_ns < CONNECT_EACH_MS * 1000000ull)
			return true;
		tried_ns = boot_ns();
		if (!listener_connect(&guard, common))
			return true;
	}
	for (int i = 0; i < ROUNDS_MAX && more && outbox_flush(&guard.out); i++) {
		if (listener_report_due_ms(&guard, common) == 0)
			listener_report(&guard, common);
		more = ring_read(PIPE_GUARD, take) == -ENOBUFS;
		more |= !backlog_drain(PIPE_GUARD, &guard.out);
		outbox_flush(&guard.out);
	}
	return !more && guard.out.end == 0;
}

bool guard_deceived(void)
{
	return deceived;
}

/* What to wait for. */
void guard_poll(struct pollfd fds[GUARD_FDS])
{
	bool waits = guard.out.fd >= 0 && guard.out.written < guard.out.end;

	fds[0] = (struct pollfd){ .fd = guard.out.fd, .events = (short)(waits ? POLLIN | POLLOUT : POLLIN) };
	fds[1] = (struct pollfd){ .fd = guard.out.fd >= 0 && !waits ? ring_fd(PIPE_GUARD) : -1, .events = POLLIN };
}

/* What it says, once that has come. */
void guard_hear(const struct pollfd fds[GUARD_FDS])
{
	if (!(fds[0].revents & (POLLIN | POLLHUP | POLLERR)) || guard.out.fd < 0 || orders_read(&protected_inbox, guard.out.fd))
		return;
	say("warn", "the guard went away; what is urgent waits until it is back");
	orders_end(&protected_inbox);
	outbox_disconnect(&guard.out);
}

int64_t guard_due_ms(void)
{
	if (!guard.path)
		return INT32_MAX;
	return guard.out.fd < 0 ? CONNECT_EACH_MS : listener_report_due_ms(&guard, common);
}

/* Nothing more comes. Whether it has been told all, or nobody listens. */
bool guard_is_told(void)
{
	static bool told;

	if (guard_turn() && !told && guard.out.fd >= 0) {
		listener_report(&guard, common);
		outbox_flush(&guard.out);
		told = true;
	}
	return guard.out.fd < 0 || (told && guard.out.end == 0);
}
