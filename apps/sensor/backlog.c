/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources outside BPF tell: put together here, and kept until the agent takes it. As large as the ring of the kernel,
 * and counted as that is: what finds no room was produced and dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

static uint8_t *ring;
static size_t room, begin, end; /* the latter two only grow */

static struct frame_draft {
	union {
		struct frame_event event;
		uint8_t bytes[FRAME_BYTES_MAX];
	};
	size_t length;
} draft;

bool backlog_open(size_t bytes)
{
	ring = malloc(bytes);
	room = bytes;
	return ring;
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

static void copy_in(const void *bytes, size_t length)
{
	size_t at = end % room, first = length < room - at ? length : room - at;

	memcpy(ring + at, bytes, first);
	memcpy(ring, (const uint8_t *)bytes + first, length - first);
	end += length;
}

static void copy_out(size_t from, void *bytes, size_t length)
{
	size_t at = from % room, first = length < room - at ? length : room - at;

	memcpy(bytes, ring + at, first);
	memcpy((uint8_t *)bytes + first, ring, length - first);
}

/* A finished event. */
void backlog_put(const void *body, size_t length, struct counters *counters)
{
	uint32_t prefix = (uint32_t)length;
	bool fits = end - begin + PREFIX_BYTES + length <= room;

	counters_add(counters, ((const struct frame_event *)body)->site, 1, fits ? 0 : 1);
	if (!fits)
		return;
	copy_in(&prefix, PREFIX_BYTES);
	copy_in(body, length);
}

void draft_tell(struct counters *counters)
{
	backlog_put(draft.bytes, draft.length, counters);
}

/* The event as it is by now, for who hands it over himself. */
const void *draft_body(size_t *length)
{
	*length = draft.length;
	return draft.bytes;
}

/* Moves what the outbox has room for. Returns whether nothing is left. */
bool backlog_drain(struct outbox *out)
{
	while (begin < end && !outbox_full(out)) {
		uint32_t length;

		copy_out(begin, &length, PREFIX_BYTES);
		copy_out(begin, out->bytes + out->end, PREFIX_BYTES + length);
		out->end += PREFIX_BYTES + length;
		begin += PREFIX_BYTES + length;
	}
	return begin == end;
}
