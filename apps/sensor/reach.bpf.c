/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Ways to another process beside ptrace and process_vm_*: its descriptors, its limits, its pages by advice, what it shares with
 * others. And userfaultfd, by which a process decides how long the kernel waits for a page of its own, which exploits live by.
 */
#include "event.bpf.h"
#include "file.bpf.h"
#include "task.bpf.h"

#define PID_FS_MAGIC 0x50494446

/* Since 6.9 a pidfd is a file of its own file system. */
static __always_inline struct task_struct *task_of_pidfd(long fd)
{
	struct file *file = file_at(fd);
	struct inode *inode = GET(file, f_inode);

	return task_of(GET(inode, i_sb, s_magic) == PID_FS_MAGIC ? GET(inode, i_private) : GET(file, private_data));
}

static __always_inline struct scratch *begin_reach(enum frame_kind kind, struct task_struct *target, __u32 request, long result)
{
	struct scratch *s;

	if (!target || result == -ESRCH)
		return NULL;
	s = begin(SITE_reach, kind);
	if (!s)
		return NULL;
	put_target(s, target);
	s->event.target.request = request;
	s->event.target.result = result;
	return s;
}

static __always_inline int reach(enum frame_kind kind, struct task_struct *target, __u32 request, long result)
{
	struct scratch *s;

	if (target == GET(current_task(), group_leader))
		return 0;
	s = begin_reach(kind, target, request, result);
	return s ? end(s, SITE_reach) : 0;
}

/* What the descriptor is of is told by its path, where the call succeeded. */
SEC("tp/syscalls/sys_exit_pidfd_getfd")
int reach__pidfd_getfd(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	struct task_struct *target = task_of_pidfd(GET(regs, di));
	struct file *taken;
	struct scratch *s;

	if (target == GET(current_task(), group_leader))
		return 0;
	s = begin_reach(FRAME_FD_TAKEN, target, GET(regs, si), ctx->ret);
	if (!s)
		return 0;
	put_prevented(s, target, ctx->ret);
	taken = file_at(ctx->ret);
	put_path(s, TEXT_PATH, taken);
	s->urgent = is_protected_memory(taken);
	return end(s, SITE_reach);
}

#define RLIMIT_CORE 4

/* A protected process that may leave a core from now on. */
static __always_inline int core_allowed(void *limit)
{
	struct task_struct *self = GET(current_task(), group_leader);
	struct scratch *s;
	__u64 bytes = 0;

	if (!is_protected_task(self) || bpf_probe_read_user(&bytes, sizeof(bytes), limit) || !bytes)
		return 0;
	s = begin_for_guard(SITE_reach, FRAME_LIMIT);
	if (!s)
		return 0;
	put_target(s, self);
	s->event.target.request = RLIMIT_CORE;
	return end_for_guard(s);
}

SEC("tp/syscalls/sys_exit_prlimit64")
int reach__prlimit64(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	__u32 number = GET(regs, di);

	if (!GET(regs, dx)) /* reading */
		return 0;
	if (!number)
		return GET(regs, si) == RLIMIT_CORE && !ctx->ret ? core_allowed((void *)GET(regs, dx)) : 0;
	return reach(FRAME_LIMIT, find_task(number), GET(regs, si), ctx->ret);
}

SEC("tp/syscalls/sys_exit_process_madvise")
int reach__process_madvise(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();

	return reach(FRAME_ADVICE, task_of_pidfd(GET(regs, di)), GET(regs, r10), ctx->ret);
}

/* Of two processes that of the second counts, unless that is the caller. */
SEC("tp/syscalls/sys_exit_kcmp")
int reach__kcmp(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	struct task_struct *target = find_task(GET(regs, si));

	if (target == GET(current_task(), group_leader))
		target = find_task(GET(regs, di));
	return reach(FRAME_COMPARE, target, GET(regs, dx), ctx->ret);
}

SEC("tp/syscalls/sys_exit_userfaultfd")
int reach__userfaultfd(struct sys_exit *ctx)
{
	struct scratch *s;

	s = begin_reach(FRAME_FAULTS, GET(current_task(), group_leader), GET(registers(), di), ctx->ret);
	return s ? end(s, SITE_reach) : 0;
}
