/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel's structures, as far as we read them. Only names count: CO-RE finds each field's place in the running
 * kernel's BTF, also inside anonymous unions, so one object serves 5.10 to today.
 */
#ifndef SEALWATCH_KERNEL_H
#define SEALWATCH_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node { struct hlist_node *next, **pprev; };
struct hlist_bl_node { struct hlist_bl_node *next, **pprev; };
struct hlist_head { struct hlist_node *first; };

typedef struct { __u32 val; } kuid_t;
typedef struct { __u32 val; } kgid_t;
typedef struct { int counter; } atomic_t;

struct ns_common { unsigned int inum; };

/* pid numbers: an idr per namespace, which is a radix tree of struct pid */
struct xarray { void *xa_head; };
struct xa_node { unsigned char shift; void *slots[64]; };
struct idr { struct xarray idr_rt; };
struct pid_namespace { struct idr idr; struct ns_common ns; };
struct upid { int nr; struct pid_namespace *ns; };
struct pid { unsigned int level; struct hlist_head tasks[1]; struct upid numbers[1]; };

struct mnt_namespace { struct ns_common ns; };
struct uts_namespace { struct ns_common ns; };
struct ipc_namespace { struct ns_common ns; };
struct net { struct ns_common ns; };
struct user_namespace { struct ns_common ns; };
struct cgroup_namespace { struct ns_common ns; };
struct time_namespace { struct ns_common ns; };
struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns_for_children; /* 5.6, CONFIG_TIME_NS */
	struct cgroup_namespace *cgroup_ns;
};

struct super_block { __u32 s_dev; unsigned long s_magic; };
struct inode {
	unsigned short i_mode;
	kuid_t i_uid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	__u32 i_generation;
	void *i_private;
};
struct qstr { __u32 len; const unsigned char *name; };
struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; struct inode *d_inode; };
struct vfsmount { struct dentry *mnt_root; };
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
struct file { struct inode *f_inode; struct path f_path; unsigned int f_flags; unsigned int f_mode; void *private_data; };
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct fs_struct { struct path pwd; };
struct proc_inode { struct pid *pid; struct inode vfs_inode; };

struct mm_struct { unsigned long arg_start, arg_end, env_start, env_end; struct file *exe_file; };
typedef struct { int opaque; } kernel_cap_t; /* 64 bits, however they are called */
struct cred {
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
};
struct signal_struct { atomic_t live; int group_exit_code; unsigned int flags; };
struct linux_binprm { unsigned int secureexec : 1; const char *filename; };

struct thread_info { __u32 status; };

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	struct mm_struct *mm;
	unsigned int flags;
	unsigned int ptrace;
	int exit_code;
	int pid, tgid;
	struct task_struct *real_parent, *parent, *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[1];
	__u64 start_boottime;
	__u64 self_exec_id;
	const struct cred *real_cred;
	char comm[16];
	struct files_struct *files;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid; /* CONFIG_AUDIT */
	unsigned int sessionid;
};

struct bpf_prog_aux { __u32 id; char name[16]; };
struct bpf_prog { enum bpf_prog_type type; struct bpf_prog_aux *aux; };
struct bpf_map { enum bpf_map_type map_type; __u32 id; char name[16]; };
struct bpf_link { __u32 id; struct bpf_prog *prog; };
struct perf_event_attr { __u32 type; };
struct perf_event { struct perf_event_attr attr; };

struct pt_regs { unsigned long r10, r8, bx, cx, dx, si, di, orig_ax; };
struct kernel_siginfo { int si_code; };

typedef struct { struct net *net; } possible_net_t;
struct in6_addr { __u32 word; };
struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	__u32 skc_daddr, skc_rcv_saddr;
	__u16 skc_dport, skc_num;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock { struct sock_common __sk_common; __u16 sk_type, sk_protocol; int sk_err; unsigned char sk_userlocks : 4; struct pid *sk_peer_pid; };
struct socket { struct sock *sk; };
struct sockaddr_un { unsigned short sun_family; char sun_path[108]; };
struct unix_address { int len; struct sockaddr_un name[1]; };
struct unix_sock { struct unix_address *addr; struct sock *peer; };

/* Since 5.19 a request keeps its completion. That of an open begins with what is asked for. */
struct io_cqe { __s32 res; };
struct io_rsrc_node { unsigned long file_ptr; };
struct io_rsrc_data { struct io_rsrc_node **nodes; };
struct io_fixed_file { unsigned long file_ptr; };
struct io_file_table { struct io_rsrc_data data; }; /* since 6.13 */
struct io_file_table___before { struct io_fixed_file *files; };
struct io_ring_ctx { struct io_file_table file_table; };
struct io_kiocb { __u8 opcode; struct io_cqe cqe; struct io_ring_ctx *ctx; };
struct filename { const char *name; };
struct io_open { __u32 file_slot; struct filename *filename; };

#pragma clang attribute pop

#define SIGNAL_GROUP_EXIT 4u
#define PF_IO_WORKER 0x10 /* a thread of io_uring */
#define FMODE_CREATED (1u << 20)
#define PROC_SUPER_MAGIC 0x9fa0
#define INITIAL_PID_NS 4026531836u /* its inode number, always */
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define S_IFSOCK 0140000
#define AF_INET 2
#define AF_INET6 10
#define O_CREAT 0100
#define EPERM 1
#define ENOENT 2
#define EACCES 13
#define OPENING_FLAGS 01700 /* O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC */
#define O_PATH 010000000
#define TS_COMPAT 2 /* of thread_info: in a call by the 32-bit entry */
#define ESRCH 3
#define E2BIG 7
#define EEXIST 17

#define GET(from, ...) BPF_CORE_READ(from, __VA_ARGS__)

/* The context of a syscalls:sys_exit_* tracepoint. Its layout is ABI, and CO-RE is refused on it. */
struct sys_exit {
	__u64 common;
	long id;
	long ret;
};

#endif
