/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the guard has denied (docs/formats/frame.md, 12.8): to reach into a protected process. Where the LSM of BPF runs, the kernel asks
 * before it lets anybody trace, read or write its memory, or take its descriptors. What is told of it, the sites of these calls tell.
 */
#include "event.bpf.h"
#include "task.bpf.h"

#define PTRACE_MODE_ATTACH 2
#define PF_KTHREAD 0x200000
#define SENSOR_DEPTH 3 /* the sensor's own processes start others */

/* As long as the sensor lives, whoever holds the list: a guard that is ended takes nothing away by that. */
static __always_inline struct protected_row *prevented_row(struct protected_table *table, __u32 pid, __u64 start_ns)
{
	struct protected_row *row;

	if (!shared.prevents || bpf_ktime_get_boot_ns() >= shared.until_ns)
		return NULL;
	row = row_of(table, pid, start_ns);
	return row && row->flags & FRAME_PROTECTED_PREVENT ? row : NULL;
}

/* The program of whoever runs; 0: none, or its path means nothing here. The scratch is the caller's. */
static __always_inline __u64 running_program(struct protected_table *table)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	struct file *exe = GET(current_task(), mm, exe_file);

	/* Somebody else is in the middle of an event here: then nobody knows. */
	if (!s || s->busy != 1 || !exe || GET(current_task(), nsproxy, mnt_ns, ns.inum) != table->mnt_ns)
		return 0;
	s->walked = &exe->f_path;
	walk();
	return walked_hash();
}

/* Whether it is denied to whoever runs, whom nobody has let. Global, so that the verifier looks at it once. */
__noinline int is_denied(__u32 pid, __u64 start_ns)
{
	struct protected_table *table = table_in_force();
	struct protected_row *row = prevented_row(table, pid, start_ns);
	__u64 now_ns = bpf_ktime_get_boot_ns(), program;
	__u32 entry, uid;

	if (!table || !row)
		return 0;
	if (!table->allowances)
		return 1;
	entry = row->flags >> FRAME_ENTRY_SHIFT;
	uid = GET(current_task(), real_cred, uid.val);
	program = running_program(table);
	for (__u32 i = 0; i < ALLOWANCES_MAX && i < table->allowances; i++) {
		struct frame_allowance *let = &table->allowance[i & (ALLOWANCES_MAX - 1)];

		if (now_ns < let->until_ns && (!let->program || let->program == program) && (let->uid == UNKNOWN_ID || let->uid == uid) &&
		    (!let->entry || let->entry == entry))
			return 0;
	}
	return 1;
}

/* The sensor and those that it starts look at processes for a living. */
static __always_inline bool is_sensors(struct task_struct *leader)
{
	if (shared.introduction.pid_ns != INITIAL_PID_NS)
		return false;
#pragma unroll
	for (int i = 0; i < SENSOR_DEPTH; i++) {
		if (is_sensor(GET(leader, tgid), GET(leader, start_boottime)))
			return true;
		leader = GET(leader, real_parent, group_leader);
	}
	return false;
}

/* The kernel, and who has that memory anyway: by sharing it, or by a bare fork, as LeakSanitizer looks at its parent. */
static __always_inline bool has_it_anyway(struct task_struct *target)
{
	struct task_struct *self = GET(current_task(), group_leader);

	if (GET(current_task(), flags) & PF_KTHREAD || GET(current_task(), mm) == GET(target, mm))
		return true;
	return is_sensors(self) ||
	       (GET(self, real_parent, group_leader) == target && GET(self, self_exec_id) == GET(target, self_exec_id));
}

/* In the middle of an event, so that its scratch is ours. */
static __always_inline bool is_denied_task(struct task_struct *leader)
{
	return leader && shared.prevents && !has_it_anyway(leader) && is_denied(GET(leader, tgid), GET(leader, start_boottime));
}

static __always_inline bool refuses(struct task_struct *leader)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	bool denied;

	if (!s || !leader || !prevented_row(table_in_force(), GET(leader, tgid), GET(leader, start_boottime)))
		return false;
	__sync_fetch_and_add(&s->busy, 1);
	denied = is_denied_task(leader);
	__sync_fetch_and_add(&s->busy, -1);
	return denied;
}

/* Whoever asks to be traced says nothing of who will do it: nobody is let. */
static __always_inline bool may_not_be_traced(void)
{
	struct task_struct *self = GET(current_task(), group_leader);

	return prevented_row(table_in_force(), GET(self, tgid), GET(self, start_boottime));
}

static __always_inline void put_prevented(struct scratch *s, struct task_struct *target, long result)
{
	if (result != -EPERM || !target)
		return;
	if (target == GET(current_task(), group_leader) ? may_not_be_traced() : is_denied_task(target))
		s->event.flags |= FRAME_PREVENTED;
}

/* All 64 bits of it, and on a way of its own: 6.12 takes a result that was computed, or is an int, for any number, and refuses the program. */
static __always_inline long verdict(bool denied)
{
	if (!denied)
		return 0;
	asm volatile("" ::: "memory");
	return -EPERM;
}

/* args: task, mode. What only looks, as ps does, comes by with another mode. */
SEC("lsm/ptrace_access_check")
long reach__ptrace_access_check(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];

	return verdict(shared.prevents && ctx[1] & PTRACE_MODE_ATTACH && refuses(GET(task, group_leader)));
}

/* args: the parent, which would trace whoever runs. */
SEC("lsm/ptrace_traceme")
long reach__ptrace_traceme(void)
{
	return verdict(shared.prevents && may_not_be_traced());
}
