/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is being opened for. fanotify does not say; but who waits for its answer waits in a system call, and of most that open the flags
 * stand in its registers, where nobody can change them any more. Those of openat2 lie in memory, where another thread can; of io_uring
 * there are none.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "warden.h"

enum { ARGUMENTS = 3, X32 = 0x40000000 };

/* Which argument the flags are. The calls of 32 bits have numbers that open nothing in 64. */
static const struct { long call; int flags; } calls[] = {
	{ SYS_openat, 2 },
	{ SYS_open_by_handle_at, 2 },
#ifdef SYS_open
	{ SYS_open, 1 },
#endif
#ifdef __x86_64__
	{ 5 /* open */, 1 },
	{ 295 /* openat */, 2 },
	{ 342 /* open_by_handle_at */, 2 },
#endif
};

static bool is_creat(long call)
{
#ifdef SYS_creat
	if (call == SYS_creat)
		return true;
#endif
#ifdef __x86_64__
	return call == 8;
#else
	return false;
#endif
}

/* To empty a file is to write it, whatever its descriptor is for. */
static enum frame_file_way way_by_flags(unsigned long long flags)
{
	bool empties = flags & O_TRUNC;

	switch (flags & O_ACCMODE) {
	case O_RDONLY: return empties ? FRAME_WAY_BOTH : FRAME_WAY_READ;
	case O_WRONLY: return FRAME_WAY_WRITE;
	default: return FRAME_WAY_BOTH;
	}
}

enum frame_file_way way_of(pid_t tid)
{
	char path[32], text[256];
	unsigned long long argument[ARGUMENTS];
	long call;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	if (read_file(AT_FDCWD, path, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%ld %llx %llx %llx", &call, &argument[0], &argument[1], &argument[2]) != 1 + ARGUMENTS || call < 0)
		return FRAME_WAY_UNKNOWN;
	call &= ~X32;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].call == call)
			return way_by_flags(argument[calls[i].flags]);
	return is_creat(call) ? FRAME_WAY_WRITE : FRAME_WAY_UNKNOWN;
}
