/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's ring buffer, read in place (BPF_MAP_TYPE_RINGBUF). libbpf lays its data into memory twice, one behind the other, so that
 * no record is ever in two parts; here it lies there once, and the one record in thousands that goes over the end is put together.
 */
#include <bpf/bpf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor.h"

static struct ring {
	int fd;
	uint64_t bytes; /* a power of two */
	volatile uint64_t *consumed; /* up to where it has been read: whoever has a descriptor may write there */
	const volatile uint64_t *produced;
	const uint8_t *data;
	uint8_t whole[FRAME_BYTES_MAX]; /* a record that was put together */
} rings[PIPES] = { { .fd = -1 }, { .fd = -1 } };

/* Keeps a descriptor of its own. */
bool ring_open(enum pipe pipe, int map_fd)
{
	struct ring *ring = &rings[pipe];
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	size_t page = (size_t)getpagesize();
	uint8_t *first, *rest;

	if (bpf_obj_get_info_by_fd(map_fd, &info, &length))
		return false;
	first = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	rest = mmap(NULL, page + info.max_entries, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (first == MAP_FAILED || rest == MAP_FAILED)
		return false;
	ring->fd = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);
	ring->bytes = info.max_entries;
	ring->consumed = (void *)first;
	ring->produced = (void *)rest;
	ring->data = rest + page;
	return ring->fd >= 0;
}

/* What they were opened for goes on elsewhere, or not at all. */
void rings_close(void)
{
	size_t page = (size_t)getpagesize();

	for (struct ring *ring = rings; ring < rings + PIPES; ring++) {
		if (ring->fd < 0)
			continue;
		munmap((void *)ring->consumed, page);
		munmap((void *)ring->produced, page + ring->bytes);
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

/* The body behind a header at `at`. What is longer than any of ours comes with its length, and no more of it than that may be read. */
static const void *body_at(struct ring *ring, uint64_t at, uint32_t length)
{
	uint64_t from = (at + BPF_RINGBUF_HDR_SZ) & (ring->bytes - 1), first = ring->bytes - from;
	size_t wanted = length < sizeof(ring->whole) ? length : sizeof(ring->whole);

	if (wanted <= first)
		return ring->data + from;
	memcpy(ring->whole, ring->data + from, first);
	memcpy(ring->whole + first, ring->data, wanted - first);
	return ring->whole;
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
		/* Records begin at multiples of eight, whatever somebody wrote there. */
		const uint8_t *head = ring->data + (at & (ring->bytes - 1) & ~7ull);
		uint32_t word = __atomic_load_n((const uint32_t *)(const void *)head, __ATOMIC_ACQUIRE);
		uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(word & BPF_RINGBUF_DISCARD_BIT))
			result = take(body_at(ring, at & ~7ull, length), length);
		at += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
		__atomic_store_n(ring->consumed, at, __ATOMIC_RELEASE);
	}
	return result;
}
