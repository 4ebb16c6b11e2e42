/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause) */
/* What the BPF programs and sensor.c share in maps. */
#ifndef SEALWATCH_MAPS_H
#define SEALWATCH_MAPS_H

#include "frame.h"

#define RING_BYTES (4 << 20) /* about 12,000 frames; --ring-bytes changes it */
#define GUARD_RING_BYTES (1 << 20)

/* To whom frames go, each with a ring and with counters of its own. */
enum pipe { PIPE_AGENT, PIPE_GUARD, PIPES };
#define WATCHED_OBJECTS_MAX 16384
#define WATCHED_NAMES_MAX 4096
#define NAME_BYTES 256
#define OWN_OBJECTS_MAX 1024 /* BPF programs, maps and links of the sensor */
#define MODULE_NAME_BYTES 64
#define SYSCTL_BYTES 1024
#define PATH_BYTES 4096
#define OUTLIVING_SECONDS 600
#define REPEAT_SECONDS 600 /* --repeat-seconds changes it */

/*
 * Of one pipe. One row a site, one cache line a row: the kernel counts `produced` and `dropped`, the sensor the rest. There are rows for all sites
 * that may ever be, so that the pinned counters of one release go on in the next.
 */
struct site_counter {
	struct frame_counts counts;
	__u64 taken; /* out of the ring, to be sent: what was not is lost with a sensor that is killed */
	__u64 own;   /* out of the ring, and told to nobody: what the sensor did itself, canaries for one */
} __attribute__((aligned(64)));

/* What is being taken out of the ring. Whether a sensor that was killed over it has counted it, its place in the ring shows. */
struct taking {
	__u64 at;
	__u64 site;
	__u64 taken, own; /* of the site, before */
};
#define NOWHERE (~0ull) /* in the ring */

struct counters {
	__u8 era[FRAME_ERA_BYTES];
	struct taking taking;
	struct site_counter site[FRAME_SITES_MAX];
};

/* Inode numbers are given out again after a delete; the generation tells the two files apart. */
struct object {
	__u64 ino;
	__u32 dev;
	__u32 generation;
};

enum watch_how {
	WATCH_OBJECT = 1, /* this file */
	WATCH_ALL = 2,	  /* every file directly in this directory */
	WATCH_NAMES = 4,  /* some names in this directory, see `names` */
};

/* Entries of the watch list are numbered as they were given; `paths` has their text. */
#define NO_ENTRY (~0u)

struct watch {
	__u32 how;   /* enum watch_how, or-ed */
	__u32 entry; /* of WATCH_OBJECT or WATCH_ALL */
};

struct watched_name {
	struct object dir;
	char name[NAME_BYTES];
};

/* sensor.c opens a path and reads here what the kernel side calls it: stat() numbers differ on btrfs and overlay. */
struct introduction {
	__u32 pid; /* opens of this task are answered here and not reported; 0: nobody's */
	__u32 pid_ns;
	__u64 answers;
	__u64 answers_by_object; /* of lsm/file_open, which only runs where the kernel was started with this LSM */
	struct object object;
};

/*
 * Inode numbers that something is watched by, or in: one byte for each of their hashes. Most opens are of other files, and
 * over after a look at this. Set, never unset: what it says of the others is not asked often enough to matter.
 */
#define MARKS (1 << 16)

static inline __u32 mark_of(__u64 ino)
{
	return (__u32)ino * 0x9e3779b1u >> 16; /* Fibonacci hashing: numbers side by side lie far apart */
}

/* The same marks serve the last parts of watched names, read from their ends; those of directories are turned over. */
#define PART_BASIS 0x811c9dc5u /* FNV-1a */

static inline __u32 part_digest(__u32 digest, char next)
{
	return (digest ^ (__u8)next) * 16777619u;
}

static inline __u32 directory_digest(__u32 digest)
{
	return ~digest;
}

/* A call of move_mount with this flag, which the kernel refuses, shows the programs what an entry of the watch list leads to now. */
#define INTRODUCES (1u << 31)

/*
 * What bpf_rdonly_cast() is called by in the object. libbpf would find the function by itself, but where there is none it looks for
 * it in all modules, too, which before 6.13 takes CAP_SYS_ADMIN, and without that loads nothing.
 */
#define RDONLY_CAST 0x7ea1ca57

/*
 * Our own, signals to which are told: the sensor, the agent and the guard that it is connected to, the process that tells of changes,
 * and the supervisor that started the sensor, with all that it started.
 */
enum { OWN_SENSOR, OWN_AGENT, OWN_CHANGES, OWN_GUARD, OWN_SUPERVISOR, OWN_MAX };

/*
 * Whom the guard protects (docs/formats/frame.md, 12.5): rows by a hash of the pid, a few places at most from where they belong, so
 * that most processes are over after one load.
 */
#define PROTECTED_TABLES 2 /* one in force, one to be written */
#define PROTECTED_MAX 4096
#define PROTECTED_ROWS_BITS 14
#define PROTECTED_ROWS (1 << PROTECTED_ROWS_BITS)
#define PROTECTED_PROBES 16
#define IMAGES_MAX 256
#define IMAGE_PROBES 16
#define IMAGE_ROWS 2048
#define IMAGE_PATH_BYTES 512 /* longer ones are nobody's */
#define ALLOWANCES_MAX 256
#define START_UNIT_NS 10000000ull /* of what /proc tells of a start */

struct protected_row {
	__u64 start; /* in START_UNIT_NS */
	__u32 pid;   /* 0: nobody */
	__u32 flags; /* as of frame_protected_process */
};

struct protected_table {
	__u32 number; /* 0: there is none */
	__u32 images;
	__u64 pid_factor;
	__u64 seed, factor; /* of the hashes of programs */
	struct protected_row row[PROTECTED_ROWS];
	__u64 image[IMAGE_ROWS]; /* by their lowest bits; 0: none */
	__u32 allowances;
	__u32 mnt_ns; /* of process 1: in one of his own anybody has any path */
	struct frame_allowance allowance[ALLOWANCES_MAX];
};

static inline __u32 protected_place(__u32 pid, __u64 factor)
{
	return (__u32)((pid * factor) >> (64 - PROTECTED_ROWS_BITS));
}

/*
 * Network policies as the kernel follows them (docs/formats/frame.md, 10). A table cuts the values of each thing into stretches, in
 * order; a row is where one begins, and which rules hold there. Rules are bits: the first that holds of those of a policy decides.
 */
#define POLICY_TABLES 2 /* one in force, one to be written */
#define POLICY_ROWS_BITS 14
#define POLICY_ROWS_MAX (1 << POLICY_ROWS_BITS)
#define POLICY_WORDS 4
#define POLICY_RULES_MAX (64 * POLICY_WORDS)
#define POLICIES_MAX 16
#define POLICY_PATH_BYTES 512 /* longer ones are no rule's */
#define POLICY_SPARED_FIRST 64701 /* the users of our own programs */
#define POLICY_SPARED_LAST 64708

enum policy_thing { POLICY_PROTOCOL, POLICY_ADDRESS, POLICY_PORT, POLICY_USER, POLICY_PROGRAM, POLICY_THINGS };

struct policy_rules {
	__u64 word[POLICY_WORDS];
};

struct policy_row {
	__u64 high, low;
	struct policy_rules rules;
};

struct policy_table {
	__u32 number; /* 0: there is none */
	__u32 policies;
	__u64 seed, factor; /* of the hashes by which it knows programs */
	struct { __u32 first, count; } thing[8]; /* of POLICY_THINGS */
	struct policy_rules policy[POLICIES_MAX]; /* which rules are its own */
	struct policy_rules deny;
	struct policy_row row[POLICY_ROWS_MAX];
};

/* The only variable of sensor.bpf.c. */
struct shared {
	struct introduction introduction;
	__u64 until_ns; /* from then on what happens is counted as dropped at once: its sensor is gone, and nobody came after it */
	__u64 policies_until_ns; /* from then on no policy denies anything, unless the agent says so again */
	__u64 repeat_ns; /* how long what a process did on the network is only counted when it does it again */
	__u64 protected_until_ns; /* from then on nobody is protected, unless the guard says so again */
	__u32 own[OWN_MAX]; /* pids as the sensor's own pid namespace numbers them, of processes of that; 0: nobody */
	__u32 policy_table; /* which of the two is in force */
	__u32 protected_table; /* the same */
	__u32 has_guard; /* 1: what is urgent is handed to it */
	__u32 by_object; /* 1: lsm/file_open tells opens, and the tracepoints only what it is not asked about */
	__u32 prevents;	 /* 1: what the guard has denied is refused, by the LSM */
	__u8 urgent[WATCHED_NAMES_MAX]; /* entries of the watch list of which the guard is told, too */
	__u8 marks[MARKS];
};

#endif
