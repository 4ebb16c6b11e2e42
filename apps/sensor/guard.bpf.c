/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the guard is told (docs/formats/frame.md, 12): by a ring of its own, so that it waits for nobody, and no flood of other frames
 * takes its room. Who is protected is in a table that it orders (protected.c).
 */
#include "event.bpf.h"
#include "task.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, GUARD_RING_BYTES);
} guard_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PROTECTED_TABLES);
	__type(key, __u32);
	__type(value, struct protected_table);
} protected SEC(".maps");

#define REACHERS_MAX 4096

/* Who opened or was given a descriptor of a protected memory: whether what it makes has that as well is looked at (process.bpf.c). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, REACHERS_MAX);
	__type(key, struct process);
	__type(value, __u8);
} reachers SEC(".maps");

static __always_inline struct protected_table *table_in_force(void)
{
	__u32 which = shared.protected_table & (PROTECTED_TABLES - 1);

	return bpf_map_lookup_elem(&protected, &which);
}

/* Whether that list is held or not; NULL: it has no such process. */
static __always_inline struct protected_row *row_of(struct protected_table *table, __u32 pid, __u64 start_ns)
{
	__u32 place;

	if (!table)
		return NULL;
	place = protected_place(pid, table->pid_factor);
	for (int i = 0; i < PROTECTED_PROBES; i++) {
		struct protected_row *row = &table->row[(place + i) & (PROTECTED_ROWS - 1)];

		if (!row->pid)
			return NULL;
		if (row->pid == pid)
			return row->start == start_ns / START_UNIT_NS ? row : NULL;
	}
	return NULL;
}

/* Global functions: the verifier looks at each once, not wherever it is called. */
__noinline int is_protected(__u32 pid, __u64 start_ns)
{
	return row_of(table_in_force(), pid, start_ns) && bpf_ktime_get_boot_ns() < shared.protected_until_ns;
}

static __always_inline bool is_protected_task(struct task_struct *leader)
{
	return leader && shared.has_guard && is_protected(GET(leader, tgid), GET(leader, start_boottime));
}

/* Of the path that was walked last, by the table's seed; 0: it is too long to be anybody's. */
__noinline __u64 walked_hash(void)
{
	struct protected_table *table = table_in_force();
	__u32 zero = 0, at, length;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	__u64 hash;

	if (!s || !table)
		return 0;
	at = s->path_at;
	length = PATH_BYTES - at;
	if (length >= IMAGE_PATH_BYTES)
		return 0;
	hash = table->seed;
	for (__u32 i = 0; i < IMAGE_PATH_BYTES && i < length; i += 8) {
		__u64 word = 0;

		bpf_probe_read_kernel(&word, sizeof(word), &s->path[(at + i) & (PATH_BYTES - 1)]);
		if (length - i < 8)
			word &= (1ull << (length - i) * 8) - 1;
		hash = (hash ^ word) * table->factor;
		hash ^= hash >> 32;
	}
	return hash;
}

/* Whether the path that was walked last is that of a program whose starts are told. */
__noinline int is_protected_image(void)
{
	struct protected_table *table = table_in_force();
	__u64 hash;

	if (!table || !table->images || bpf_ktime_get_boot_ns() >= shared.protected_until_ns)
		return 0;
	hash = walked_hash();
	if (!hash)
		return 0;
	for (int i = 0; i < IMAGE_PROBES; i++) {
		__u64 image = table->image[(hash + i) & (IMAGE_ROWS - 1)];

		if (image == hash || !image)
			return !!image;
	}
	return 0;
}

static __always_inline bool is_urgent(struct scratch *s)
{
	struct frame_event *e = &s->event;

	switch (e->kind) {
	case FRAME_MODULE:
	case FRAME_BPF:
	case FRAME_SYSCTL:
		return true;
	case FRAME_EXEC:
	case FRAME_EXIT:
	case FRAME_FORK:
	case FRAME_EXECUTABLE:
		return s->urgent || is_protected(e->pid, e->start_ns);
	case FRAME_PERF:
		return !e->target.ref.pid || e->text_len[TEXT_PATH] || is_protected(e->target.ref.pid, e->target.ref.start_ns);
	case FRAME_MEM_OPEN:
	case FRAME_PTRACE:
	case FRAME_VM_READ:
	case FRAME_VM_WRITE:
	case FRAME_SIGNAL:
	case FRAME_FD_TAKEN:
	case FRAME_LIMIT:
	case FRAME_ADVICE:
	case FRAME_COMPARE:
	case FRAME_FAULTS:
		return s->urgent || is_protected(e->target.ref.pid, e->target.ref.start_ns);
	}
	return s->urgent;
}

static __always_inline void remember_reacher(__u32 pid, __u64 start_ns)
{
	struct process key = { start_ns, pid };
	__u8 value = 1;

	bpf_map_update_elem(&reachers, &key, &value, BPF_ANY);
}

/* Of an event that the guard is told. */
static __always_inline void learn_reacher(struct frame_event *e)
{
	switch (e->kind) {
	case FRAME_MEM_OPEN:
	case FRAME_FD_TAKEN:
	case FRAME_PASSED:
		if (e->pid != e->target.ref.pid)
			remember_reacher(e->pid, e->start_ns);
		break;
	case FRAME_FORK:
		if (e->text_len[TEXT_PATH])
			remember_reacher(e->target.ref.pid, e->target.ref.start_ns);
	}
}

static __always_inline bool is_reacher(struct task_struct *leader)
{
	struct process key = { GET(leader, start_boottime), GET(leader, tgid) };

	return bpf_map_lookup_elem(&reachers, &key);
}

static __always_inline void put_in_guard_ring(struct scratch *s)
{
	struct frame_counts *counts = counts_of(PIPE_GUARD, s->event.site);

	if (bpf_ringbuf_output(&guard_ring, s->bytes, s->at & (FRAME_BYTES_MAX - 1), 0) && counts)
		__sync_fetch_and_add(&counts->dropped, 1);
}

static __always_inline bool is_sensor(__u32 pid, __u64 start_ns)
{
	return pid == shared.own[OWN_SENSOR] && start_ns + OUTLIVING_SECONDS * 1000000000ull <= shared.until_ns;
}

/* By the sensor or a child of its own, canaries for one. */
static __always_inline bool is_by_sensor(struct scratch *s)
{
	struct frame_ref *parent = (struct frame_ref *)(s->bytes + sizeof(struct frame_event));

	return shared.introduction.pid_ns == INITIAL_PID_NS &&
	       (is_sensor(s->event.pid, s->event.start_ns) || (s->event.ancestors && is_sensor(parent->pid, parent->start_ns)));
}

/* The event that is being put together, once it is whole. */
__noinline int tell_guard(void)
{
	__u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &zero);
	struct frame_counts *counts;

	if (!s || !is_urgent(s) || is_by_sensor(s))
		return 0;
	learn_reacher(&s->event);
	counts = counts_of(PIPE_GUARD, s->event.site);
	if (counts)
		__sync_fetch_and_add(&counts->produced, 1);
	put_in_guard_ring(s);
	return 0;
}

/* An event that is told to the guard alone. NULL: as of begin(). */
static __always_inline struct scratch *begin_for_guard(enum frame_site site, enum frame_kind kind)
{
	return begin_on(PIPE_GUARD, site, kind);
}

static __always_inline int end_for_guard(struct scratch *s)
{
	put_in_guard_ring(s);
	__sync_fetch_and_add(&s->busy, -1);
	return 0;
}

struct kernfs_node { __u64 id; } __attribute__((preserve_access_index));
struct cgroup { struct kernfs_node *kn; } __attribute__((preserve_access_index));

static __noinline int put_frozen(struct bpf_raw_tracepoint_args *ctx, __u32 frozen)
{
	struct cgroup *group = (void *)ctx->args[0];
	struct scratch *s;
	long length;

	if (!shared.has_guard)
		return 0;
	s = begin_for_guard(SITE_reach, FRAME_FROZEN);
	if (!s)
		return 0;
	s->event.frozen.cgroup = GET(group, kn, id);
	s->event.frozen.frozen = frozen;
	length = bpf_probe_read_kernel_str(text_room(s), FRAME_TEXT_BYTES_MAX, (void *)ctx->args[1]);
	if (length > 1) /* counts the NUL */
		text_done(s, TEXT_PATH, (length - 1) & FRAME_TEXT_BYTES_MAX);
	return end_for_guard(s);
}

/* args: cgroup, its path. Of each group that is frozen by it. */
SEC("raw_tp/cgroup_freeze")
int reach__freeze(struct bpf_raw_tracepoint_args *ctx)
{
	return put_frozen(ctx, 1);
}

SEC("raw_tp/cgroup_unfreeze")
int reach__unfreeze(struct bpf_raw_tracepoint_args *ctx)
{
	return put_frozen(ctx, 0);
}

#define PR_SET_DUMPABLE 4
#define PR_SET_PTRACER 0x59616d61

/* What a protected process does to itself. */
SEC("tp/syscalls/sys_exit_prctl")
int reach__prctl(struct sys_exit *ctx)
{
	struct pt_regs *regs;
	__u32 option;
	struct scratch *s;

	if (!shared.has_guard || ctx->ret)
		return 0;
	regs = registers();
	option = GET(regs, di);
	if ((option != PR_SET_DUMPABLE && option != PR_SET_PTRACER) || !is_protected_task(GET(current_task(), group_leader)))
		return 0;
	s = begin_for_guard(SITE_reach, FRAME_WEAKENED);
	if (!s)
		return 0;
	s->event.weakened.what = option == PR_SET_DUMPABLE ? FRAME_WEAKENED_DUMPABLE : FRAME_WEAKENED_TRACER;
	s->event.weakened.value = GET(regs, si);
	return end_for_guard(s);
}
