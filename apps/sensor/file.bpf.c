/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Opens of watched files and of /proc/PID/mem, by the file itself: what was opened, not what user memory claimed to ask for.
 * Tier 1 finds it behind the new descriptor when one of the four calls returns. Tier 2, where the kernel has it, is handed it by
 * every open there is, whatever call it began with; it is not asked about O_PATH.
 */
#include "event.bpf.h"
#include "file.bpf.h"
#include "task.bpf.h"
#include "refused.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WATCHED_OBJECTS_MAX);
	__type(key, struct object);
	__type(value, struct watch);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WATCHED_NAMES_MAX);
	__type(key, struct watched_name);
	__type(value, __u32); /* entry */
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WATCHED_NAMES_MAX);
	__type(key, __u32); /* entry */
	__type(value, char[PATH_BYTES]);
} paths SEC(".maps");

/* A function of kernels from 6.3 on, called like a helper of this number until programs.c has put its own in. */
static void *(*bpf_rdonly_cast)(const void *object, __u32 type) = (void *)RDONLY_CAST;

static __always_inline struct object object_of(struct inode *inode)
{
	return (struct object){
		.ino = GET(inode, i_ino),
		.dev = GET(inode, i_sb, s_dev),
		.generation = GET(inode, i_generation),
	};
}

static __always_inline __u32 entry_by_name(const struct object *dir, struct dentry *dentry)
{
	__u32 zero = 0, *entry;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);

	if (!s)
		return NO_ENTRY;
	__builtin_memset(&s->name, 0, sizeof(s->name));
	s->name.dir = *dir;
	bpf_probe_read_kernel_str(s->name.name, NAME_BYTES, GET(dentry, d_name.name));
	entry = bpf_map_lookup_elem(&names, &s->name);
	return entry ? *entry : NO_ENTRY;
}

/*
 * The entry by which a file is watched: its own, or that of its directory and name, whichever stands first in the list,
 * so that what was told by one entry once cannot be passed off as a later one; else that of its whole directory. Found
 * by name it becomes watched by itself too: so a replacement by rename is followed, and later hard links to it as well.
 * When the map is full the name still counts, and that it is full is a loss.
 */
static __always_inline __u32 entry_of(struct inode *inode, struct dentry *dentry)
{
	struct object self = object_of(inode);
	struct object dir = object_of(GET(dentry, d_parent, d_inode));
	struct watch *own = bpf_map_lookup_elem(&watched, &self);
	struct watch *above = bpf_map_lookup_elem(&watched, &dir);
	__u32 known = own && own->how & WATCH_OBJECT ? own->entry : NO_ENTRY;
	struct watch learned = { WATCH_OBJECT, NO_ENTRY };

	if (!above || (GET(inode, i_mode) & S_IFMT) == S_IFDIR)
		return known;
	if (above->how & WATCH_NAMES)
		learned.entry = entry_by_name(&dir, dentry);
	if (learned.entry < known) {
		if (bpf_map_update_elem(&watched, &self, &learned, BPF_ANY))
			lose(PIPE_AGENT, SITE_openat); /* by other names it will be opened, and nothing told */
		shared.marks[mark_of(self.ino)] = 1;
		return learned.entry;
	}
	return known == NO_ENTRY && above->how & WATCH_ALL ? above->entry : known;
}

static __always_inline void put_watched(struct scratch *s, __u32 entry)
{
	char *path = bpf_map_lookup_elem(&paths, &entry);
	long length = path ? bpf_probe_read_kernel_str(text_room(s), PATH_BYTES, path) : 0;

	if (length > 1) /* counts the NUL */
		text_done(s, TEXT_WATCHED, (length - 1) & FRAME_TEXT_BYTES_MAX);
}

/* The first eight bytes of a file's name in /proc/PID or /proc/PID/task/TID; 0: it lies elsewhere. */
static __always_inline __u64 name_in_proc(struct inode *inode, struct dentry *dentry)
{
	__u64 name = 0;

	if (GET(inode, i_sb, s_magic) == PROC_SUPER_MAGIC)
		bpf_probe_read_kernel_str(&name, sizeof(name), GET(dentry, d_name.name));
	return name;
}

static __always_inline struct task_struct *proc_owner(struct inode *inode)
{
	struct proc_inode *proc = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);

	return task_of(GET(proc, pid));
}

#define NAME_MEM 0x006d656dull /* "mem" and its end; procfs has no other file of that name */

static __always_inline struct task_struct *memory_owner(struct inode *inode, struct dentry *dentry)
{
	return name_in_proc(inode, dentry) == NAME_MEM ? proc_owner(inode) : NULL;
}

static __always_inline bool is_protected_memory(struct file *file)
{
	struct inode *inode = GET(file, f_inode);

	return file && shared.has_guard && is_protected_task(memory_owner(inode, GET(file, f_path.dentry)));
}

#define DESCRIPTORS_LOOKED 1024

__noinline int is_memory_descriptor(int fd)
{
	return is_protected_memory(file_at(fd));
}

/* The current task's first one that is of the memory of a protected process; -1: none of the lowest so many is. */
__noinline int memory_descriptor(void)
{
	int count = GET(current_task(), files, fdt, max_fds);

	for (int fd = 0; fd < DESCRIPTORS_LOOKED && fd < count; fd++)
		if (is_memory_descriptor(fd))
			return fd;
	return -1;
}

/* What the kernel shows of a process to those alone who may trace it; of longer names the first seven bytes. */
static __always_inline bool is_inner(__u64 name)
{
	switch (name) {
	case 0x006e6f7269766e65: /* environ */
	case 0x0000000076787561: /* auxv */
	case 0x000000007370616d: /* maps */
	case 0x0000007370616d73: /* smaps */
	case 0x00725f7370616d73: /* smaps_rollup */
	case 0x00616d5f616d756e: /* numa_maps */
	case 0x0070616d65676170: /* pagemap */
	case 0x00725f7261656c63: /* clear_refs */
	case 0x006c6c6163737973: /* syscall */
	case 0x0000006b63617473: /* stack */
	case 0x0000000000006466: /* fd */
	case 0x006c69665f70616d: /* map_files */
		return true;
	}
	return false;
}

/* By its own number in its own namespace, which is all that a sensor in a container knows of itself. */
static __always_inline bool is_introduction(void)
{
	struct upid *own = own_number(current_task());

	return (__u32)GET(own, nr) == shared.introduction.pid && GET(own, ns, ns.inum) == shared.introduction.pid_ns;
}

/* The process that tells of changes looks at what was changed. */
static __always_inline bool is_own_look(void)
{
	return is_the(OWN_CHANGES, GET(current_task(), group_leader));
}

/* What asks for the making of a file the kernel takes away once it is open, but it remembers whether this open made it. */
static __always_inline __u32 flags_of(struct file *file)
{
	return (GET(file, f_flags) & ~OPENING_FLAGS) | (GET(file, f_mode) & FMODE_CREATED ? O_CREAT : 0);
}

static __always_inline int memory_opened(struct file *file, struct task_struct *target, enum frame_site site, bool denied)
{
	struct scratch *s = begin(site, FRAME_MEM_OPEN);

	if (!s)
		return 0;
	put_target(s, target);
	s->event.target.request = flags_of(file);
	if (denied) {
		s->event.flags |= FRAME_PREVENTED;
		s->event.target.result = -EPERM;
	}
	return end(s, site);
}

static __noinline int inner_opened(struct file *file, struct task_struct *target, enum frame_site site)
{
	struct scratch *s;

	if (!is_protected_task(target) || target == GET(current_task(), group_leader))
		return 0;
	s = begin_for_guard(site, FRAME_PROC_OPEN);
	if (!s)
		return 0;
	put_target(s, target);
	s->event.target.request = flags_of(file);
	put_path(s, TEXT_PATH, file);
	return end_for_guard(s);
}

static __always_inline int watched_opened(struct file *file, enum frame_site site)
{
	__u32 entry = entry_of(GET(file, f_inode), GET(file, f_path.dentry));
	struct scratch *s;

	if (entry == NO_ENTRY)
		return 0;
	s = begin(site, FRAME_FILE_OPEN);
	if (!s)
		return 0;
	s->urgent = shared.urgent[entry & (WATCHED_NAMES_MAX - 1)];
	s->event.file.open_flags = flags_of(file);
	put_file(s, file);
	put_watched(s, entry);
	return end(s, site);
}

static __always_inline int file_opened(struct file *file, enum frame_site site)
{
	struct inode *inode = GET(file, f_inode);
	__u64 name;

	if (!file)
		return 0;
	if (shared.introduction.pid && is_introduction()) {
		shared.introduction.object = object_of(inode);
		shared.introduction.answers++;
		return 0;
	}
	if (is_own_look())
		return 0;
	name = name_in_proc(inode, GET(file, f_path.dentry));
	if (name == NAME_MEM && proc_owner(inode))
		return memory_opened(file, proc_owner(inode), site, false);
	if (shared.has_guard && is_inner(name))
		inner_opened(file, proc_owner(inode), site);
	return shared.by_object && !(GET(file, f_flags) & O_PATH) ? 0 : watched_opened(file, site);
}

static __always_inline int opened(long fd, enum frame_site site)
{
	return file_opened(file_at(fd), site);
}

/* Where the verifier knows the type of a pointer a read is one instruction, and not a call of 20 ns. */
static __always_inline bool file_may_matter(struct file *file)
{
	struct inode *inode = file->f_inode;

	return shared.marks[mark_of(inode->i_ino)] ||
	       shared.marks[mark_of(file->f_path.dentry->d_parent->d_inode->i_ino)] ||
	       inode->i_sb->s_magic == PROC_SUPER_MAGIC || shared.introduction.pid;
}

/* Of an open that one of the four calls began with: what the table of descriptors points to, its type has to be told. */
static __always_inline bool may_matter(long fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct file *file = NULL;

	if (fd < 0 || fd >= table->max_fds)
		return false;
	bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	return file_may_matter(bpf_rdonly_cast(file, bpf_core_type_id_kernel(struct file)));
}

/* The second form is for kernels that cannot load the first: it looks at every file that is opened. */
#define OPEN_SITE(name, refusal)                                                                                       \
	SEC("tp/syscalls/sys_exit_" #name) int name(struct sys_exit *ctx)                                              \
	{                                                                                                              \
		if (ctx->ret < 0)                                                                                      \
			return is_refusal(ctx->ret) ? refusal(ctx->ret) : 0;                                           \
		return may_matter(ctx->ret) ? opened(ctx->ret, SITE_##name) : 0;                                       \
	}                                                                                                              \
	SEC("?tp/syscalls/sys_exit_" #name) int name##_any(struct sys_exit *ctx)                                       \
	{                                                                                                              \
		if (ctx->ret < 0)                                                                                      \
			return is_refusal(ctx->ret) ? refusal(ctx->ret) : 0;                                           \
		return opened(ctx->ret, SITE_##name);                                                                  \
	}

static __always_inline int refused_name(long result)
{
	return refused_open(GET(registers(), di), AT_FDCWD, result);
}

static __always_inline int refused_name_at(long result)
{
	struct pt_regs *regs = registers();

	return refused_open(GET(regs, si), GET(regs, di), result);
}

/* A handle is no name. */
static __always_inline int refused_handle(long result)
{
	(void)result;
	return 0;
}

OPEN_SITE(open, refused_name)
OPEN_SITE(openat, refused_name_at)
OPEN_SITE(openat2, refused_name_at)
OPEN_SITE(creat, refused_name)
OPEN_SITE(open_by_handle_at, refused_handle)

/*
 * args: task, old pid, linux_binprm. To run a watched file is to read it; where every open is handed over, that of the image was. A
 * script is opened by its interpreter.
 */
SEC("raw_tp/sched_process_exec")
int exec__watched(void)
{
	struct file *file = GET(current_task(), mm, exe_file);

	if (shared.by_object || !(shared.marks[mark_of(GET(file, f_inode, i_ino))] ||
				  shared.marks[mark_of(GET(file, f_path.dentry, d_parent, d_inode, i_ino))]))
		return 0;
	return watched_opened(file, SITE_exec);
}

/* The call that an open is part of; one of another entry than that of 64 bits has numbers of its own. */
static __always_inline enum frame_site open_site(void)
{
	if (GET(current_task(), thread_info.status) & TS_COMPAT)
		return SITE_entry_32;
	if (GET(current_task(), flags) & PF_IO_WORKER)
		return SITE_io_uring;
	switch (GET(registers(), orig_ax)) {
	case 2:
		return SITE_open;
	case 85:
		return SITE_creat;
	case 257:
		return SITE_openat;
	case 304:
		return SITE_open_by_handle_at;
	case 426: /* io_uring_enter */
		return SITE_io_uring;
	case 437:
		return SITE_openat2;
	}
	return SITE_file_open;
}

/* Whether no tracepoint says later what became of the open: of a ring's one does where it names the request, since 5.19. */
static __always_inline bool is_last_to_see(enum frame_site site)
{
	return site == SITE_file_open || (site == SITE_io_uring && !bpf_core_field_exists(struct io_kiocb, cqe));
}

/*
 * args: file. What comes by one of the four calls keeps its site. Whether the owner of a memory allows it is asked after this; by
 * the four calls, that is left to the tracepoint, which knows, but for what the guard has denied: that ends here.
 */
SEC("lsm/file_open")
long file_open(__u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	enum frame_site site;
	struct inode *inode;
	__u64 name;

	if (!file_may_matter(file))
		return 0;
	if (shared.introduction.pid && is_introduction()) {
		shared.introduction.answers_by_object++;
		return 0;
	}
	if (!shared.by_object || is_own_look())
		return 0;
	site = open_site();
	inode = GET(file, f_inode);
	name = name_in_proc(inode, GET(file, f_path.dentry));
	if (name == NAME_MEM && proc_owner(inode)) {
		bool denied = refuses(proc_owner(inode));

		if (denied || is_last_to_see(site))
			memory_opened(file, proc_owner(inode), site, denied);
		return verdict(denied);
	}
	if (is_last_to_see(site) && shared.has_guard && is_inner(name))
		inner_opened(file, proc_owner(inode), site);
	watched_opened(file, site);
	return 0;
}
