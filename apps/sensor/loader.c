/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file is what the kernel loads beside a program that is linked with libraries. */
#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "warden.h"

enum { SEGMENTS_MAX = 64, TAGS_MAX = 128 };

static bool is_program_by_flags(int fd, const Elf64_Phdr *dynamic)
{
	Elf64_Dyn tags[TAGS_MAX];
	ssize_t length = pread(fd, tags, dynamic->p_filesz < sizeof(tags) ? dynamic->p_filesz : sizeof(tags), (off_t)dynamic->p_offset);

	for (ssize_t i = 0; i < length / (ssize_t)sizeof(tags[0]) && tags[i].d_tag != DT_NULL; i++)
		if (tags[i].d_tag == DT_FLAGS_1)
			return tags[i].d_un.d_val & DF_1_PIE;
	return false;
}

/*
 * Each program that is linked with libraries makes the kernel open its loader as if that were run, too: to refuse it would be to refuse
 * them all. It is a shared object that names no loader.
 */
bool is_loader(int fd)
{
	Elf64_Ehdr head;
	Elf64_Phdr segments[SEGMENTS_MAX];
	const Elf64_Phdr *dynamic = NULL;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_type != ET_DYN)
		return false;
	if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phnum > SEGMENTS_MAX ||
	    pread(fd, segments, head.e_phnum * sizeof(segments[0]), (off_t)head.e_phoff) != (ssize_t)(head.e_phnum * sizeof(segments[0])))
		return true; /* nobody can tell: it is let go */
	for (int i = 0; i < head.e_phnum; i++) {
		if (segments[i].p_type == PT_INTERP)
			return false;
		if (segments[i].p_type == PT_DYNAMIC)
			dynamic = &segments[i];
	}
	return dynamic && !is_program_by_flags(fd, dynamic);
}
