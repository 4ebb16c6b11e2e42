/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEALWATCH_KEEP_H
#define SEALWATCH_KEEP_H

#include <linux/bpf.h>

#include "sensor.h"
#include "sha256.h"

enum { KEPT_PROGRAMS_MAX = 2 * FRAME_SITES_MAX };
enum { KEPT_COUNTERS, KEPT_RING, KEPT_SHARED, KEPT_WATCHED, KEPT_POLICIES, KEPT_GUARD_RING, KEPT_PROTECTED, KEPT_MAPS };

struct kept_program {
	char name[48];
	__u32 link, program; /* ids, of which the kernel gives out none twice */
	__u8 tag[BPF_TAG_SIZE];
};

struct kept {
	__u8 of[SHA256_BYTES]; /* the object, and all that it was told */
	__u64 sites;
	__u32 maps[KEPT_MAPS];
	__u32 count, zero;
	struct kept_program programs[KEPT_PROGRAMS_MAX];
	char reason[SITE_COUNT][FRAME_REASON_BYTES_MAX + 1];
};

void keep_begin(const __u8 of[SHA256_BYTES]);
bool keep_program(const char *name, int link_fd);
bool keep_end(int (*map_fd)(const char *name), const struct attached *attached);
const struct kept *keep_take(const __u8 of[SHA256_BYTES], int counters_fd);
int keep_map(const char *name);
__u32 keep_map_id(int fd);
const char *keep_map_name(int map);
int keep_link(__u32 program);
void keep_close_links(void);
void keep_release(void);

#endif
