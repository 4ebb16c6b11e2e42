/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reaching into another process: ptrace, process_vm_readv, process_vm_writev. Seen when the call returns, refused calls
 * too, with the arguments as registers kept them. ESRCH is left out: nothing was found, nothing was done.
 */
#include "event.bpf.h"
#include "task.bpf.h"

enum ptrace_request {
	TRACEME = 0,
	POKETEXT = 4,
	POKEDATA = 5,
	POKEUSR = 6,
	SETREGS = 13,
	SETFPREGS = 15,
	ATTACH = 16,
	SETREGSET = 0x4205,
	SEIZE = 0x4206,
};

static __always_inline bool is_told_request(__u64 request)
{
	switch (request) {
	case TRACEME:
	case POKETEXT:
	case POKEDATA:
	case POKEUSR:
	case SETREGS:
	case SETFPREGS:
	case ATTACH:
	case SETREGSET:
	case SEIZE:
		return true;
	}
	return false; /* CONT, PEEK and the like: the attach has been told */
}

static __always_inline int reached(enum frame_site site, enum frame_kind kind, struct task_struct *target, __u32 number,
				   __u32 request, long result)
{
	struct scratch *s;

	if (result == -ESRCH)
		return 0;
	s = begin(site, kind);
	if (!s)
		return 0;
	if (target)
		put_target(s, target);
	else
		s->event.target.ref.pid = number; /* it died under the call: only its number is left */
	s->event.target.request = request;
	s->event.target.result = result;
	if (kind <= FRAME_VM_WRITE || kind == FRAME_FD_TAKEN)
		put_prevented(s, target, result);
	return end(s, site);
}

SEC("tp/syscalls/sys_exit_ptrace")
int ptrace(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	__u64 request = GET(regs, di);
	__u32 number = GET(regs, si);

	if (request == TRACEME) /* the caller asks to be traced by its parent: it is its own target */
		return reached(SITE_ptrace, FRAME_PTRACE, GET(current_task(), group_leader), 0, request, ctx->ret);
	return is_told_request(request) ? reached(SITE_ptrace, FRAME_PTRACE, find_task(number), number, request, ctx->ret) : 0;
}

/* 0: nothing was moved. With empty vectors the kernel does not even look for the process. */
static __always_inline int moved(struct sys_exit *ctx, enum frame_site site, enum frame_kind kind)
{
	__u32 number = GET(registers(), di);

	return ctx->ret ? reached(site, kind, find_task(number), number, 0, ctx->ret) : 0;
}

SEC("tp/syscalls/sys_exit_process_vm_readv")
int process_vm_readv(struct sys_exit *ctx)
{
	return moved(ctx, SITE_process_vm_readv, FRAME_VM_READ);
}

SEC("tp/syscalls/sys_exit_process_vm_writev")
int process_vm_writev(struct sys_exit *ctx)
{
	return moved(ctx, SITE_process_vm_writev, FRAME_VM_WRITE);
}
