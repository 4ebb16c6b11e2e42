/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all programs need: counters, the ring, and an event with its actor filled in. */
#ifndef SEALWATCH_EVENT_BPF_H
#define SEALWATCH_EVENT_BPF_H

#include "kernel.h"
#include "maps.h"

#define PATH_DEPTH_MAX 64

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PIPES);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} ring SEC(".maps");

/*
 * Events are of very different sizes, so they are put together in a per-CPU scratch and copied to the ring once their
 * size is known. Reserving the longest possible event in the ring would make it hold 300 events instead of 12,000.
 */
struct scratch {
	__u64 busy;
	__u32 at;      /* where the next text begins in bytes */
	__u32 path_at; /* where the walked path begins in path */
	__u32 urgent;  /* it concerns the guard, for what the frame itself does not say */
	struct path *walked;
	struct watched_name name;
	union {
		char path[PATH_BYTES + NAME_BYTES];
		__u64 path_words[2];
	};
	union {
		struct frame_event event;
		__u64 words[POLICY_PATH_BYTES / 8]; /* a path that is hashed */
		__u8 bytes[FRAME_BYTES_MAX + PATH_BYTES]; /* the verifier sees no more than "at any place, any text" */
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct shared shared;

static __always_inline struct frame_counts *counts_of(__u32 pipe, __u32 site)
{
	struct counters *all = bpf_map_lookup_elem(&counters, &pipe);
	return all ? &all->site[site & (FRAME_SITES_MAX - 1)].counts : NULL;
}

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task(); /* the _btf form is younger than 5.10 */
}

/* The number of a task in the pid namespace it lives in, and that namespace. */
static __always_inline struct upid *own_number(struct task_struct *task)
{
	struct pid *pid = GET(task, thread_pid);
	void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);

	return numbers + GET(pid, level) * bpf_core_type_size(struct upid);
}

static __always_inline void put_ref(struct frame_ref *ref, struct task_struct *leader)
{
	ref->start_ns = GET(leader, start_boottime);
	ref->pid = GET(leader, tgid);
	ref->zero = 0;
	bpf_core_read(ref->comm, sizeof(ref->comm), &leader->comm);
}

static __always_inline void put_target(struct scratch *s, struct task_struct *leader)
{
	put_ref(&s->event.target.ref, leader);
	s->event.target.ppid = GET(leader, real_parent, tgid);
}

static __always_inline void put_actor(struct frame_event *e, struct task_struct *task)
{
	const struct cred *cred = GET(task, real_cred);

	e->pid = GET(task, tgid);
	e->tid = GET(task, pid);
	e->start_ns = GET(task, group_leader, start_boottime);
	e->cgroup_id = bpf_get_current_cgroup_id();
	e->uid = GET(cred, uid.val);
	e->euid = GET(cred, euid.val);
	e->gid = GET(cred, gid.val);
	e->login_uid = bpf_core_field_exists(task->loginuid) ? GET(task, loginuid.val) : ~0u;
	e->session_id = bpf_core_field_exists(task->sessionid) ? GET(task, sessionid) : ~0u;
	e->pid_ns = GET(own_number(task), ns, ns.inum);
	e->mnt_ns = GET(task, nsproxy, mnt_ns, ns.inum);
	bpf_core_read(e->comm, sizeof(e->comm), &task->comm);
}

static __always_inline void put_ancestors(struct scratch *s, struct task_struct *task)
{
	struct frame_ref *refs = (struct frame_ref *)(s->bytes + sizeof(struct frame_event));

#pragma unroll
	for (int i = 0; i < FRAME_ANCESTORS_MAX; i++) {
		task = GET(task, real_parent, group_leader);
		put_ref(&refs[i], task);
		if (refs[i].pid == 0)
			break; /* the idle task, which nobody started */
		s->event.ancestors = i + 1;
	}
	s->event.ppid = s->event.ancestors ? refs[0].pid : 0;
	s->at = sizeof(struct frame_event) + s->event.ancestors * sizeof(struct frame_ref);
}

/* Where a text of at most 4095 bytes may be written; the caller then says how long it became. */
static __always_inline void *text_room(struct scratch *s)
{
	return &s->bytes[s->at & (FRAME_BYTES_MAX - 1)];
}

static __always_inline void text_done(struct scratch *s, enum frame_text text, __u32 length)
{
	s->event.text_len[text] = length;
	s->at += length;
}

static __always_inline struct mount *mount_of(struct vfsmount *vfs)
{
	return (void *)vfs - bpf_core_field_offset(struct mount, mnt);
}

/*
 * Writes a path from the root of its mount namespace, leaf first, to the end of s->path; a chroot does not
 * shorten it. It then begins at s->path_at, which lives in memory so that the verifier need not follow its value
 * through the loop. A path too long or too deep loses its beginning, and '?' takes the place of the slash that would
 * make the rest look like a path of its own. Global, so that the verifier looks at it once in each program.
 */
__noinline int walk(void)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	struct dentry *dentry;
	struct mount *mount;
	struct path *path;

	if (!s)
		return 0;
	path = s->walked;
	mount = mount_of(GET(path, mnt));
	dentry = GET(path, dentry);

	s->path_at = PATH_BYTES;
	for (int i = 0; i < PATH_DEPTH_MAX; i++) {
		struct dentry *parent = GET(dentry, d_parent);
		__u32 length = GET(dentry, d_name.len) & (NAME_BYTES - 1);

		if (dentry == GET(mount, mnt.mnt_root)) {
			struct mount *below = GET(mount, mnt_parent);

			if (below == mount)
				return 0;
			dentry = GET(mount, mnt_mountpoint);
			mount = below;
			continue;
		}
		/* Not path_at < length + 2, from which 6.12 concludes back to length, and forgets that it is bounded. */
		if (s->path_at < 2 || length > s->path_at - 2)
			break;
		s->path_at -= length;
		bpf_probe_read_kernel(&s->path[s->path_at & (PATH_BYTES - 1)], length, GET(dentry, d_name.name));
		s->path_at--;
		s->path[s->path_at & (PATH_BYTES - 1)] = '/';
		if (dentry == parent)
			return 0; /* memfd and the like: in no directory */
		dentry = parent;
	}
	s->event.flags |= FRAME_TRUNCATED;
	if (s->path_at == PATH_BYTES)
		s->path_at--;
	s->path[s->path_at & (PATH_BYTES - 1)] = '?';
	return 0;
}

static __always_inline void put_place(struct scratch *s, enum frame_text text, struct path *path)
{
	__u32 length;

	s->walked = path;
	walk();
	if (s->path_at == PATH_BYTES) /* the root itself has no name */
		s->path[--s->path_at & (PATH_BYTES - 1)] = '/';
	length = (PATH_BYTES - s->path_at) & (PATH_BYTES - 1);
	bpf_probe_read_kernel(text_room(s), length, &s->path[s->path_at & (PATH_BYTES - 1)]);
	text_done(s, text, length);
}

static __always_inline void put_path(struct scratch *s, enum frame_text text, struct file *file)
{
	if (file)
		put_place(s, text, &file->f_path);
}

/* Something that was not told, for want of room elsewhere than in the ring. */
static __always_inline void lose(enum pipe pipe, enum frame_site site)
{
	struct frame_counts *counts = counts_of(pipe, site);

	if (!counts)
		return;
	__sync_fetch_and_add(&counts->produced, 1);
	__sync_fetch_and_add(&counts->dropped, 1);
}

/*
 * Counts the event. NULL: no scratch, counted as dropped. The scratch can be in use when the kernel lets another task, or
 * an interrupt, into a tracepoint on this CPU while a program of ours is in the middle of an event. Programs that outlived their
 * sensor for too long have none either.
 */
static __always_inline struct scratch *take_scratch(enum pipe pipe, enum frame_site site)
{
	__u32 zero = 0;
	struct frame_counts *counts = counts_of(pipe, site);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!counts || !s)
		return NULL; /* cannot be: both maps have an element 0 */
	__sync_fetch_and_add(&counts->produced, 1);
	__sync_fetch_and_add(&s->busy, 1);
	if (s->busy == 1 && bpf_ktime_get_boot_ns() < shared.until_ns) {
		s->urgent = 0;
		return s;
	}
	if (pipe == PIPE_AGENT && s->busy != 1 && shared.has_guard)
		lose(PIPE_GUARD, site);
	__sync_fetch_and_add(&s->busy, -1);
	__sync_fetch_and_add(&counts->dropped, 1);
	return NULL;
}

/* Counts the event and starts it, with the current task as its actor; NULL as above. */
static __always_inline struct scratch *begin_on(enum pipe pipe, enum frame_site site, enum frame_kind kind)
{
	struct task_struct *task = current_task();
	struct scratch *s = take_scratch(pipe, site);

	if (!s)
		return NULL;
	__builtin_memset(&s->event, 0, sizeof(s->event));
	s->event.kind = kind;
	s->event.site = site;
	s->event.time_ns = bpf_ktime_get_boot_ns();
	put_actor(&s->event, task);
	if (kind == FRAME_FORK) { /* half of all frames of a busy machine; the agent knows the actor since its own fork */
		s->event.ppid = GET(task, real_parent, tgid);
		s->at = sizeof(struct frame_event);
		return s;
	}
	put_ancestors(s, task);
	if (kind != FRAME_EXEC) /* which carries the same file as its object */
		put_path(s, TEXT_EXE, GET(task, mm, exe_file));
	return s;
}

static __always_inline struct scratch *begin(enum frame_site site, enum frame_kind kind)
{
	return begin_on(PIPE_AGENT, site, kind);
}

int tell_guard(void); /* guard.bpf.c */

static __always_inline int end(struct scratch *s, enum frame_site site)
{
	struct frame_counts *counts = counts_of(PIPE_AGENT, site);

	if (shared.has_guard)
		tell_guard();
	if (bpf_ringbuf_output(&ring, s->bytes, s->at & (FRAME_BYTES_MAX - 1), 0) && counts)
		__sync_fetch_and_add(&counts->dropped, 1);
	__sync_fetch_and_add(&s->busy, -1);
	return 0;
}

#endif
