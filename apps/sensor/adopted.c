/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a sensor that was killed has left is all of what this one would attach. */
#include <string.h>
#include <unistd.h>

#include "programs.h"

const struct kept_program *kept_as(const struct kept *adopted, const char *name)
{
	for (__u32 i = 0; i < adopted->count; i++)
		if (strcmp(adopted->programs[i].name, name) == 0)
			return &adopted->programs[i];
	return NULL;
}

static bool has_tag(const struct kept_program *kept)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, kept->name);
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	return program && bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) == 0 &&
	       memcmp(info.tag, kept->tag, sizeof(kept->tag)) == 0;
}

enum { USED_MAPS_MAX = 64 };
/* Maps of our own object, each with what was taken over in its place. */
static struct { __u32 own, kept; } used_maps[USED_MAPS_MAX];
static size_t used_map_count;

/* One for each, and the same in all programs. */
static bool is_pair(__u32 own, __u32 kept)
{
	for (size_t i = 0; i < used_map_count; i++)
		if (used_maps[i].own == own || used_maps[i].kept == kept)
			return used_maps[i].own == own && used_maps[i].kept == kept;
	if (!own || !kept || used_map_count == USED_MAPS_MAX)
		return false;
	used_maps[used_map_count].own = own;
	used_maps[used_map_count++].kept = kept;
	return true;
}

static bool pair_kept_maps(const struct kept *adopted)
{
	for (int i = 0; i < KEPT_MAPS; i++)
		if (!is_pair(keep_map_id(bpf_object__find_map_fd_by_name(object, keep_map_name(i))), adopted->maps[i]))
			return false;
	return true;
}

/* In the order in which its instructions name them. Returns how many; UINT32_MAX: nobody can tell. */
static __u32 maps_of(int program, __u32 ids[USED_MAPS_MAX])
{
	struct bpf_prog_info info = { .nr_map_ids = USED_MAPS_MAX, .map_ids = (uintptr_t)ids };
	__u32 length = sizeof(info);

	return program >= 0 && bpf_obj_get_info_by_fd(program, &info, &length) == 0 && info.nr_map_ids <= USED_MAPS_MAX
		       ? info.nr_map_ids
		       : UINT32_MAX;
}

/* A tag says nothing of maps: whether it works on those that were taken over. */
static bool works_on_ours(const struct kept_program *kept)
{
	__u32 own_ids[USED_MAPS_MAX], ids[USED_MAPS_MAX];
	int program = bpf_prog_get_fd_by_id(kept->program);
	__u32 own = maps_of(bpf_program__fd(bpf_object__find_program_by_name(object, kept->name)), own_ids);
	bool ours = own != UINT32_MAX && maps_of(program, ids) == own;

	for (__u32 i = 0; ours && i < own; i++)
		ours = is_pair(own_ids[i], ids[i]);
	if (program >= 0)
		close(program);
	return ours;
}

/* Whether one of tier 2 that was taken over does its work. */
static bool is_stood_in(const struct kept *adopted, const struct program *program)
{
	return program->site == SITE_passed && kept_as(adopted, "passed__file_receive");
}

/* Whether its site is said to be attached, so that it is to be there. */
static bool is_due(const struct kept *adopted, const struct program *program)
{
	return adopted->sites >> program->site & 1 && (!program->is_tier_two || program->follows) && !is_stood_in(adopted, program) && is_chosen(program) &&
	       !kernel_has_none(bpf_object__find_program_by_name(object, program->name));
}

/* Whether what was taken over is all of what our own object becomes when it is loaded. In a process of its own: it ends with it. */
bool is_all_of_ours(const struct kept *adopted, const struct options *options)
{
	if (!list_programs(ALL_SITES))
		return false;
	for (int i = 0; i < program_count; i++)
		programs[i].left = !kept_as(adopted, programs[i].name);
	kernel_form.looks_at_all = options->compatible || kept_as(adopted, "openat_any");
	kernel_form.follows_functions = kept_as(adopted, FIRST_FOLLOWED);
	kernel_form.rdonly_cast = kernel_has("bpf_rdonly_cast", BTF_KIND_FUNC);
	if (!load(NULL, (unsigned)getpagesize(), keep_map("counters")))
		return false;
	if (!pair_kept_maps(adopted))
		return false;
	for (int i = 0; i < program_count; i++)
		if (programs[i].left && is_due(adopted, &programs[i]))
			return false;
	for (__u32 i = 0; i < adopted->count; i++)
		if (!has_tag(&adopted->programs[i]) || !works_on_ours(&adopted->programs[i]))
			return false;
	return true;
}
