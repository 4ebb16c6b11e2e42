/* SPDX-License-Identifier: Apache-2.0 */
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sensor.h"

static int let_go_of_file(struct dl_phdr_info *file, size_t size, void *none)
{
	uintptr_t page = (uintptr_t)getpagesize();

	(void)size, (void)none;
	for (const ElfW(Phdr) *part = file->dlpi_phdr; part < file->dlpi_phdr + file->dlpi_phnum; part++) {
		uintptr_t begin = (file->dlpi_addr + part->p_vaddr) & -page;

		if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
			madvise((void *)begin, file->dlpi_addr + part->p_vaddr + part->p_memsz - begin, MADV_DONTNEED);
	}
	return 0;
}

/* Of this program, the object in it and its libraries a start reads much that nothing needs afterwards: what does, comes back at its next touch. */
void let_go_of_files(void)
{
	dl_iterate_phdr(let_go_of_file, NULL);
}
