/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Signals that somebody sends to one of our own, or to a protected process; and the kernel's own SIGKILL, which is how it ends one to save memory. */
#include "event.bpf.h"
#include "task.bpf.h"

#define SIGKILL 9
#define SI_USER 0
#define SI_QUEUE (-1)
#define SI_TKILL (-6)
#define SI_KERNEL 128

/* Instead of an address the kernel may hand over 0, "from a user", or 1, "from me". */
static __always_inline int code_of(struct kernel_siginfo *info)
{
	if ((unsigned long)info <= 1)
		return info ? SI_KERNEL : SI_USER;
	return GET(info, si_code);
}

/* What the supervisor itself does to what it started is told by the supervisor. */
static __always_inline bool is_supervised(struct task_struct *target)
{
	return is_the(OWN_SUPERVISOR, GET(target, real_parent, group_leader)) &&
	       !is_the(OWN_SUPERVISOR, GET(current_task(), group_leader));
}

/* The keeper of the warden, and that one: it lives below the sensor. What the keeper itself does to it is told by the sensor. */
static __always_inline bool is_warden(struct task_struct *target)
{
	struct task_struct *parent = GET(target, real_parent, group_leader);

	return is_the(OWN_SENSOR, parent) ||
	       (is_the(OWN_SENSOR, GET(parent, real_parent, group_leader)) && parent != GET(current_task(), group_leader));
}

/* args: signal, info, task, group, result */
SEC("raw_tp/signal_generate")
int signal_generate(struct bpf_raw_tracepoint_args *ctx)
{
	int signal = ctx->args[0], code = code_of((void *)ctx->args[1]);
	struct task_struct *target = GET((struct task_struct *)ctx->args[2], group_leader);
	bool by_kernel = code == SI_KERNEL && signal == SIGKILL;
	bool by_user = code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
	enum pipe pipe;
	struct scratch *s;

	if (!by_kernel && !by_user)
		return 0;
	if (is_own(target) || is_supervised(target) || is_warden(target))
		pipe = PIPE_AGENT;
	else if (is_protected_task(target))
		pipe = PIPE_GUARD; /* alone: what the agent is told of signals is about ourselves */
	else
		return 0;
	if (by_user && (GET(target, tgid) == GET(current_task(), tgid) || is_the(OWN_SENSOR, GET(current_task(), group_leader))))
		return 0;
	s = begin_on(pipe, SITE_signal_generate, FRAME_SIGNAL);
	if (!s)
		return 0;
	put_target(s, target);
	s->event.target.request = signal;
	s->event.target.result = code;
	return pipe == PIPE_GUARD ? end_for_guard(s) : end(s, SITE_signal_generate);
}
