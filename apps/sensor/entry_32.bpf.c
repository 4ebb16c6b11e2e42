/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The entry for programs of 32 bits, which any program can use (int $0x80), and by which every call has another number. Tracepoints of
 * single calls leave it out, the one of all calls does not. So in tier 1 a program runs at the end of each call of this machine, and is
 * over for all but these after one look at the task. In tier 2 one follows each of the kernel's own functions of these calls, and no other
 * call is any longer for it.
 */
#include "event.bpf.h"
#include "file.bpf.h"
#include "task.bpf.h"

enum calls_32 {
	OPEN_32 = 5,
	CREAT_32 = 8,
	PTRACE_32 = 26,
	OPENAT_32 = 295,
	PRLIMIT64_32 = 340,
	OPEN_BY_HANDLE_AT_32 = 342,
	PROCESS_VM_READV_32 = 347,
	PROCESS_VM_WRITEV_32 = 348,
	KCMP_32 = 349,
	BPF_32 = 357,
	USERFAULTFD_32 = 374,
	OPENAT2_32 = 437,
	PIDFD_GETFD_32 = 438,
	PROCESS_MADVISE_32 = 440,
};

static __always_inline bool is_entry_32(void)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		return ((struct task_struct *)bpf_get_current_task_btf())->thread_info.status & TS_COMPAT;
	return GET(current_task(), thread_info.status) & TS_COMPAT;
}

/* Whom the call is aimed at; NULL: nobody that is told. */
static __always_inline struct task_struct *aim_32(__u32 call, __u32 first, __u32 second, __u32 third)
{
	struct task_struct *self = GET(current_task(), group_leader), *target = NULL;

	switch (call) {
	case PTRACE_32:
		return first == TRACEME ? self : is_told_request(first) ? find_task(second) : NULL;
	case PROCESS_VM_READV_32:
	case PROCESS_VM_WRITEV_32:
		return find_task(first);
	case USERFAULTFD_32:
		return self;
	case PRLIMIT64_32:
		target = first && third ? find_task(first) : NULL;
		break;
	case PIDFD_GETFD_32:
	case PROCESS_MADVISE_32:
		target = task_of_pidfd(first);
		break;
	case KCMP_32:
		target = find_task(second);
		if (target == self)
			target = find_task(first);
		break;
	}
	return target == self ? NULL : target;
}

static __always_inline enum frame_kind kind_32(__u32 call)
{
	switch (call) {
	case PTRACE_32:
		return FRAME_PTRACE;
	case PROCESS_VM_READV_32:
		return FRAME_VM_READ;
	case PROCESS_VM_WRITEV_32:
		return FRAME_VM_WRITE;
	case PRLIMIT64_32:
		return FRAME_LIMIT;
	case PIDFD_GETFD_32:
		return FRAME_FD_TAKEN;
	case PROCESS_MADVISE_32:
		return FRAME_ADVICE;
	case KCMP_32:
		return FRAME_COMPARE;
	}
	return FRAME_FAULTS;
}

static __always_inline __u32 request_32(__u32 call, struct pt_regs *regs)
{
	switch (call) {
	case PTRACE_32:
	case USERFAULTFD_32:
		return GET(regs, bx);
	case PRLIMIT64_32:
	case PIDFD_GETFD_32:
		return GET(regs, cx);
	case KCMP_32:
		return GET(regs, dx);
	case PROCESS_MADVISE_32:
		return GET(regs, si);
	}
	return 0;
}

static __always_inline int reached_32(__u32 call, struct pt_regs *regs, long result)
{
	struct task_struct *target = aim_32(call, GET(regs, bx), GET(regs, cx), GET(regs, dx));
	bool moves = call == PROCESS_VM_READV_32 || call == PROCESS_VM_WRITEV_32;

	if (!target || (moves && !result))
		return 0;
	return reached(SITE_entry_32, kind_32(call), target, 0, request_32(call, regs), result);
}

/* Global, so that the verifier looks at it once. */
__noinline int called_32(__u32 call, long result)
{
	struct pt_regs *regs = registers();

	switch (call) {
	case OPEN_32:
	case CREAT_32:
	case OPENAT_32:
	case OPENAT2_32:
	case OPEN_BY_HANDLE_AT_32:
		return opened(result, SITE_entry_32);
	case BPF_32:
		return bpf_called(GET(regs, bx), (void *)GET(regs, cx), result, SITE_entry_32);
	case PTRACE_32:
	case PROCESS_VM_READV_32:
	case PROCESS_VM_WRITEV_32:
	case PRLIMIT64_32:
	case PIDFD_GETFD_32:
	case PROCESS_MADVISE_32:
	case KCMP_32:
	case USERFAULTFD_32:
		return reached_32(call, regs, result);
	}
	return 0;
}

/* args: registers, result */
SEC("tp_btf/sys_exit")
int entry_32(__u64 *ctx)
{
	struct pt_regs *regs = (void *)ctx[0];

	return is_entry_32() ? called_32(GET(regs, orig_ax), (long)ctx[1]) : 0;
}

/* args: the same */
#define CALL_32(call, number)                                                                                          \
	SEC("fexit/__ia32_" #call) int entry_32__##call(__u64 *ctx)                                                    \
	{                                                                                                              \
		return called_32(number, (long)ctx[1]);                                                \
	}

CALL_32(compat_sys_open, OPEN_32)
CALL_32(sys_creat, CREAT_32)
CALL_32(compat_sys_openat, OPENAT_32)
CALL_32(sys_openat2, OPENAT2_32)
CALL_32(compat_sys_open_by_handle_at, OPEN_BY_HANDLE_AT_32)
CALL_32(sys_bpf, BPF_32)
CALL_32(compat_sys_ptrace, PTRACE_32)
CALL_32(sys_process_vm_readv, PROCESS_VM_READV_32)
CALL_32(sys_process_vm_writev, PROCESS_VM_WRITEV_32)
CALL_32(sys_prlimit64, PRLIMIT64_32)
CALL_32(sys_pidfd_getfd, PIDFD_GETFD_32)
CALL_32(sys_process_madvise, PROCESS_MADVISE_32)
CALL_32(sys_kcmp, KCMP_32)
CALL_32(sys_userfaultfd, USERFAULTFD_32)
