/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * io_uring: calls without calls. Who sets a ring up, and the opens that it does, found when they complete: their descriptor is in the
 * table of the process by then. One that goes into the ring's own table instead is told by the name that was asked for, and judged
 * by what lies there.
 */
#include "event.bpf.h"
#include "file.bpf.h"

#define URING_OPENAT 18
#define URING_OPENAT2 28

static __always_inline struct scratch *begin_uring(enum frame_uring_what what)
{
	struct scratch *s = begin(SITE_io_uring, FRAME_URING);

	if (s)
		s->event.uring.what = what;
	return s;
}

/* args: descriptor, ring, entries to submit, entries to complete, flags */
SEC("raw_tp/io_uring_create")
int io_uring__create(struct bpf_raw_tracepoint_args *ctx)
{
	struct scratch *s = begin_uring(FRAME_URING_SETUP);

	if (!s)
		return 0;
	s->event.uring.flags = ctx->args[4];
	return end(s, SITE_io_uring);
}

static __always_inline int slot_opened(struct io_open *open)
{
	struct scratch *s = begin_uring(FRAME_URING_OPEN);
	long length;

	if (!s)
		return 0;
	length = bpf_probe_read_kernel_str(text_room(s), FRAME_TEXT_BYTES_MAX, GET(open, filename, name));
	if (length > 1) /* counts the NUL */
		text_done(s, TEXT_PATH, (length - 1) & FRAME_TEXT_BYTES_MAX);
	return end(s, SITE_io_uring);
}

#define ANY_SLOT (~0u)
#define SLOTS_MAX (1u << 20)
#define FILE_POINTER_FLAGS 7ul

/* What lies in the ring's own table now; slots are counted from 1, and the kernel says which it took where any will do. NULL: nothing. */
static __always_inline struct file *file_in_slot(struct io_kiocb *request)
{
	__u32 slot = GET((struct io_open *)request, file_slot);
	struct io_ring_ctx *ring = GET(request, ctx);
	unsigned long pointer = 0;

	slot = slot == ANY_SLOT ? (__u32)GET(request, cqe.res) : slot - 1;
	if (slot >= SLOTS_MAX)
		return NULL;
	if (bpf_core_field_exists(ring->file_table.data.nodes)) {
		struct io_rsrc_node *node = NULL;

		bpf_probe_read_kernel(&node, sizeof(node), GET(ring, file_table.data.nodes) + slot);
		pointer = GET(node, file_ptr);
	} else {
		struct io_file_table___before *table = (void *)ring + bpf_core_field_offset(struct io_ring_ctx, file_table);
		struct io_fixed_file *files = GET(table, files);

		pointer = GET(files + slot, file_ptr);
	}
	return (struct file *)(pointer & ~FILE_POINTER_FLAGS);
}

/* args: ring, request. Before 5.19 there is no request among them. */
SEC("raw_tp/io_uring_complete")
int io_uring__complete(struct bpf_raw_tracepoint_args *ctx)
{
	struct io_kiocb *request = (void *)ctx->args[1];
	__u8 call;
	int result;

	if (!bpf_core_field_exists(request->cqe))
		return 0;
	call = GET(request, opcode);
	if (call != URING_OPENAT && call != URING_OPENAT2)
		return 0;
	result = GET(request, cqe.res);
	if (result < 0)
		return 0;
	if (GET((struct io_open *)request, file_slot)) {
		file_opened(file_in_slot(request), SITE_io_uring);
		return slot_opened((struct io_open *)request);
	}
	return opened(result, SITE_io_uring);
}
