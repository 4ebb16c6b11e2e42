/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What changes the kernel itself, or looks into it: modules, BPF, performance events, sysctls. */
#include "event.bpf.h"
#include "file.bpf.h"
#include "task.bpf.h"
#include "refused.bpf.h"

/* Programs, maps and links of the sensor itself. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, OWN_OBJECTS_MAX);
	__type(key, struct bpf_object_id);
	__type(value, __u8);
} own SEC(".maps");

/* Contexts of tracepoints; their layout is ABI. */
struct module_load {
	__u64 common;
	__u32 taints;
	__u32 name; /* offset from here, and length << 16 */
};
struct module_free {
	__u64 common;
	__u32 name;
};

static __always_inline int put_module(void *ctx, __u32 name, __u32 change, __u32 taints)
{
	struct scratch *s = begin(SITE_module, FRAME_MODULE);
	long length;

	if (!s)
		return 0;
	s->event.module.change = change;
	s->event.module.taints = taints;
	length = bpf_probe_read_kernel_str(text_room(s), MODULE_NAME_BYTES, ctx + (name & 0xffff));
	if (length > 1) /* counts the NUL */
		text_done(s, TEXT_FILENAME, (length - 1) & FRAME_TEXT_BYTES_MAX);
	return end(s, SITE_module);
}

SEC("tp/module/module_load")
int module__load(struct module_load *ctx)
{
	return put_module(ctx, ctx->name, FRAME_MODULE_LOADED, ctx->taints);
}

SEC("tp/module/module_free")
int module__free(struct module_free *ctx)
{
	return put_module(ctx, ctx->name, FRAME_MODULE_UNLOADED, 0);
}

static __always_inline int module_refused(long result)
{
	struct scratch *s = is_refusal(result) ? begin_refused(FRAME_REFUSED_MODULE, GET(registers(), orig_ax), result) : NULL;

	return s ? end(s, SITE_refused) : 0;
}

SEC("tp/syscalls/sys_exit_init_module")
int refused__init_module(struct sys_exit *ctx)
{
	return module_refused(ctx->ret);
}

SEC("tp/syscalls/sys_exit_finit_module")
int refused__finit_module(struct sys_exit *ctx)
{
	return module_refused(ctx->ret);
}

enum bpf_calls {
	PROG_LOAD = 5,
	OBJ_PIN = 6,
	OBJ_GET = 7,
	PROG_ATTACH = 8,
	PROG_DETACH = 9,
	PROG_GET_FD_BY_ID = 13,
	MAP_GET_FD_BY_ID = 14,
	RAW_TRACEPOINT_OPEN = 17,
	LINK_CREATE = 28,
	LINK_UPDATE = 29,
	LINK_GET_FD_BY_ID = 30,
	LINK_DETACH = 34,
};

/* The number of the descriptor among what the caller gave, for calls that return none. */
static __always_inline long descriptor_of(void *attributes, __u32 command, long result)
{
	__u32 given[4] = {};

	switch (command) {
	case PROG_ATTACH: /* target, program */
	case PROG_DETACH:
		bpf_probe_read_user(given, sizeof(given), attributes);
		return given[1];
	case LINK_UPDATE:
	case LINK_DETACH:
		bpf_probe_read_user(given, sizeof(given), attributes);
		return given[0];
	case OBJ_PIN: /* path, descriptor */
		bpf_probe_read_user(given, sizeof(given), attributes);
		return given[2];
	}
	return result;
}

static __always_inline void put_program(struct frame_bpf *to, struct bpf_prog *program)
{
	struct bpf_prog_aux *aux = GET(program, aux);

	to->object.id = GET(aux, id);
	bpf_core_read(to->name, sizeof(to->name), &aux->name);
	to->type = GET(program, type);
}

/* What a descriptor of BPF stands for is told by the name of its anonymous inode. */
static __always_inline void put_bpf_object(struct frame_bpf *to, struct file *file)
{
	void *object = GET(file, private_data);
	char name[9] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), GET(file, f_path.dentry, d_name.name));
	if (!object || name[0] != 'b' || name[1] != 'p' || name[2] != 'f')
		return;
	switch (name[4]) {
	case 'p':
		to->object.kind = FRAME_BPF_PROGRAM;
		put_program(to, object);
		break;
	case 'm':
		to->object.kind = FRAME_BPF_MAP;
		to->object.id = GET((struct bpf_map *)object, id);
		to->type = GET((struct bpf_map *)object, map_type);
		bpf_core_read(to->name, sizeof(to->name), &((struct bpf_map *)object)->name);
		break;
	case 'l':
		put_program(to, GET((struct bpf_link *)object, prog));
		to->object.kind = FRAME_BPF_LINK;
		to->object.id = GET((struct bpf_link *)object, id);
		break;
	}
}

enum telling { NEVER, ALWAYS, IF_OWN };

/*
 * Loading, attaching and detaching, whoever does it. Taking hold of what is loaded already, which tools that list and measure do
 * all day, where it is the sensor's: from there on it can be read, changed and detached.
 */
static __always_inline enum telling telling_of(__u32 command)
{
	switch (command) {
	case PROG_LOAD:
	case OBJ_PIN:
	case PROG_ATTACH:
	case PROG_DETACH:
	case RAW_TRACEPOINT_OPEN:
	case LINK_CREATE:
	case LINK_UPDATE:
	case LINK_DETACH:
		return ALWAYS;
	case OBJ_GET:
	case PROG_GET_FD_BY_ID:
	case MAP_GET_FD_BY_ID:
	case LINK_GET_FD_BY_ID:
		return IF_OWN;
	}
	return NEVER;
}

static __always_inline int bpf_called(__u32 command, void *attributes, long result, enum frame_site site)
{
	struct frame_bpf told = { .result = result, .command = command };
	enum telling telling = telling_of(told.command);
	struct scratch *s;

	if (telling == NEVER || is_the(OWN_SENSOR, GET(current_task(), group_leader)))
		return 0;
	put_bpf_object(&told, file_at(descriptor_of(attributes, command, result)));
	told.own = bpf_map_lookup_elem(&own, &told.object) != NULL;
	if (telling == IF_OWN && !told.own)
		return 0;
	s = begin(site, FRAME_BPF);
	if (!s)
		return 0;
	s->event.bpf = told;
	return end(s, site);
}

SEC("tp/syscalls/sys_exit_bpf")
int bpf(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();

	return bpf_called(GET(regs, di), (void *)GET(regs, si), ctx->ret, SITE_bpf);
}

#define PERF_TYPES_STATIC 6   /* those beyond are of /sys/bus/event_source */
#define PERF_ATTR_CONFIG1 56 /* where a probe has the path of its file */

static __always_inline void put_probed(struct scratch *s, void *attributes)
{
	char *room = text_room(s);
	void *path = NULL;
	long length;

	bpf_probe_read_user(&path, sizeof(path), attributes + PERF_ATTR_CONFIG1);
	length = bpf_probe_read_user_str(room, FRAME_TEXT_BYTES_MAX, path);
	if (length > 1 && room[0] == '/') /* counts the NUL */
		text_done(s, TEXT_PATH, (length - 1) & FRAME_TEXT_BYTES_MAX);
}

/* Of another process, or of whatever runs on a CPU: by samples and tracepoints it sees what they do. */
SEC("tp/syscalls/sys_exit_perf_event_open")
int perf_event_open(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	int number = GET(regs, si);
	struct task_struct *self = GET(current_task(), group_leader), *target = NULL;
	struct perf_event *event;
	struct file *file = file_at(ctx->ret);
	__u32 type = ~0u;
	struct scratch *s;

	if (number == 0 || ctx->ret == -ESRCH)
		return 0;
	if (number > 0)
		target = find_task(number);
	if (target == self || is_the(OWN_SENSOR, self))
		return 0;
	event = GET(file, private_data);
	if (event)
		type = GET(event, attr.type);
	else
		bpf_probe_read_user(&type, sizeof(type), (void *)GET(regs, di));
	s = begin(SITE_perf_event_open, FRAME_PERF);
	if (!s)
		return 0;
	if (target)
		put_target(s, target);
	s->event.target.request = type;
	s->event.target.result = ctx->ret;
	if (type >= PERF_TYPES_STATIC)
		put_probed(s, (void *)GET(regs, di));
	return end(s, SITE_perf_event_open);
}

/* Called before the kernel takes the value: what is told is what was asked for. */
SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *ctx)
{
	struct scratch *s;
	long length;
	__u32 from;

	if (!ctx->write)
		return 1;
	s = begin(SITE_sysctl, FRAME_SYSCTL);
	if (!s)
		return 1;
	length = bpf_sysctl_get_name(ctx, text_room(s), NAME_BYTES, 0);
	if (length > 0)
		text_done(s, TEXT_PATH, length & FRAME_TEXT_BYTES_MAX);
	from = s->at;
	length = bpf_sysctl_get_current_value(ctx, text_room(s), SYSCTL_BYTES);
	s->at += length >= 0 ? (length & FRAME_TEXT_BYTES_MAX) + 1 : length == -E2BIG ? SYSCTL_BYTES : 1;
	if (length == -E2BIG)
		s->event.flags |= FRAME_TRUNCATED;
	length = bpf_sysctl_get_new_value(ctx, text_room(s), SYSCTL_BYTES);
	s->at += length >= 0 ? (length & FRAME_TEXT_BYTES_MAX) + 1 : length == -E2BIG ? SYSCTL_BYTES : 1;
	if (length == -E2BIG)
		s->event.flags |= FRAME_TRUNCATED;
	s->event.text_len[TEXT_ARGV] = s->at - from;
	end(s, SITE_sysctl);
	return 1;
}
