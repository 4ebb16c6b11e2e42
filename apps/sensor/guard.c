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
	struct frame_counts last[SITE_COUNT];
	uint8_t harms, said;
} guard;

/* Up to where the ring was read: that stands in a page of it, which whoever has a descriptor may write to. */
static uint64_t read_up_to;

/* An event of so many bytes was taken out of it. */
void guard_taken(size_t bytes)
{
	read_up_to += (bytes + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
}

/* Where somebody else moved that, what lies between is told by nobody. */
static bool ring_moved(void)
{
	bool moved = guard.shared && ring_at() != read_up_to;

	if (moved)
		read_up_to = ring_at();
	return moved;
}

/* Says, too, that somebody is here who takes what the programs tell. */
static void refresh(void)
{
	guard.shared->until_ns = guard.expected.until_ns = boot_ns() + OUTLIVING_SECONDS * 1000000000ull;
}

void guard_mark(__u32 mark)
{
	if (guard.mark_count < MARKS_MAX)
		guard.marks[guard.mark_count++] = (__u16)mark;
}

/* From now on it is as it is now, but for what the programs themselves write. */
void guard_shared(volatile struct shared *shared)
{
	guard.shared = shared;
	guard.expected.introduction.pid_ns = shared->introduction.pid_ns;
	guard.expected.repeat_ns = shared->repeat_ns;
	guard.expected.by_object = shared->by_object;
	read_up_to = ring_at();
	/* The sensor before knew an agent that may be gone by now. */
	for (int i = 0; i < PROTECTED_MAX; i++)
		shared->protected[i] = guard.expected.protected[i];
	refresh();
}

void guard_protected(int which, __u32 pid)
{
	if (guard.shared)
		refresh();
	guard.expected.protected[which] = pid;
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

	if (!guard.shared)
		return false;
	altered = put_right(&guard.shared->introduction.pid, 0);
	altered |= put_right(&guard.shared->introduction.pid_ns, guard.expected.introduction.pid_ns);
	altered |= guard.shared->repeat_ns != guard.expected.repeat_ns;
	guard.shared->repeat_ns = guard.expected.repeat_ns;
	altered |= put_right(&guard.shared->by_object, guard.expected.by_object);
	altered |= guard.shared->until_ns != guard.expected.until_ns;
	refresh();
	for (int i = 0; i < PROTECTED_MAX; i++)
		altered |= put_right(&guard.shared->protected[i], guard.expected.protected[i]);
	for (size_t i = 0; i < guard.mark_count; i++) {
		altered |= !guard.shared->marks[guard.marks[i]];
		guard.shared->marks[guard.marks[i]] = 1;
	}
	return altered;
}

static bool counters_went_back(const struct counters *counters)
{
	bool back = false;

	for (int site = 0; site < SITE_COUNT; site++) {
		struct frame_counts now = counters_read(counters, site);

		now.produced += counters->site[site].own;
		back |= now.produced < guard.last[site].produced || now.dropped < guard.last[site].dropped ||
			now.sent < guard.last[site].sent;
		guard.last[site] = now;
	}
	return back;
}

/* enum frame_harm, or-ed: all that was seen since the start. */
uint8_t guard_look(const struct counters *counters)
{
	static const char *const texts[] = { "what it has pinned was removed or replaced", "memory shared with the programs was overwritten",
					     "a counter went back" };

	if (pins_changed())
		guard.harms |= FRAME_HARM_PIN;
	if (memory_altered() | policies_altered() | ring_moved())
		guard.harms |= FRAME_HARM_MEMORY;
	if (counters_went_back(counters))
		guard.harms |= FRAME_HARM_COUNTERS;
	for (int i = 0; i < 3; i++)
		if ((guard.harms & ~guard.said) >> i & 1)
			say("critical", "somebody harms the sensor: %s", texts[i]);
	guard.said = guard.harms;
	return guard.harms;
}
