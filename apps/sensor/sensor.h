/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the user side: each .c file below implements the block that carries its name. */
#ifndef SEALWATCH_SENSOR_H
#define SEALWATCH_SENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "maps.h"

#define SENSOR_VERSION "0.1.0"
#define PREFIX_BYTES 4 /* the length before each body */

extern const char *const site_names[SITE_COUNT];

/* options.c */
struct options {
	const char *socket;
	const char *instance;
	const char *watch[WATCHED_NAMES_MAX];
	size_t watch_count;
	uint64_t without; /* bit per site */
	unsigned ring_bytes;
	bool compatible; /* with the programs for kernels before 6.3 */
	uid_t uid;
	gid_t gid;
};
void read_options(int argc, char **argv, struct options *options);

/* log.c: one JSON line on standard error */
void say(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* counters.c */
struct counters *counters_open(const char *instance, int *map_fd);
struct frame_counts counters_read(const struct counters *all, enum frame_site site);
void counters_sent(struct counters *all, enum frame_site site);

/* attach.c */
struct attached {
	uint64_t sites; /* bit per site */
	char reason[SITE_COUNT][FRAME_REASON_BYTES_MAX + 1];
	int ring_fd;
};
bool attach(const struct options *options, int counters_fd, struct attached *result);
void protect(int which, pid_t pid);
void detach(void);

/* frames.c: bodies with their length prefix; return all bytes written */
struct frame_state {
	const struct counters *counters;
	const struct attached *attached;
	const char *kernel;
	uint64_t time_ns;
	bool fresh;
};
#define HELLO_BYTES_MAX (PREFIX_BYTES + sizeof(struct frame_hello) + 2 * 255 + SITE_COUNT * FRAME_REASON_BYTES_MAX)
size_t put_hello(uint8_t *to, const struct frame_state *state);
size_t put_report(uint8_t *to, const struct frame_state *state);
size_t put_body(uint8_t *to, const void *body, size_t length);

/* socket.c */
enum { OUT_BYTES = 256 << 10 };
struct outbox {
	int fd; /* -1: no agent */
	size_t end, written, whole;
	struct counters *counters;
	uint8_t bytes[OUT_BYTES];
};
bool outbox_connect(struct outbox *out, const char *path, const uint8_t *hello, size_t hello_bytes);
void outbox_disconnect(struct outbox *out);
bool outbox_flush(struct outbox *out);
pid_t outbox_peer(const struct outbox *out);
bool outbox_full(const struct outbox *out);

/* privileges.c */
const char *missing_capability(void);
bool drop_privileges(uid_t uid, gid_t gid);

#endif
