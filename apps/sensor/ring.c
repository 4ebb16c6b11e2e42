/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's ring buffer, read in place (BPF_MAP_TYPE_RINGBUF). Its data can be laid into memory twice, one behind the other, so that
 * no record is ever in two parts. Of that only a window lies there, which is moved on when it has been read.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor.h"

enum { WINDOW_BYTES = 256 << 10 }; /* a power of two; records begin in it, and one goes on behind it */

static struct ring {
	int fd;
	uint64_t bytes; /* a power of two */
	volatile uint64_t *consumed; /* up to where it has been read: whoever has a descriptor may write there */
	const volatile uint64_t *produced;
	const uint8_t *window; /* NULL: none yet */
	uint64_t window_at;
	size_t window_bytes;
} rings[PIPES] = { { .fd = -1 }, { .fd = -1 } };

/* Keeps a descriptor of its own. */
bool ring_open(enum pipe pipe, int map_fd)
{
	struct ring *ring = &rings[pipe];
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	size_t page = (size_t)getpagesize();
	void *consumed, *produced;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &length))
		return false;
	consumed = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	produced = mmap(NULL, page, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (consumed == MAP_FAILED || produced == MAP_FAILED)
		return false;
	ring->fd = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);
	ring->bytes = info.max_entries;
	ring->consumed = consumed;
	ring->produced = produced;
	return ring->fd >= 0;
}

static void close_window(struct ring *ring)
{
	if (ring->window)
		munmap((void *)ring->window, ring->window_bytes);
	ring->window = NULL;
}

static bool move_window(struct ring *ring, uint64_t at)
{
	uint64_t left = 2 * ring->bytes - at;
	off_t behind = 2 * getpagesize(); /* what was consumed, and produced */
	void *window;

	close_window(ring);
	ring->window_at = at;
	ring->window_bytes = left < WINDOW_BYTES + FRAME_BYTES_MAX ? left : WINDOW_BYTES + FRAME_BYTES_MAX;
	window = mmap(NULL, ring->window_bytes, PROT_READ, MAP_SHARED, ring->fd, behind + (off_t)at);
	ring->window = window == MAP_FAILED ? NULL : window;
	return ring->window;
}

/* What they were opened for goes on elsewhere, or not at all. */
void rings_close(void)
{
	size_t page = (size_t)getpagesize();

	for (struct ring *ring = rings; ring < rings + PIPES; ring++) {
		if (ring->fd < 0)
			continue;
		munmap((void *)ring->consumed, page);
		munmap((void *)ring->produced, page);
		close_window(ring);
		close(ring->fd);
		ring->fd = -1;
	}
}

/* To be polled: readable when there is something. -1: there is no ring. */
int ring_fd(enum pipe pipe)
{
	return rings[pipe].fd;
}

/* Up to where it has been read. */
uint64_t ring_at(enum pipe pipe)
{
	return *rings[pipe].consumed;
}

/* A quarter of it waits to be read. */
bool ring_fills(enum pipe pipe)
{
	const struct ring *ring = &rings[pipe];

	return ring->fd >= 0 && *ring->produced - *ring->consumed >= ring->bytes / 4;
}

/* The record at `at`; as much as any of ours is long lies behind its head. NULL: there is no memory for that now. */
static const uint8_t *record_at(struct ring *ring, uint64_t at)
{
	uint64_t place = at & (ring->bytes - 1) & ~7ull; /* records begin at multiples of eight, whatever somebody wrote there */
	uint64_t window_at = place & ~(uint64_t)(WINDOW_BYTES - 1);

	if ((!ring->window || ring->window_at != window_at) && !move_window(ring, window_at))
		return NULL;
	return ring->window + (place - window_at);
}

/* Gives each record to `take` until there is no more, or it does not return 0, which is the result then. */
int ring_read(enum pipe pipe, int (*take)(const void *body, size_t length))
{
	struct ring *ring = &rings[pipe];
	uint64_t at;
	int result = 0;

	if (ring->fd < 0)
		return 0;
	at = *ring->consumed;
	while (!result && at < __atomic_load_n(ring->produced, __ATOMIC_ACQUIRE)) {
		const uint8_t *head = record_at(ring, at);
		uint32_t word, length;

		if (!head)
			return -ENOMEM;
		word = __atomic_load_n((const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);
		length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (word & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(word & BPF_RINGBUF_DISCARD_BIT))
			result = take(head + BPF_RINGBUF_HDR_SZ, length);
		at += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
		__atomic_store_n(ring->consumed, at, __ATOMIC_RELEASE);
	}
	return result;
}
