/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A file as an event tells it: by object, with a path for people. */
#ifndef SEALWATCH_FILE_BPF_H
#define SEALWATCH_FILE_BPF_H

#include "event.bpf.h"

/* The kernel writes "memfd:" before the name its user chose, and such a dentry is its own parent. */
static __always_inline bool is_memfd(struct dentry *dentry)
{
	__u64 prefix = 0;

	bpf_probe_read_kernel(&prefix, 6, GET(dentry, d_name.name));
	return dentry == GET(dentry, d_parent) && prefix == 0x3a64666d656d;
}

static __always_inline struct file *file_at(long fd)
{
	struct fdtable *table = GET(current_task(), files, fdt);
	struct file *file = NULL;

	if (fd < 0 || fd >= GET(table, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), GET(table, fd) + fd);
	return file;
}

static __always_inline bool is_nameless(struct file *file)
{
	struct dentry *dentry = GET(file, f_path.dentry);

	return is_memfd(dentry) || !GET(file, f_inode, i_nlink) || !GET(dentry, d_hash.pprev);
}

static __always_inline void put_file(struct scratch *s, struct file *file)
{
	struct frame_file *f = &s->event.file;
	struct inode *inode = GET(file, f_inode);
	struct dentry *dentry = GET(file, f_path.dentry);

	f->ino = GET(inode, i_ino);
	f->dev = GET(inode, i_sb, s_dev);
	f->mode = GET(inode, i_mode);
	f->nlink = GET(inode, i_nlink);
	f->uid = GET(inode, i_uid.val);
	f->fs_magic = GET(inode, i_sb, s_magic);
	if (is_memfd(dentry))
		s->event.flags |= FRAME_MEMFD | FRAME_UNLINKED;
	else if (is_nameless(file))
		s->event.flags |= FRAME_UNLINKED;
	put_path(s, TEXT_PATH, file);
}

#endif
