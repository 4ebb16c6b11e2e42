/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Memory of a process's own that becomes executable. Compilers at run time do it all day, so of each image it is told once for each
 * way: what matters is which programs do it at all. Asked for, not whether it was granted: a call that fails is told too.
 */
#include "event.bpf.h"
#include "file.bpf.h"

#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_ANONYMOUS 0x20

/* The context of a syscalls:sys_enter_* tracepoint, which is ABI. */
struct sys_enter {
	__u64 common;
	long id;
	unsigned long arguments[6];
};

struct image {
	__u64 start_ns;
	__u64 execs; /* of the process so far */
	__u32 pid;
	__u32 way;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct image);
	__type(value, __u8);
} executable_told SEC(".maps");

static __always_inline int made_executable(struct sys_enter *ctx, enum frame_executable way, struct file *file)
{
	struct task_struct *task = current_task();
	struct image image = {
		.start_ns = GET(task, group_leader, start_boottime), .execs = GET(task, self_exec_id), .pid = GET(task, tgid), .way = way,
	};
	struct scratch *s;
	__u8 value = 1;

	if (bpf_map_update_elem(&executable_told, &image, &value, BPF_NOEXIST) == -EEXIST)
		return 0;
	s = begin(SITE_executable, FRAME_EXECUTABLE);
	if (!s)
		return 0;
	s->event.memory.address = ctx->arguments[0];
	s->event.memory.length = ctx->arguments[1];
	s->event.memory.protection = ctx->arguments[2];
	s->event.memory.way = way;
	put_path(s, TEXT_PATH, file);
	return end(s, SITE_executable);
}

static __always_inline int protect_call(struct sys_enter *ctx)
{
	__u32 protection = ctx->arguments[2];

	if (!(protection & PROT_EXEC))
		return 0;
	return made_executable(ctx, protection & PROT_WRITE ? FRAME_WRITABLE_TOO : FRAME_MADE_SO, NULL);
}

SEC("tp/syscalls/sys_enter_mprotect")
int executable__mprotect(struct sys_enter *ctx)
{
	return protect_call(ctx);
}

SEC("tp/syscalls/sys_enter_pkey_mprotect")
int executable__pkey_mprotect(struct sys_enter *ctx)
{
	return protect_call(ctx);
}

/* A file's text, mapped as the loader does it, is what an exec or a library is; but one that no directory has a name for is told. */
SEC("tp/syscalls/sys_enter_mmap")
int executable__mmap(struct sys_enter *ctx)
{
	__u32 protection = ctx->arguments[2];
	struct file *file;

	if (!(protection & PROT_EXEC))
		return 0;
	if (ctx->arguments[3] & MAP_ANONYMOUS)
		return made_executable(ctx, protection & PROT_WRITE ? FRAME_WRITABLE_TOO : FRAME_ANONYMOUS, NULL);
	file = file_at((int)ctx->arguments[4]);
	if (file && is_nameless(file))
		return made_executable(ctx, FRAME_NAMELESS_FILE, file);
	return protection & PROT_WRITE ? made_executable(ctx, FRAME_WRITABLE_TOO, file) : 0;
}
