/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel did not permit. Of a refused open there is no file, only the name that was asked for: it is told where its last part is
 * that of a watched file, or the one before that of a watched directory; whether it really is one, refused.c finds out.
 */
#ifndef SEALWATCH_REFUSED_BPF_H
#define SEALWATCH_REFUSED_BPF_H

#include "event.bpf.h"
#include "file.bpf.h"
#include "task.bpf.h"

#define AT_FDCWD (-100)
#define PARTS_BYTES_MAX 256 /* what the last two parts of a name have at most */

struct asked {
	char name[PATH_BYTES];
	/* In memory, so that the verifier does not follow their values through the loop, and out of it. */
	__u32 length;
	__u32 digests[2]; /* of the last part, and of the one before */
	__u32 parts;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct asked);
} asked SEC(".maps");

static __always_inline bool is_refusal(long result)
{
	return result == -EPERM || result == -EACCES;
}

static __always_inline struct scratch *begin_refused(enum frame_refused_what what, __u32 call, long result)
{
	struct scratch *s = begin(SITE_refused, FRAME_REFUSED);

	if (!s)
		return NULL;
	s->event.refused.what = what;
	s->event.refused.error = -result;
	s->event.refused.call = call;
	return s;
}

/* Of a name of so many bytes, from its end. A name of one part is in the current directory, wherever that is. */
static __always_inline bool may_be_watched(struct asked *a)
{
	a->digests[0] = a->digests[1] = PART_BASIS;
	a->parts = 0;
	for (__u32 i = 0; i < PARTS_BYTES_MAX && i < a->length; i++) {
		char c = a->name[(a->length - 1 - i) & (PATH_BYTES - 1)];
		__u32 *digest = &a->digests[a->parts & 1];

		if (c != '/')
			*digest = part_digest(*digest, c);
		else if (++a->parts == 2)
			break;
	}
	return !a->parts || shared.marks[mark_of(a->digests[0])] || shared.marks[mark_of(directory_digest(a->digests[1]))];
}

/* Global, so that the verifier looks at it once. */
__noinline int refused_open(unsigned long name, long dir, long result)
{
	__u32 zero = 0;
	struct asked *a = bpf_map_lookup_elem(&asked, &zero);
	struct scratch *s;
	struct file *from;
	long length;

	if (!a || !is_refusal(result))
		return 0;
	length = bpf_probe_read_user_str(a->name, PATH_BYTES, (void *)name);
	if (length <= 1) /* counts the NUL */
		return 0;
	a->length = length - 1;
	if (!may_be_watched(a))
		return 0;
	s = begin_refused(FRAME_REFUSED_OPEN, GET(registers(), orig_ax), result);
	if (!s)
		return 0;
	length = a->length & FRAME_TEXT_BYTES_MAX;
	bpf_probe_read_kernel(text_room(s), length, a->name);
	text_done(s, TEXT_PATH, length);
	if (a->name[0] == '/')
		return end(s, SITE_refused);
	from = file_at((int)dir);
	if ((int)dir == AT_FDCWD || from)
		put_place(s, TEXT_FILENAME, from ? &from->f_path : &GET(current_task(), fs)->pwd);
	return end(s, SITE_refused);
}

#endif
