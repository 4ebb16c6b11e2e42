/* SPDX-License-Identifier: Apache-2.0 */
/* Of the programs of the kernel's side: what attach.c puts together. */
#ifndef SEALWATCH_PROGRAMS_H
#define SEALWATCH_PROGRAMS_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "keep.h"

/* programs.c */
enum { PROGRAMS_MAX = KEPT_PROGRAMS_MAX };
struct program {
	const char *name; /* of a site of several programs, SITE__ANYTHING */
	int site;
	bool is_tier_two;
	bool follows; /* a function of the kernel */
	bool left; /* out, or does not load */
	struct bpf_link *link;
};
/* In the order of the object, which is the same each time it is opened. */
extern struct program programs[PROGRAMS_MAX];
extern int program_count;
/* What this kernel can. */
extern struct kernel_form {
	bool looks_at_all; /* opens are told by the programs for kernels before 6.3 */
	bool follows_functions; /* calls of the 32-bit entry are followed one by one, not by a program at the end of all calls */
	__s32 rdonly_cast; /* the id of bpf_rdonly_cast(); 0: there is none */
} kernel_form;
extern struct bpf_object *object; /* NULL: none is loaded */
extern char first_warning[FRAME_REASON_BYTES_MAX + 1];
#define FIRST_FOLLOWED "entry_32__compat_sys_open"
void programs_warn(void);
void programs_digest(struct sha256 *digest);
bool list_programs(uint64_t sites);
int site_of(const char *program);
struct program *find_program(const char *name);
bool is_chosen(const struct program *program);
bool kernel_has_none(const struct bpf_program *program);
__s32 kernel_has(const char *name, __u32 kind);
bool load(const struct program *only, unsigned ring_bytes, int counters_fd);
bool loads_alone(const struct program *program, int counters_fd);
bool attaches_alone(const struct program *program, int counters_fd);
int map_fd(const char *name);

/* marks.c: paths are told to the programs as what lies there */
void marks_open(volatile struct shared *shared);
bool watch(const char *path, __u32 entry, uint64_t sites);
void watch_canary(__u32 entry, uint64_t sites);
void mark_digest(uint32_t digest);
void digest_place(struct sha256 *digest, const char *path, __u64 urgent);
bool knows_orders(const struct options *options, uint64_t sites);
void keep_marks(void);

int open_cgroup_root(void); /* attach.c */

/* adopted.c: what a sensor that was killed has left */
const struct kept_program *kept_as(const struct kept *kept, const char *name);
bool is_all_of_ours(const struct kept *kept, const struct options *options);

#endif
