/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* exec and exit. Raw tracepoints, for they cost other syscalls nothing and load from 5.10 on. */
#include "event.bpf.h"
#include "file.bpf.h"

struct process {
	__u64 start_ns;
	__u64 pid;
};

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
	length = bpf_probe_read_kernel_str(text_room(s), FRAME_TEXT_BYTES_MAX, GET(binprm, filename));
	if (length > 1) /* counts the NUL */
		text_done(s, TEXT_FILENAME, (length - 1) & FRAME_TEXT_BYTES_MAX);
	if (length == FRAME_TEXT_BYTES_MAX)
		s->event.flags |= FRAME_TRUNCATED;
	put_argv(s, mm);
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
	return end(s, SITE_exit);
}
