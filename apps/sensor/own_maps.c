/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody with root can do to the sensor without touching it: take pins away, or put others in their place, and write into
 * the maps that it shares with its programs. Maps that nobody has to write to any more are frozen (attach.c); the others are looked at.
 */
#include <linux/bpf.h>
#include <string.h>

#include "sensor.h"

enum { MARKS_MAX = 6 * WATCHED_NAMES_MAX + 2 };

static struct {
	volatile struct shared *shared;
	struct shared expected; /* all but the marks */
	__u16 marks[MARKS_MAX]; /* that we set, and nobody ever unsets */
	size_t mark_count;
	struct frame_counts last[PIPES][SITE_COUNT];
} own;

/* Up to where each ring was read: that stands in a page of it, which whoever has a descriptor may write to. */
static uint64_t read_up_to[PIPES];

/* An event of so many bytes was taken out of it. */
void own_maps_taken(enum pipe pipe, size_t bytes)
{
	read_up_to[pipe] += (bytes + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
}

/* Where somebody else moved that, what lies between is told by nobody. */
static bool ring_moved(enum pipe pipe)
{
	bool moved = own.shared && ring_at(pipe) != read_up_to[pipe];

	if (moved)
		read_up_to[pipe] = ring_at(pipe);
	return moved;
}

/* Says, too, that somebody is here who takes what the programs tell. */
static void refresh(void)
{
	own.shared->until_ns = own.expected.until_ns = boot_ns() + OUTLIVING_SECONDS * 1000000000ull;
}

void own_maps_mark(__u32 mark)
{
	if (own.mark_count < MARKS_MAX)
		own.marks[own.mark_count++] = (__u16)mark;
}

/* From now on it is as it is now, but for what the programs themselves write. */
void own_maps_shared(volatile struct shared *shared)
{
	own.shared = shared;
	own.expected.introduction.pid_ns = shared->introduction.pid_ns;
	own.expected.repeat_ns = shared->repeat_ns;
	own.expected.by_object = shared->by_object;
	own.expected.prevents = shared->prevents;
	own.expected.has_guard = shared->has_guard;
	memcpy(own.expected.urgent, (const void *)shared->urgent, sizeof(own.expected.urgent));
	for (int pipe = 0; pipe < PIPES; pipe++)
		read_up_to[pipe] = ring_at(pipe);
	/* The sensor before knew an agent that may be gone by now. */
	for (int i = 0; i < OWN_MAX; i++)
		shared->own[i] = own.expected.own[i];
	refresh();
}

void own_maps_process(int which, __u32 pid)
{
	if (own.shared)
		refresh();
	own.expected.own[which] = pid;
}

static bool put_right(volatile __u32 *now, __u32 expected)
{
	bool altered = *now != expected;

	*now = expected;
	return altered;
}

static bool memory_altered(void)
{
	bool altered;

	if (!own.shared)
		return false;
	altered = put_right(&own.shared->introduction.pid, 0);
	altered |= put_right(&own.shared->introduction.pid_ns, own.expected.introduction.pid_ns);
	altered |= own.shared->repeat_ns != own.expected.repeat_ns;
	own.shared->repeat_ns = own.expected.repeat_ns;
	altered |= put_right(&own.shared->by_object, own.expected.by_object);
	altered |= put_right(&own.shared->prevents, own.expected.prevents);
	altered |= put_right(&own.shared->has_guard, own.expected.has_guard);
	altered |= own.shared->until_ns != own.expected.until_ns;
	refresh();
	for (int i = 0; i < OWN_MAX; i++)
		altered |= put_right(&own.shared->own[i], own.expected.own[i]);
	altered |= memcmp((const void *)own.shared->urgent, own.expected.urgent, sizeof(own.expected.urgent)) != 0;
	memcpy((void *)own.shared->urgent, own.expected.urgent, sizeof(own.expected.urgent));
	for (size_t i = 0; i < own.mark_count; i++) {
		altered |= !own.shared->marks[own.marks[i]];
		own.shared->marks[own.marks[i]] = 1;
	}
	return altered;
}

static bool counters_went_back(const struct counters *all)
{
	bool back = false;

	for (int pipe = 0; pipe < PIPES; pipe++)
		for (int site = 0; site < SITE_COUNT; site++) {
			struct frame_counts now = counters_read(&all[pipe], site), *last = &own.last[pipe][site];

			now.produced += all[pipe].site[site].own;
			back |= now.produced < last->produced || now.dropped < last->dropped || now.sent < last->sent;
			*last = now;
		}
	return back;
}

/* enum frame_harm, or-ed: what was done since the last look. */
uint8_t own_maps_look(const struct counters *counters)
{
	uint8_t harms = 0;

	if (pins_changed())
		harms |= FRAME_HARM_PIN;
	if (memory_altered() | policies_altered() | protected_altered() | ring_moved(PIPE_AGENT) | ring_moved(PIPE_GUARD))
		harms |= FRAME_HARM_MEMORY;
	if (counters_went_back(counters))
		harms |= FRAME_HARM_COUNTERS;
	return harms;
}
