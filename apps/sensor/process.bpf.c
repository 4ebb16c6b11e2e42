/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* fork, exec, rename and exit. Raw tracepoints, for they cost other syscalls nothing and load from 5.10 on. */
#include "event.bpf.h"
#include "file.bpf.h"
#include "runtime_flags.h"
#include "task.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct process);
	__type(value, __u8);
} exits SEC(".maps");

/* Two threads that die at once may both find themselves the last one of their process: only one gets its entry in. */
static __always_inline bool is_first_to_tell(struct task_struct *task)
{
	struct process key = { GET(task, group_leader, start_boottime), GET(task, tgid) };
	__u8 value = 1;

	return bpf_map_update_elem(&exits, &key, &value, BPF_NOEXIST) != -EEXIST;
}

/* The argument block lies in the new image's own memory, and the image has not run yet: nobody could change it. */
static __always_inline void put_argv(struct scratch *s, struct mm_struct *mm)
{
	unsigned long start = GET(mm, arg_start);
	unsigned long length = GET(mm, arg_end) - start;

	if (length > FRAME_TEXT_BYTES_MAX) {
		length = FRAME_TEXT_BYTES_MAX;
		s->event.flags |= FRAME_TRUNCATED;
	}
	length &= FRAME_TEXT_BYTES_MAX;
	if (bpf_probe_read_user(text_room(s), length, (void *)start)) {
		s->event.flags |= FRAME_TRUNCATED;
		return;
	}
	text_done(s, TEXT_ARGV, length);
}

#define ENVIRONMENT_STRINGS_MAX 2048
#define NAME_WORDS 2 /* LD_LIBRARY_PATH= has 16 bytes */

/* Folded by the compiler: eight bytes of a name, and which of them there are. */
static __always_inline __u64 word_of(const char *name, int bytes, int from, bool mask)
{
	__u64 word = 0;

#pragma unroll
	for (int i = 0; i < 8; i++)
		if (from + i < bytes)
			word |= (mask ? 0xffull : (__u64)name[from + i]) << 8 * i;
	return word;
}

static __always_inline bool begins(const __u64 words[NAME_WORDS], const char *name, int bytes)
{
	return !((words[0] ^ word_of(name, bytes, 0, false)) & word_of(name, bytes, 0, true)) &&
	       !((words[1] ^ word_of(name, bytes, 8, false)) & word_of(name, bytes, 8, true));
}

/* Global, as the functions that call it: so the verifier looks at each once, not at every turn of the loop. */
__noinline int mark_options(void)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (s)
		s->event.file.environment =
			with_options(s->event.file.environment, has_harmless_flags(s->path + sizeof("NODE_OPTIONS=") - 1));
	return 0;
}

__noinline int mark_variable(void)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s)
		return 0;
	if (begins(s->path_words, "NODE_OPTIONS=", sizeof("NODE_OPTIONS"))) {
		mark_options();
		return 0;
	}
#define MARK(name)                                                                                                     \
	if (begins(s->path_words, #name "=", sizeof(#name)))                                                           \
		s->event.file.environment |= 1u << ENVIRONMENT_##name;
	FRAME_ENVIRONMENT(MARK)
	return 0;
}

/*
 * Marks the variables of FRAME_ENVIRONMENT that stand in the environment; their values, which may be secrets, are not
 * told. A string longer than one read goes on in the next, where a name cannot begin.
 */
__noinline int mark_environment(void)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	struct mm_struct *mm = GET(current_task(), mm);
	unsigned long at = GET(mm, env_start), end = GET(mm, env_end);
	bool inside = false;

	if (!s)
		return 0;
	for (int i = 0; i < ENVIRONMENT_STRINGS_MAX && at < end; i++) {
		long length = bpf_probe_read_user_str(s->path, PATH_BYTES, (void *)at);

		if (length <= 0)
			break;
		if (!inside)
			mark_variable();
		inside = length == PATH_BYTES;
		at += inside ? length - 1 : length; /* the NUL that ended a cut read is not the string's own */
	}
	if (at < end)
		s->event.flags |= FRAME_ENVIRONMENT_CUT;
	return 0;
}

/* Of a shell that somebody sits before from afar these are the connection, and so they are of all that it starts. */
static __always_inline __u32 network_descriptors(void)
{
	__u32 found = 0;

#pragma unroll
	for (int fd = 0; fd < 3; fd++) {
		struct file *file = file_at(fd);
		struct socket *socket = GET(file, private_data);

		if ((GET(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK) {
			unsigned short family = GET(socket, sk, __sk_common.skc_family);

			if (family == AF_INET || family == AF_INET6)
				found |= 1u << fd;
		}
	}
	return found;
}

/* 0: nobody traces it. While somebody does, he is its parent. */
static __always_inline __u32 tracer_of(struct task_struct *task)
{
	return GET(task, ptrace) ? GET(task, parent, tgid) : 0;
}

/* args: task, old pid, linux_binprm */
SEC("raw_tp/sched_process_exec")
int exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *binprm = (void *)ctx->args[2];
	struct scratch *s = begin(SITE_exec, FRAME_EXEC);
	struct mm_struct *mm;
	long length;

	if (!s)
		return 0;
	mm = GET(current_task(), mm);
	put_file(s, GET(mm, exe_file));
	if (shared.has_guard)
		s->urgent = is_protected_image();
	s->event.file.tracer = tracer_of(current_task());
	s->event.file.network = network_descriptors();
	length = bpf_probe_read_kernel_str(text_room(s), FRAME_TEXT_BYTES_MAX, GET(binprm, filename));
	if (length > 1) /* counts the NUL */
		text_done(s, TEXT_FILENAME, (length - 1) & FRAME_TEXT_BYTES_MAX);
	if (length == FRAME_TEXT_BYTES_MAX)
		s->event.flags |= FRAME_TRUNCATED;
	put_argv(s, mm);
	mark_environment();
	if (BPF_CORE_READ_BITFIELD_PROBED(binprm, secureexec))
		s->event.flags |= FRAME_SECURE_EXEC;
	return end(s, SITE_exec);
}

SEC("raw_tp/sched_process_exit")
int exit(void)
{
	struct task_struct *task = current_task();
	struct signal_struct *signal = GET(task, signal);
	struct scratch *s;
	__u32 status;

	if (GET(signal, live.counter) || !is_first_to_tell(task))
		return 0; /* other threads live on */
	s = begin(SITE_exit, FRAME_EXIT);
	if (!s)
		return 0;
	status = GET(signal, flags) & SIGNAL_GROUP_EXIT ? GET(signal, group_exit_code)
							 : GET(task, group_leader, exit_code);
	s->event.exit.code = status >> 8 & 0xff;
	s->event.exit.signal = status & 0x7f;
	s->event.exit.dumped = status >> 7 & 1;
	return end(s, SITE_exit);
}

int memory_descriptor(void); /* file.bpf.c */

/* args: parent, child. A new process, not a new thread; told before it runs, with what protected memory it was handed. */
SEC("raw_tp/sched_process_fork")
int fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];
	struct scratch *s;

	if (GET(child, pid) != GET(child, tgid))
		return 0;
	s = begin(SITE_fork, FRAME_FORK);
	if (!s)
		return 0;
	put_target(s, child);
	s->event.target.request = tracer_of(child);
	if (shared.has_guard && is_reacher(GET(current_task(), group_leader))) {
		struct file *memory = file_at(memory_descriptor());

		put_path(s, TEXT_PATH, memory);
		s->urgent = !!memory;
	}
	return end(s, SITE_fork);
}

/* execve, execveat; of the 32-bit entry, 11 of which is munmap elsewhere; of x32 */
static __always_inline bool is_exec(__u64 call)
{
	switch ((__u32)call & ~0x40000000u) {
	case 59:
	case 322:
	case 11:
	case 358:
	case 520:
	case 545:
		return true;
	}
	return false;
}

/* args: task, new comm. A process takes another name; that of an exec is told by the exec, a thread's own says nothing. */
SEC("raw_tp/task_rename")
int task_rename(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	struct frame_rename rename = {};
	struct scratch *s;

	if (GET(task, pid) != GET(task, tgid) || !GET(task, mm) || is_exec(GET(registers(), orig_ax)))
		return 0;
	bpf_core_read(rename.from, sizeof(rename.from), &task->comm);
	bpf_probe_read_kernel_str(rename.to, sizeof(rename.to), (void *)ctx->args[1]);
	s = begin(SITE_task_rename, FRAME_RENAME);
	if (!s)
		return 0;
	s->event.rename = rename;
	return end(s, SITE_task_rename);
}
