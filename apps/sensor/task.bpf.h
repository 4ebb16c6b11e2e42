/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Finding the task that a call is aimed at. */
#ifndef SEALWATCH_TASK_BPF_H
#define SEALWATCH_TASK_BPF_H

#include "event.bpf.h"

struct process {
	__u64 start_ns;
	__u64 pid;
};

/* The leader of the thread group that a struct pid stands for; NULL when it is gone. */
static __always_inline struct task_struct *task_of(struct pid *pid)
{
	struct hlist_node *first = GET(pid, tasks[0].first); /* PIDTYPE_PID */
	struct task_struct *task = (void *)first - bpf_core_field_offset(struct task_struct, pid_links);

	return first ? GET(task, group_leader) : NULL;
}

/*
 * The same search as the kernel's own find_task_by_vpid(): the number is looked up in the caller's pid namespace, whose
 * idr is a radix tree of 64-way nodes. Inner nodes are tagged with 2 in their address.
 */
static __always_inline struct task_struct *find_task(__u32 number)
{
	void *entry = GET(own_number(current_task()), ns, idr.idr_rt.xa_head);

	for (int level = 0; level < 4; level++) { /* 64^4 numbers; pid_max is at most 2^22 */
		struct xa_node *node = entry - 2;

		if (((unsigned long)entry & 3) != 2)
			break;
		bpf_probe_read_kernel(&entry, sizeof(entry), (void *)node + bpf_core_field_offset(struct xa_node, slots) +
								     (number >> GET(node, shift) & 63) * sizeof(entry));
	}
	return task_of(entry);
}

/*
 * Whether a process is one of our own. Its number may be another's once it is gone: who began after the living sensor has last
 * looked is not the one that is meant.
 */
static __always_inline bool is_living(struct task_struct *leader, struct upid *number)
{
	return shared.introduction.pid_ns == GET(number, ns, ns.inum) &&
	       GET(leader, start_boottime) + OUTLIVING_SECONDS * 1000000000ull <= shared.until_ns;
}

static __always_inline bool is_the(int which, struct task_struct *leader)
{
	struct upid *number = own_number(leader);

	return shared.own[which] == (__u32)GET(number, nr) && is_living(leader, number);
}

static __always_inline bool is_own(struct task_struct *leader)
{
	struct upid *upid = own_number(leader);
	__u32 number = GET(upid, nr);
	bool found = false;

#pragma unroll
	for (int which = 0; which < OWN_MAX; which++)
		found |= shared.own[which] == number;
	return found && is_living(leader, upid);
}

/* Below 5.15 there is no helper, and the registers lie at the top of the kernel stack (16 KiB on x86-64). */
static __always_inline struct pt_regs *registers(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return GET(current_task(), stack) + 16384 - bpf_core_type_size(struct pt_regs);
}

#endif
