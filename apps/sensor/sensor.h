/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the user side: each .c file below implements the block that carries its name. */
#ifndef SEALWATCH_SENSOR_H
#define SEALWATCH_SENSOR_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include "maps.h"

#define SENSOR_VERSION "0.1.0"
#define PREFIX_BYTES 4 /* the length before each body */
#define RUN_FOLDER "/run/sealwatch-sensor"

extern const char *const site_names[SITE_COUNT];
extern const char *const mode_names[MODE_COUNT];

/* watch_list.c: PATH, or WORDS:PATH; what tells more stands first */
#define HOMES_MAX 256
enum watch_word {
	ENTRY_CHANGES = 1, /* not who reads it */
	ENTRY_LOSSES = 2,  /* only that it is removed, renamed or shortened */
	ENTRY_BELOW = 4,   /* a directory with all directories below it */
	ENTRY_DIFF = 8,	   /* which lines of a text changed, too */
	ENTRY_HANGS = 16,  /* its file system does not answer: it is left alone */
	ENTRY_URGENT = 32, /* the guard is told, too */
};
struct watch_entry {
	const char *path;
	uint32_t words; /* enum watch_word, or-ed */
};

/* options.c */
#define OWN_PATHS_MAX 16
struct options {
	const char *socket;
	const char *guard_socket; /* NULL: there is no guard */
	const char *instance;
	struct watch_entry watch[WATCHED_NAMES_MAX];
	size_t watch_count;
	size_t read_count; /* so many at the beginning are told when they are read, too */
	uint64_t without; /* bit per site */
	enum frame_mode mode[DOMAIN_COUNT]; /* MODE_COUNT: the first that works */
	unsigned ring_bytes;
	unsigned repeat_seconds;
	unsigned canary_seconds; /* between two, on average; 0: none */
	unsigned socket_poll_ms;
	unsigned guard_poll_ms; /* of protected processes, without BPF */
	const char *own_paths[OWN_PATHS_MAX]; /* what lies there is our parts', beside sockets and pins */
	size_t own_path_count;
	unsigned harm_seconds; /* what is done to the sensor again within this time is not told again */
	pid_t supervisor; /* of all our programs; 0: there is none */
	bool compatible; /* with the programs for kernels before 6.3 */
	uid_t uid;
	gid_t gid;
};
void read_options(int argc, char **argv, struct options *options);
void watch_list_add(struct options *options, const char *text);
void watch_list_add_file(struct options *options, const char *path);
void watch_list_leave_hanging(struct options *options);

uint64_t boot_ns(void); /* boot_time.c */
void let_go_of_files(void); /* own_files.c */

/* manager.c */
void manager_open(const char *name);
void manager_tell(const char *state);

/* hanging.c */
void find_hanging(const struct watch_entry *list, size_t count, const bool wanted[], bool hangs[]);

/* log.c: one JSON line on standard error */
void say(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* counters.c: those of all pipes lie one after the other; what takes `all` is given the first, or that of one pipe */
struct counters *counters_open(const struct options *options, int *map_fd);
struct counters *counters_open_file(const char *instance);
void counters_settle(struct counters *all, uint64_t sites);
void counters_take_over(struct counters *all, uint64_t sites, const uint64_t ring_at[PIPES]);
void counters_taken(struct counters *all, enum frame_site site, uint64_t ring_at, bool own);
struct frame_counts counters_read(const struct counters *all, enum frame_site site);
void counters_sent(struct counters *all, enum frame_site site);
void counters_add(struct counters *all, enum frame_site site, uint64_t produced, uint64_t dropped);
void counters_repeated(struct counters *all, enum frame_site site);

/* canary.c */
#define CANARY_OPTION "--canary"
#define CANARY_NAME "/sealwatch-canary" /* as what its file is watched */
bool in_initial_pid_namespace(void);
void canary_prepare(unsigned mean_seconds, const char *instance);
const char *canary_file(void);
bool canary_did(const struct frame_event *event);
uint64_t canary_turn(const struct counters *counters, uint64_t attached, uint64_t now_ns);
int64_t canary_due_ms(uint64_t now_ns);

/* pins.c */
#define COUNTERS_PIN "counters"
bool pins_open(const struct options *options);
int pins_get(const char *name);
bool pins_put(const char *name, int fd);
void pins_leave(void);

/* children.c */
int children_leave(int end);
void child_begins(void);
void pins_clear(void);
void pins_settled(void);
bool pins_changed(void);
const char *pins_folder(void);

/* takeover.c */
void takeover_begin(void);
void takeover_verify(const struct options *options);
bool takeover_did(const struct frame_event *event);
bool takeover_holds(void);
void takeover_emptied(void);
void takeover_end(void);

/* links.c */
void links_watch(int site, int link);
bool links_look(uint64_t *lost);
void links_leave(uint64_t sites);

/* covered.c */
void covered_watch(const struct options *options);
bool covered_look(void);

/* harms.c */
uint8_t harms_told(uint8_t seen, uint8_t reported, unsigned seconds);

/* own_maps.c */
void own_maps_mark(__u32 mark);
void own_maps_shared(volatile struct shared *shared);
void own_maps_process(int which, __u32 pid);
void own_maps_taken(enum pipe pipe, size_t bytes);
uint8_t own_maps_look(const struct counters *counters);

/* ring.c */
bool ring_open(enum pipe pipe, int map_fd);
void rings_close(void);
int ring_fd(enum pipe pipe);
uint64_t ring_at(enum pipe pipe);
bool ring_fills(enum pipe pipe);
int ring_read(enum pipe pipe, int (*take)(const void *body, size_t length));

/* attach.c */
struct attached {
	uint64_t sites; /* bit per site */
	char reason[SITE_COUNT][FRAME_REASON_BYTES_MAX + 1];
	bool adopted; /* programs that outlived the sensor before */
	enum frame_mode mode[DOMAIN_COUNT];
};
bool attach(const struct options *options, uint64_t sites, struct counters *counters, int counters_fd, struct attached *result);
void attach_settle(const struct attached *attached, bool is_whole);
bool adopted_are_own(const struct options *options);
const char *attach_failure(void);
void own_process(int which, pid_t pid);
void detach(void);
void detach_sites(uint64_t sites);

/* frames.c: bodies with their length prefix; return all bytes written */
struct frame_state {
	const struct counters *counters;
	const struct attached *attached;
	const char *kernel;
	uint64_t time_ns;
	enum frame_start start;
	uint64_t blind; /* bit per site: attached, and no canary comes back */
	uint8_t harms;	/* enum frame_harm, or-ed */
	uint32_t table; /* that is followed; 0: none is */
	uint32_t file_table, unguarded; /* as in the report */
};
#define HELLO_BYTES_MAX (PREFIX_BYTES + sizeof(struct frame_hello) + 2 * 255 + SITE_COUNT * FRAME_REASON_BYTES_MAX)
size_t put_hello(uint8_t *to, const struct frame_state *state);
size_t put_report(uint8_t *to, const struct frame_state *state);
size_t put_body(uint8_t *to, const void *body, size_t length);

/* socket.c */
enum { OUT_BYTES = 256 << 10 };
struct outbox {
	int fd; /* -1: nobody */
	size_t end, written, whole;
	struct counters *counters;
	uint8_t bytes[OUT_BYTES];
};
bool outbox_connect(struct outbox *out, const char *path, const uint8_t *hello, size_t hello_bytes);
void outbox_disconnect(struct outbox *out);
bool outbox_flush(struct outbox *out);
pid_t outbox_peer(const struct outbox *out);
bool outbox_full(const struct outbox *out);

/* listener.c */
struct listener {
	const char *name, *path;
	int own; /* who listens is this one of our own */
	uint32_t (*table)(void);
	enum frame_start start;
	struct outbox out;
	struct frame_report reported; /* last */
};
bool listener_connect(struct listener *to, const struct frame_state *common);
int64_t listener_report_due_ms(const struct listener *to, const struct frame_state *state);
void listener_report(struct listener *to, const struct frame_state *common);

/* guard.c */
enum { GUARD_FDS = 2 };
bool guard_open(const struct options *options, struct counters *counters, enum frame_start start, const struct frame_state *common);
void guard_saw(const void *body, size_t length);
bool guard_turn(void);
bool guard_deceived(void);
void guard_poll(struct pollfd fds[GUARD_FDS]);
void guard_hear(const struct pollfd fds[GUARD_FDS]);
int64_t guard_due_ms(void);
bool guard_is_told(void);

/* backlog.c */
bool backlog_open(enum pipe pipe, size_t bytes);
bool backlog_put(enum pipe pipe, struct counters *counters, const void *body, size_t length);
struct frame_event *draft_begin(enum frame_kind kind, enum frame_site site, uint64_t time_ns);
void draft_ancestor(const struct frame_ref *ancestor);
void draft_text(enum frame_text text, const char *bytes, size_t length);
void draft_tell(struct counters *counters);
const void *draft_body(size_t *length);
bool backlog_drain(enum pipe pipe, struct outbox *out);

/* procfs.c */
struct life { /* pid 0: nobody */
	uint64_t start_ns;
	pid_t pid, ppid;
	char comm[FRAME_COMM_BYTES];
};
struct image {
	char path[4352];
	size_t length; /* 0: none */
	struct stat file;
	struct statfs system;
};
int life_open(pid_t pid, struct life *life);
const struct life *life_of(pid_t pid);
void life_forget(pid_t pid);
void life_renamed(pid_t pid, const char *comm);
void lives_look_around(void);
const pid_t *pids_of_all(size_t *count);
ssize_t read_file(int folder, const char *name, char *to, size_t room);
bool image_look(struct image *image, int folder);
bool file_look(struct image *image, const char *link);
void draft_who(struct frame_event *event, int folder, const struct life *life);
void draft_actor(struct frame_event *event, int folder, const struct life *life, struct image *image);
/* exec.c */
void draft_exec(struct frame_event *event, int folder, const struct life *life);
__u32 environment_of(int folder, __u8 *flags);
void draft_life(struct frame_event *event, const struct life *life);
void draft_remembered(struct frame_event *event, pid_t pid);
void put_object(struct frame_file *file, const struct stat *found, const struct statfs *system);

/* modes.c: what watches each domain */
#define SOURCE_SITES                                                                                                   \
	(1ull << SITE_proc_connector | 1ull << SITE_fanotify | 1ull << SITE_proc_poll | 1ull << SITE_inotify |         \
	 1ull << SITE_sock_diag | 1ull << SITE_proc_net)
#define BESIDE_SITES (1ull << SITE_file_change | 1ull << SITE_file_policy | 1ull << SITE_examiner) /* whatever watches the rest */
#define NETWORK_SITES                                                                                                  \
	(1ull << SITE_connect | 1ull << SITE_accept | 1ull << SITE_bind | 1ull << SITE_listen | 1ull << SITE_datagram |        \
	 1ull << SITE_socket | 1ull << SITE_policy)
#define FILE_SITES                                                                                                     \
	(1ull << SITE_open | 1ull << SITE_openat | 1ull << SITE_openat2 | 1ull << SITE_creat | 1ull << SITE_file_open |        \
	 1ull << SITE_open_by_handle_at | 1ull << SITE_io_uring | 1ull << SITE_passed)
#define BPF_SITES (ALL_SITES & ~SOURCE_SITES & ~BESIDE_SITES)
struct source { /* polled; what it tells goes to the backlog */
	int fd; /* -1: never */
	void (*read)(struct counters *counters);
};
enum { SOURCES_MAX = 7 };
struct watching {
	struct attached attached;
	struct counters *counters;
	struct source source[SOURCES_MAX];
	size_t sources;
	uint64_t kept; /* capabilities */
	int changes;   /* where the process that tells of changes hands over; -1: there is none */
};
extern const char *const domain_names[DOMAIN_COUNT];
bool may_watch(enum frame_domain domain, enum frame_mode mode);
bool gives_way(const struct options *options, uint64_t sites);
int begin_watching(const struct options *options, struct watching *result);

/* proc_connector.c, fanotify.c, proc_poll.c, inotify.c, sock_diag.c, proc_net.c: errno says why they cannot */
bool proc_connector_open(const struct options *options, struct source *source);
bool fanotify_open(const struct options *options, struct source *opens, struct source *arrivals);
bool proc_poll_open(struct source *source);
bool inotify_open(const struct options *options, struct source *source);
bool sock_diag_open(const struct options *options, struct source *polled, struct source *ended);
bool proc_net_open(const struct options *options, struct source *source);

/* sockets.c: what sock_diag.c and proc_net.c see of them, and tell */
struct seen_socket {
	uint64_t id;	/* its own as long as it lives */
	uint32_t inode; /* 0: nobody holds it */
	uint8_t state;	/* of <netinet/tcp.h> */
	struct frame_socket socket;
};
bool sockets_open(const struct options *options, enum frame_site by, bool (*own)(void), struct source *source);
void sockets_see(const struct seen_socket *seen);
void sockets_end(const struct seen_socket *seen, struct counters *counters);
void sockets_lost(uint64_t since_ns, struct counters *counters);
void socket_address(uint8_t to[FRAME_ADDRESS_BYTES], int family, const uint32_t words[4]);

/* proc_net.c: by network namespace */
uint32_t own_net_namespace(void);
bool proc_net_table(const char *folder, const char *name, uint32_t net_ns);
bool look_at_namespaces(bool (*look_at_own)(void), bool all);
bool was_looked_at(uint32_t net_ns);

/* repeats.c */
void repeats_prepare(unsigned seconds);
bool repeats_are_over(struct frame_event *event, struct counters *counters);

/* changes.c: a process of its own. -1, with the reason: there is none */
pid_t changes_pid(void);
int changes_start(const struct options *options, struct counters *counters, char reason[FRAME_REASON_BYTES_MAX + 1]);

/* refused.c */
void refused_know(const struct watch_entry *entry, void (*mark)(uint32_t digest));
size_t refused_put(uint8_t to[FRAME_BYTES_MAX], const void *body, size_t length);

/* relay.c */
void relay_saw(const void *body);
bool relay_fetch(int fd);
void relay_put(struct outbox *out);
void relay_ask(int fd);
bool relay_is_silent(void);

/* late.c */
void late_agent(pid_t pid);
bool late_keep(const void *body, size_t length);
int64_t late_due_ms(uint64_t now_ns);
void late_put(struct outbox *out, uint64_t now_ns);

/* orders.c */
struct inbox {
	const char *from;
	size_t length, room;
	uint8_t *bytes;
	const char *(*follow)(const struct frame_order *order, size_t length); /* NULL, or why it is not followed */
};
bool orders_read(struct inbox *inbox, int fd);
void orders_end(struct inbox *inbox);
const char *order_head_fault(const struct frame_order *order, uint32_t seconds_max);
const char *order_fault(const struct frame_order *order, size_t table_bytes);

/* protected.c */
extern struct inbox protected_inbox;
void protected_open(volatile struct shared *shared, struct protected_table *tables);
bool protected_is(uint32_t pid, uint64_t start_ns);
bool protected_has_image(const uint8_t *path, size_t length);
uint32_t protected_in_force(void);
bool protected_altered(void);

/* policies.c */
bool policies_open(volatile struct shared *shared, int map_fd);
extern struct inbox policies_inbox;
uint32_t policies_in_force(void);
bool policies_altered(void);
const char *policy_table_fault(const struct policy_table *table, size_t rows);

/* wardens.c: the process that refuses what policies deny of files and programs */
bool wardens_start(const struct options *options, struct counters *counters, struct source *source, char reason[FRAME_REASON_BYTES_MAX + 1]);
bool wardens_are_there(void);
void wardens_stop(void);
bool wardens_did(const struct frame_event *event);
const char *wardens_order(const struct frame_order *order, size_t length);
uint32_t wardens_follow(uint32_t *unguarded);
bool wardens_failed_lately(void);
bool wardens_are_over(void);

/* examiner.c: a process of its own */
bool examiner_start(const struct options *options, struct counters *counters, struct source *source, char reason[FRAME_REASON_BYTES_MAX + 1]);
void examiner_begin(bool polls);
void examiner_follow(const struct frame_protected_process *processes, size_t count);
bool examiner_turn(void);
bool examiner_is_there(void);
bool examiner_is_over(void);
void examiner_stop(void);

/* privileges.c */
uint64_t capabilities_of(enum frame_mode mode);
uint64_t capabilities_kept(enum frame_mode mode);
uint64_t capabilities_to_load(void);
const char *missing_capability(uint64_t needed);
bool keep_capabilities(uint64_t kept);
bool drop_privileges(uid_t uid, gid_t gid, uint64_t kept);

#endif
