/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources outside BPF tell: put together here, and kept until agent and guard take it. As large as the ring of the kernel,
 * and counted as that is: what finds no room was produced and dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

static struct backlog {
	uint8_t *ring;
	size_t room, begin, end; /* the latter two only grow */
} backlogs[PIPES];

static struct frame_draft {
	union {
		struct frame_event event;
		uint8_t bytes[FRAME_BYTES_MAX];
	};
	size_t length;
} draft;

bool backlog_open(enum pipe pipe, size_t bytes)
{
	backlogs[pipe] = (struct backlog){ .ring = malloc(bytes), .room = bytes };
	return backlogs[pipe].ring;
}

/* An event of which nothing is known yet but its time. */
struct frame_event *draft_begin(enum frame_kind kind, enum frame_site site, uint64_t time_ns)
{
	memset(&draft.event, 0, sizeof(draft.event));
	draft.event.kind = (__u8)kind;
	draft.event.site = (__u8)site;
	draft.event.time_ns = time_ns;
	draft.event.uid = draft.event.euid = draft.event.gid = UNKNOWN_ID;
	draft.event.login_uid = draft.event.session_id = ~0u;
	draft.event.unsure = UNSURE_ACTOR;
	draft.length = sizeof(draft.event);
	return &draft.event;
}

/* Before the first text. */
void draft_ancestor(const struct frame_ref *ancestor)
{
	memcpy(draft.bytes + draft.length, ancestor, sizeof(*ancestor));
	draft.length += sizeof(*ancestor);
	draft.event.ancestors++;
}

/* In their order. */
void draft_text(enum frame_text text, const char *bytes, size_t length)
{
	if (length > FRAME_TEXT_BYTES_MAX) {
		length = FRAME_TEXT_BYTES_MAX;
		draft.event.flags |= FRAME_TRUNCATED;
	}
	memcpy(draft.bytes + draft.length, bytes, length);
	draft.length += length;
	draft.event.text_len[text] = (__u16)length;
}

static void copy_in(struct backlog *to, const void *bytes, size_t length)
{
	size_t at = to->end % to->room, first = length < to->room - at ? length : to->room - at;

	memcpy(to->ring + at, bytes, first);
	memcpy(to->ring, (const uint8_t *)bytes + first, length - first);
	to->end += length;
}

static void copy_out(const struct backlog *of, void *bytes, size_t length)
{
	size_t at = of->begin % of->room, first = length < of->room - at ? length : of->room - at;

	memcpy(bytes, of->ring + at, first);
	memcpy((uint8_t *)bytes + first, of->ring, length - first);
}

/* A finished event. Returns whether there was room. */
bool backlog_put(enum pipe pipe, struct counters *counters, const void *body, size_t length)
{
	struct backlog *to = &backlogs[pipe];
	const struct frame_event *event = body;
	uint32_t prefix = (uint32_t)length;
	bool fits = to->end - to->begin + PREFIX_BYTES + length <= to->room;

	counters_add(counters, event->site, 1, fits ? 0 : 1);
	if (fits) {
		copy_in(to, &prefix, PREFIX_BYTES);
		copy_in(to, body, length);
	}
	return fits;
}

void draft_tell(struct counters *counters)
{
	guard_saw(draft.bytes, draft.length);
	backlog_put(PIPE_AGENT, counters, draft.bytes, draft.length);
}

/* The event as it is by now, for who hands it over himself. */
const void *draft_body(size_t *length)
{
	*length = draft.length;
	return draft.bytes;
}

/* Moves what the outbox has room for. Returns whether nothing is left. */
bool backlog_drain(enum pipe pipe, struct outbox *out)
{
	struct backlog *of = &backlogs[pipe];

	while (of->begin < of->end && !outbox_full(out)) {
		uint32_t length;

		copy_out(of, &length, PREFIX_BYTES);
		copy_out(of, out->bytes + out->end, PREFIX_BYTES + length);
		out->end += PREFIX_BYTES + length;
		of->begin += PREFIX_BYTES + length;
	}
	return of->begin == of->end;
}
