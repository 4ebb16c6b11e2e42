/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Processes that change their own ids or effective capabilities. Compared across each call that can do it, so what is told is
 * what became of it, not what was asked for. What an exec gives is told by the exec, what a user namespace gives by that.
 */
#include "event.bpf.h"
#include "task.bpf.h"
#include "refused.bpf.h"

#define CREDENTIALS_WORDS (sizeof(struct frame_ids) / 8 + 1)

struct credentials {
	union {
		struct {
			struct frame_ids ids;
			__u64 effective;
		};
		__u64 words[CREDENTIALS_WORDS];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096); /* calls under way at once */
	__type(key, __u32);	   /* thread */
	__type(value, struct credentials);
} credentials_before SEC(".maps");

static __always_inline void read_credentials(struct credentials *to)
{
	const struct cred *cred = GET(current_task(), real_cred);

	to->ids.uid = GET(cred, uid.val);
	to->ids.euid = GET(cred, euid.val);
	to->ids.suid = GET(cred, suid.val);
	to->ids.fsuid = GET(cred, fsuid.val);
	to->ids.gid = GET(cred, gid.val);
	to->ids.egid = GET(cred, egid.val);
	to->ids.sgid = GET(cred, sgid.val);
	to->ids.fsgid = GET(cred, fsgid.val);
	bpf_core_read(&to->effective, sizeof(to->effective), &cred->cap_effective);
}

static __always_inline bool is_same(const struct credentials *one, const struct credentials *other)
{
#pragma unroll
	for (unsigned i = 0; i < CREDENTIALS_WORDS; i++)
		if (one->words[i] != other->words[i])
			return false;
	return true;
}

__noinline int credentials_enter(void)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct credentials now = {};

	if (is_the(OWN_SENSOR, GET(current_task(), group_leader)))
		return 0; /* which gives its rights up at its start */
	read_credentials(&now);
	bpf_map_update_elem(&credentials_before, &thread, &now, BPF_ANY);
	return 0;
}

/* Asked for and not given: ids, of which the first argument is one. */
static __always_inline int ids_refused(long result)
{
	struct pt_regs *regs = registers();
	struct scratch *s = begin_refused(FRAME_REFUSED_IDS, GET(regs, orig_ax), result);

	if (!s)
		return 0;
	s->event.refused.arguments[0] = GET(regs, di);
	s->event.refused.arguments[1] = GET(regs, si);
	s->event.refused.arguments[2] = GET(regs, dx);
	return end(s, SITE_refused);
}

__noinline int credentials_exit(long result)
{
	__u32 thread = (__u32)bpf_get_current_pid_tgid();
	struct credentials *kept = bpf_map_lookup_elem(&credentials_before, &thread), before, now = {};
	struct scratch *s;

	if (!kept)
		return 0;
	before = *kept;
	bpf_map_delete_elem(&credentials_before, &thread);
	read_credentials(&now);
	if (is_same(&before, &now))
		return result == -EPERM ? ids_refused(result) : 0;
	s = begin(SITE_credentials, FRAME_CREDENTIALS);
	if (!s)
		return 0;
	s->event.uid = before.ids.uid; /* the actor is who made the call */
	s->event.euid = before.ids.euid;
	s->event.gid = before.ids.gid;
	s->event.credentials.ids = now.ids;
	s->event.credentials.effective_before = before.effective;
	s->event.credentials.effective = now.effective;
	return end(s, SITE_credentials);
}

#define CREDENTIALS(call)                                                                                              \
	SEC("tp/syscalls/sys_enter_" #call) int credentials__enter_##call(void)                                        \
	{                                                                                                              \
		return credentials_enter();                                                                            \
	}                                                                                                              \
	SEC("tp/syscalls/sys_exit_" #call) int credentials__exit_##call(struct sys_exit *ctx)                          \
	{                                                                                                              \
		return credentials_exit(ctx->ret);                                                                     \
	}

CREDENTIALS(setuid)
CREDENTIALS(setgid)
CREDENTIALS(setreuid)
CREDENTIALS(setregid)
CREDENTIALS(setresuid)
CREDENTIALS(setresgid)
CREDENTIALS(setfsuid)
CREDENTIALS(setfsgid)
CREDENTIALS(capset)
