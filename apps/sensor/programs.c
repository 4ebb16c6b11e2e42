/* SPDX-License-Identifier: Apache-2.0 */
/* The committed object, and of its programs those that this kernel loads. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "programs.h"

/* The committed object is part of the program: one file to install, no path to get wrong. */
__asm__(".section .rodata\n"
	".balign 16\n"
	"bpf_object_begin: .incbin \"sensor.bpf.o\"\n"
	"bpf_object_end:\n"
	".previous\n");
extern const char bpf_object_begin[], bpf_object_end[];

struct bpf_object *object;
struct program programs[PROGRAMS_MAX];
int program_count;
struct kernel_form kernel_form;
char first_warning[FRAME_REASON_BYTES_MAX + 1];

/* libbpf explains a failure in its first warning; what follows is the verifier's log. */
static int keep_first_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !first_warning[0]) {
		vsnprintf(first_warning, sizeof(first_warning), format, args);
		first_warning[strcspn(first_warning, "\n")] = 0;
	}
	return 0;
}

void programs_warn(void)
{
	libbpf_set_print(keep_first_warning);
}

void programs_digest(struct sha256 *digest)
{
	sha256_add(digest, bpf_object_begin, (size_t)(bpf_object_end - bpf_object_begin));
}

static bool open_object(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "sealwatch");
	size_t size = (size_t)(bpf_object_end - bpf_object_begin);

	first_warning[0] = 0;
	object = bpf_object__open_mem(bpf_object_begin, size, &options);
	return object;
}

/* Programs are called after their site: SITE, or SITE__ANYTHING where it has several; `_any` is the second form of one. */
int site_of(const char *program)
{
	for (int site = 0; site < SITE_COUNT; site++) {
		size_t length = strlen(site_names[site]);
		const char *rest = program + length;

		if (strncmp(program, site_names[site], length) == 0 &&
		    (!*rest || strncmp(rest, "__", 2) == 0 || strcmp(rest, "_any") == 0))
			return site;
	}
	return -1;
}

/* false: object and frame.h are not of one build. */
bool list_programs(uint64_t sites)
{
	struct bpf_program *program;
	uint64_t seen = 0;

	if (!open_object())
		return false;
	bpf_object__for_each_program(program, object) {
		struct program *listed = &programs[program_count];

		listed->name = strdup(bpf_program__name(program));
		listed->site = site_of(listed->name);
		listed->follows = strncmp(bpf_program__section_name(program), "fexit/", 6) == 0;
		listed->is_tier_two = listed->follows || strncmp(bpf_program__section_name(program), "lsm/", 4) == 0;
		if (listed->site < 0 || ++program_count == PROGRAMS_MAX)
			return false;
		listed->left = !(sites >> listed->site & 1);
		seen |= 1ull << listed->site;
	}
	bpf_object__close(object);
	return seen == (ALL_SITES & ~SOURCE_SITES & ~BESIDE_SITES);
}

struct program *find_program(const char *name)
{
	for (int i = 0; i < program_count; i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	return NULL;
}

/* Of a program that has a second form, one of the two. */
bool is_chosen(const struct program *program)
{
	size_t length = strlen(program->name);
	char any[64];

	if (program->follows || program->site == SITE_entry_32)
		return program->follows == kernel_form.follows_functions;
	if (length > 4 && strcmp(program->name + length - 4, "_any") == 0)
		return kernel_form.looks_at_all;
	snprintf(any, sizeof(any), "%s_any", program->name);
	return !kernel_form.looks_at_all || !find_program(any);
}

/* Where the kernel has no such function the call stays as it is, and the program does not load. */
static void call_by_id(struct bpf_program *program, __s32 number, __s32 id)
{
	size_t count = bpf_program__insn_cnt(program), bytes = count * sizeof(struct bpf_insn);
	struct bpf_insn *instructions = malloc(bytes);

	if (!instructions || !id) {
		free(instructions);
		return;
	}
	memcpy(instructions, bpf_program__insns(program), bytes);
	for (size_t i = 0; i < count; i++)
		if (instructions[i].code == (BPF_JMP | BPF_CALL) && instructions[i].imm == number) {
			instructions[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
			instructions[i].imm = id;
		}
	bpf_program__set_insns(program, instructions, count);
	free(instructions);
}

__s32 kernel_has(const char *name, __u32 kind)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	__s32 id = kernel ? btf__find_by_name_kind(kernel, name, kind) : 0;

	btf__free(kernel);
	return id > 0 ? id : 0;
}

/* A tracepoint of something that this kernel was built without, modules for one: nothing can be missed there. */
bool kernel_has_none(const struct bpf_program *program)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	const char *section = bpf_program__section_name(program);
	char path[PATH_MAX];

	for (size_t i = 0; strncmp(section, "tp/", 3) == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/events/sched", places[i]);
		if (faccessat(AT_FDCWD, path, F_OK, AT_EACCESS)) /* tracefs is root's: by our capabilities, not by our user */
			continue;
		snprintf(path, sizeof(path), "%s/events/%s", places[i], section + 3);
		return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) != 0 && errno == ENOENT;
	}
	return false;
}

/* One program, or NULL for all that are chosen and not left. */
bool load(const struct program *only, unsigned ring_bytes, int counters_fd)
{
	int error;

	if (!open_object())
		return false;
	for (int i = 0; i < program_count; i++) {
		struct program *program = &programs[i];
		struct bpf_program *found = bpf_object__find_program_by_name(object, program->name);
		bool wanted = only ? program == only : !program->left && is_chosen(program);

		bpf_program__set_autoload(found, wanted);
		call_by_id(found, RDONLY_CAST, kernel_form.rdonly_cast);
	}
	if (bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "ring"), ring_bytes) == 0 &&
	    bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "guard_ring"),
				     ring_bytes < GUARD_RING_BYTES ? ring_bytes : GUARD_RING_BYTES) == 0 &&
	    bpf_map__reuse_fd(bpf_object__find_map_by_name(object, "counters"), counters_fd) == 0 &&
	    bpf_object__load(object) == 0)
		return true;
	error = errno;
	bpf_object__close(object);
	object = NULL;
	errno = error;
	return false;
}

bool loads_alone(const struct program *program, int counters_fd)
{
	if (!load(program, (unsigned)getpagesize(), counters_fd))
		return false;
	bpf_object__close(object);
	return true;
}

bool attaches_alone(const struct program *program, int counters_fd)
{
	struct bpf_link *link;

	if (!load(program, (unsigned)getpagesize(), counters_fd))
		return false;
	link = bpf_program__attach(bpf_object__find_program_by_name(object, program->name));
	bpf_link__destroy(link);
	bpf_object__close(object);
	object = NULL;
	return link;
}

int map_fd(const char *name)
{
	return object ? bpf_object__find_map_fd_by_name(object, name) : keep_map(name);
}
