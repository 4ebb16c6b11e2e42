/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Descriptors that came over a unix socket (SCM_RIGHTS), where they are of a watched file or of the memory of a process. Looked at when
 * recvmsg returns, in the table of who received them; who sent them is the other side of the socket, as the kernel knows it.
 */
#include "event.bpf.h"
#include "file.bpf.h"
#include "task.bpf.h"

#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MESSAGES_MAX 4
#define DESCRIPTORS_MAX 253 /* the kernel's SCM_MAX_FD */

struct control { /* of a message, as user memory has it */
	__u64 at;
	__u64 length;
};

struct control_head {
	__u64 length;
	int level;
	int type;
};

__noinline int descriptor_passed(int fd, int socket)
{
	struct file *file = file_at(fd);
	struct task_struct *sender, *owner;
	struct scratch *s;
	__u32 entry;

	if (!file)
		return 0;
	owner = memory_owner(GET(file, f_inode), GET(file, f_path.dentry));
	entry = owner ? NO_ENTRY : entry_of(GET(file, f_inode), GET(file, f_path.dentry));
	if (!owner && entry == NO_ENTRY)
		return 0;
	s = begin(SITE_passed, FRAME_PASSED);
	if (!s)
		return 0;
	sender = task_of(GET(sock_at(socket), sk_peer_pid));
	if (sender)
		put_target(s, sender);
	s->event.target.request = flags_of(file);
	s->event.target.result = fd;
	put_path(s, TEXT_PATH, file);
	if (entry != NO_ENTRY)
		put_watched(s, entry);
	return end(s, SITE_passed);
}

static __always_inline void descriptors_passed(__u64 head_at, const struct control_head *head, int socket)
{
	for (int i = 0; i < DESCRIPTORS_MAX; i++) {
		__u64 at = sizeof(*head) + i * sizeof(int);
		int fd;

		if (at + sizeof(fd) > head->length || bpf_probe_read_user(&fd, sizeof(fd), (void *)head_at + at))
			return;
		descriptor_passed(fd, socket);
	}
}

SEC("tp/syscalls/sys_exit_recvmsg")
int passed(struct sys_exit *ctx)
{
	struct pt_regs *regs;
	struct control control;
	__u64 at;

	if (ctx->ret < 0)
		return 0;
	regs = registers();
	/* struct user_msghdr: its sixth and seventh word */
	if (bpf_probe_read_user(&control, sizeof(control), (void *)GET(regs, si) + 32) || control.length < sizeof(struct control_head) + sizeof(int))
		return 0;
	at = control.at;
	for (int i = 0; i < MESSAGES_MAX; i++) {
		struct control_head head;

		if (at + sizeof(head) > control.at + control.length || bpf_probe_read_user(&head, sizeof(head), (void *)at))
			return 0;
		if (head.level == SOL_SOCKET && head.type == SCM_RIGHTS)
			descriptors_passed(at, &head, GET(regs, di));
		if (head.length < sizeof(head))
			return 0;
		at += (head.length + 7) & ~7ull;
	}
	return 0;
}
