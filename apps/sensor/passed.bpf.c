/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Descriptors that came over a unix socket (SCM_RIGHTS), where they are of a watched file or of the memory of a process. Tier 1 looks at
 * them when recvmsg returns, in the table of who received them. Tier 2 is handed each file that a process is about to receive, by
 * whatever call. Who sent them is the other side of the socket, as the kernel knows it.
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

#define RECVMSG 47
#define RECVMMSG 299
#define RECVMMSG_32 337
#define RECVMSG_32 372
#define PIDFD_GETFD 438 /* by either entry */

/* -1: it has no number yet; the socket is not known. */
static __always_inline int file_passed(struct file *file, int fd, int socket)
{
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
	s->urgent = entry == NO_ENTRY ? is_protected_task(owner) : shared.urgent[entry & (WATCHED_NAMES_MAX - 1)];
	s->event.target.request = flags_of(file);
	s->event.target.result = fd;
	put_path(s, TEXT_PATH, file);
	if (entry != NO_ENTRY)
		put_watched(s, entry);
	return end(s, SITE_passed);
}

__noinline int descriptor_passed(int fd, int socket)
{
	return file_passed(file_at(fd), fd, socket);
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

/* args: file */
SEC("lsm/file_receive")
int passed__file_receive(__u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	struct pt_regs *regs;
	int socket = -1;

	if (!shared.by_object || !file_may_matter(file))
		return 0;
	regs = registers();
	switch (GET(regs, orig_ax)) {
	case PIDFD_GETFD:
		return 0; /* taken, not given: reach tells it */
	case RECVMSG:
	case RECVMMSG:
		socket = GET(regs, di);
		break;
	case RECVMSG_32:
	case RECVMMSG_32:
		socket = GET(regs, bx);
	}
	file_passed(file, -1, socket);
	return 0;
}
