/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes that leave namespaces or enter others. Compared across the call, or between parent and child: flags are not asked. */
#include "event.bpf.h"

struct namespaces {
	__u32 inums[FRAME_NS_COUNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096); /* calls under way at once */
	__type(key, __u32);	   /* thread */
	__type(value, struct namespaces);
} namespaces_before SEC(".maps");

static __always_inline void read_namespaces(struct namespaces *to, struct task_struct *task)
{
	struct nsproxy *all = GET(task, nsproxy);

	to->inums[FRAME_NS_MNT] = GET(all, mnt_ns, ns.inum);
	to->inums[FRAME_NS_UTS] = GET(all, uts_ns, ns.inum);
	to->inums[FRAME_NS_IPC] = GET(all, ipc_ns, ns.inum);
	to->inums[FRAME_NS_PID] = GET(all, pid_ns_for_children, ns.inum);
	to->inums[FRAME_NS_NET] = GET(all, net_ns, ns.inum);
	to->inums[FRAME_NS_USER] = GET(task, real_cred, user_ns, ns.inum);
	to->inums[FRAME_NS_CGROUP] = GET(all, cgroup_ns, ns.inum);
	if (bpf_core_field_exists(all->time_ns_for_children))
		to->inums[FRAME_NS_TIME] = GET(all, time_ns_for_children, ns.inum);
}

/* Without a branch, which the verifier would follow both ways, for each of the eight kinds. */
static __always_inline __u32 is_other(__u64 one, __u64 other)
{
	__u64 difference = one ^ other;

	asm volatile("" : "+r"(difference)); /* lest the compiler makes a branch of it */
	return (difference | -difference) >> 63;
}

static __always_inline int put_namespaces(const struct namespaces *before, const struct namespaces *now, __u32 how, __u32 child)
{
	struct scratch *s;
	__u32 changed = 0;

#pragma unroll
	for (int i = 0; i < FRAME_NS_COUNT; i++)
		changed |= is_other(before->inums[i], now->inums[i]) << i;
	if (!changed)
		return 0;
	s = begin(SITE_namespaces, FRAME_NAMESPACES);
	if (!s)
		return 0;
	s->event.namespaces.how = how;
	s->event.namespaces.child = child;
	s->event.namespaces.changed = changed;
	__builtin_memcpy(s->event.namespaces.inums, now->inums, sizeof(now->inums));
	return end(s, SITE_namespaces);
}

static __always_inline int enter_namespaces(void)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct namespaces now = {};

	read_namespaces(&now, current_task());
	bpf_map_update_elem(&namespaces_before, &thread, &now, BPF_ANY);
	return 0;
}

static __always_inline int exit_namespaces(__u32 how)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct namespaces *kept = bpf_map_lookup_elem(&namespaces_before, &thread), before, now = {};

	if (!kept)
		return 0;
	before = *kept;
	bpf_map_delete_elem(&namespaces_before, &thread);
	read_namespaces(&now, current_task());
	return put_namespaces(&before, &now, how, 0);
}

#define NAMESPACES(call, how)                                                                                          \
	SEC("tp/syscalls/sys_enter_" #call) int namespaces__enter_##call(void)                                         \
	{                                                                                                              \
		return enter_namespaces();                                                                             \
	}                                                                                                              \
	SEC("tp/syscalls/sys_exit_" #call) int namespaces__exit_##call(void)                                           \
	{                                                                                                              \
		return exit_namespaces(how);                                                                           \
	}

NAMESPACES(unshare, FRAME_NS_UNSHARED)
NAMESPACES(setns, FRAME_NS_ENTERED)

/* args: parent, child; by whatever call, of whatever width. Told before the child runs. */
SEC("raw_tp/sched_process_fork")
int namespaces__fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (void *)ctx->args[0], *child = (void *)ctx->args[1];
	struct namespaces before = {}, now = {};

	if (GET(parent, nsproxy) == GET(child, nsproxy) && GET(parent, real_cred, user_ns) == GET(child, real_cred, user_ns))
		return 0;
	read_namespaces(&before, parent);
	read_namespaces(&now, child);
	return put_namespaces(&before, &now, FRAME_NS_CLONED, GET(child, pid));
}
