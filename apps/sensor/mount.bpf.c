/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What changes what paths lead to: mount, umount, move_mount, pivot_root. With the names that were asked for, as user memory has them when
 * the call returns; told where it succeeded, or was not permitted. And how the sensor learns what a watched path leads to by now.
 */
#include "event.bpf.h"
#include "file.bpf.h"
#include "task.bpf.h"

static __always_inline void put_asked_name(struct scratch *s, enum frame_text text, unsigned long name, long dir)
{
	long length = bpf_probe_read_user_str(text_room(s), FRAME_TEXT_BYTES_MAX, (void *)name);

	if (length > 1) /* counts the NUL */
		text_done(s, text, (length - 1) & FRAME_TEXT_BYTES_MAX);
	else if (dir >= 0)
		put_path(s, text, file_at(dir));
}

struct mounting {
	unsigned long source, target, flags;
	long source_dir, target_dir; /* descriptors; -1: none */
	long result;
	enum frame_mount_call call;
};

static __always_inline int mounted(const struct mounting *m)
{
	struct scratch *s;

	if ((m->result && m->result != -EPERM && m->result != -EACCES) || is_the(OWN_CHANGES, GET(current_task(), group_leader)))
		return 0;
	s = begin(SITE_mount, FRAME_MOUNT);
	if (!s)
		return 0;
	s->event.mount.call = m->call;
	s->event.mount.error = -m->result;
	s->event.mount.flags = m->flags;
	put_asked_name(s, TEXT_PATH, m->target, m->target_dir);
	put_asked_name(s, TEXT_FILENAME, m->source, m->source_dir);
	return end(s, SITE_mount);
}

SEC("tp/syscalls/sys_exit_mount")
int mount__mount(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	struct mounting m = { GET(regs, di), GET(regs, si), GET(regs, r10), -1, -1, ctx->ret, FRAME_MOUNT_MOUNT };

	return mounted(&m);
}

SEC("tp/syscalls/sys_exit_umount")
int mount__umount(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	struct mounting m = { 0, GET(regs, di), GET(regs, si), -1, -1, ctx->ret, FRAME_MOUNT_UMOUNT };

	return mounted(&m);
}

SEC("tp/syscalls/sys_exit_pivot_root")
int mount__pivot_root(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	struct mounting m = { GET(regs, si), GET(regs, di), 0, -1, -1, ctx->ret, FRAME_MOUNT_PIVOT_ROOT };

	return mounted(&m);
}

/*
 * The process that looks after what is watched shows a file that a watched path leads to now, by a call that does nothing else (it may
 * not mount, and its flags are none). User space cannot put it into the maps, which are frozen.
 */
static __always_inline int learn(struct file *file, __u32 entry)
{
	struct inode *inode = GET(file, f_inode);
	struct object self = object_of(inode);
	struct watch value = { WATCH_OBJECT, entry };
	struct watch *known = bpf_map_lookup_elem(&watched, &self);

	if (!file)
		return 0;
	if ((GET(inode, i_mode) & S_IFMT) == S_IFDIR)
		value.how = WATCH_ALL;
	if (known) {
		value.how |= known->how;
		if (known->entry < entry)
			value.entry = known->entry;
	}
	bpf_map_update_elem(&watched, &self, &value, BPF_ANY);
	shared.marks[mark_of(self.ino)] = 1;
	return 0;
}

SEC("tp/syscalls/sys_exit_move_mount")
int mount__move_mount(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	struct mounting m = { GET(regs, si), GET(regs, r10), GET(regs, r8), (int)GET(regs, di), (int)GET(regs, dx), ctx->ret, FRAME_MOUNT_MOVE };

	if (m.flags & INTRODUCES && is_the(OWN_CHANGES, GET(current_task(), group_leader)))
		return learn(file_at(m.source_dir), m.flags & ~INTRODUCES);
	return mounted(&m);
}
