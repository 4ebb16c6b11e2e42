/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to the agent, and the one to the guard: each has its hello, its counts and its reports. */
#include <string.h>

#include "sensor.h"

enum { CHANGED_REPORT_MS = 1000, HEARTBEAT_MS = 5000 };

static struct frame_state state_of(const struct listener *to, const struct frame_state *common)
{
	struct frame_state state = *common;

	state.counters = to->out.counters;
	state.time_ns = boot_ns();
	state.start = to->start;
	state.table = to->table();
	return state;
}

bool listener_connect(struct listener *to, const struct frame_state *common)
{
	uint8_t hello[HELLO_BYTES_MAX];
	struct frame_state state = state_of(to, common);

	if (!outbox_connect(&to->out, to->path, hello, put_hello(hello, &state)))
		return false;
	own_process(to->own, outbox_peer(&to->out));
	say("info", "connected to the %s on %s", to->name, to->path);
	to->start = FRAME_AGAIN;
	return true;
}

static bool anything_changed(const struct listener *to, const struct frame_state *state)
{
	const struct frame_report *last = &to->reported;

	if (state->blind != last->blind || state->harms != last->harms || to->table() != last->table ||
	    state->file_table != last->file_table || state->unguarded != last->unguarded)
		return true;
	for (int site = 0; site < SITE_COUNT; site++) {
		struct frame_counts now = counters_read(to->out.counters, site);

		if (memcmp(&now, &last->counts[site], sizeof(now)))
			return true;
	}
	return false;
}

int64_t listener_report_due_ms(const struct listener *to, const struct frame_state *state)
{
	int64_t since = (int64_t)((boot_ns() - to->reported.time_ns) / 1000000);
	int64_t due = (anything_changed(to, state) ? CHANGED_REPORT_MS : HEARTBEAT_MS) - since;

	return due < 0 ? 0 : due;
}

/* To an empty outbox only: so `sent` tells what precedes it, exactly. */
void listener_report(struct listener *to, const struct frame_state *common)
{
	struct frame_state state = state_of(to, common);

	to->out.end += put_report(to->out.bytes + to->out.end, &state);
	memcpy(&to->reported, to->out.bytes + PREFIX_BYTES, sizeof(to->reported));
}
