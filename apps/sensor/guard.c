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
static const struct watch_entry *watch;
static size_t watch_count;
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

/* false: errno says why not. */
bool guard_open(const struct options *options, struct counters *counters, enum frame_start start, const struct frame_state *state)
{
	guard.path = options->guard_socket;
	guard.out.counters = &counters[PIPE_GUARD];
	guard.start = start;
	watch = options->watch;
	watch_count = options->watch_count;
	common = state;
	return !guard.path || backlog_open(PIPE_GUARD, BACKLOG_BYTES);
}

static const uint8_t *text_of(const struct frame_event *event, int text)
{
	size_t at = sizeof(*event) + event->ancestors * sizeof(struct frame_ref);

	for (int i = 0; i < text; i++)
		at += event->text_len[i];
	return (const uint8_t *)event + at;
}

static bool is_watched_urgently(const struct frame_event *event)
{
	const uint8_t *watched = text_of(event, TEXT_WATCHED);
	size_t length = event->text_len[TEXT_WATCHED];

	for (size_t i = 0; i < watch_count; i++)
		if (watch[i].words & ENTRY_URGENT && strlen(watch[i].path) == length &&
		    memcmp(watched, watch[i].path, length) == 0)
			return true;
	return false;
}

static bool is_urgent(const struct frame_event *event)
{
	switch (event->kind) {
	case FRAME_PTRACE:
		return protected_is(event->target.ref.pid, event->target.ref.start_ns);
	case FRAME_EXEC:
		return protected_is(event->pid, event->start_ns) ||
		       protected_has_image(text_of(event, TEXT_PATH), event->text_len[TEXT_PATH]);
	case FRAME_EXIT:
	case FRAME_FORK:
		return protected_is(event->pid, event->start_ns);
	case FRAME_FILE_OPEN:
	case FRAME_FILE_CHANGE:
	case FRAME_FILE_DENIED:
		return is_watched_urgently(event);
	}
	return false;
}

/* An event on its way to the agent that no program has told the guard. */
void guard_saw(const void *body, size_t length)
{
	if (guard.path && is_urgent(body))
		backlog_put(PIPE_GUARD, guard.out.counters, body, length);
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
