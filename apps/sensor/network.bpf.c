/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What processes do with sockets: connect, accept, bind, listen, send datagrams, make raw sockets. Told when the call returns, by
 * what the kernel's socket then says. A process that does the same again is counted and not told until some time has passed
 * (docs/formats/frame.md, 9): a service may connect ten thousand times a second.
 */
#include "event.bpf.h"
#include "file.bpf.h"
#include "policy.bpf.h"
#include "task.bpf.h"

#define AF_UNIX 1
#define AF_NETLINK 16
#define AF_PACKET 17
#define NETLINK_AUDIT 9
#define NETLINK_CONNECTOR 11
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_TYPE_MASK 0xf
#define SOCK_BINDPORT_LOCK 8
#define SOCKFS_MAGIC 0x534f434b
#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10
#define EINTR 4
#define EINPROGRESS 115
#define ERESTARTSYS 512
#define CALL_CONNECT 42
#define CALL_LISTEN 50
#define UNIX_NAME_BYTES 108
#define UNIX_NAME_ROOM 128 /* what a length of seven bits stays in */
#define DYNAMIC_PORTS 32768 /* where the kernel's own choice of ports begins, unless it is set otherwise */
#define NEWS_MAX 16384
#define UNIX_NEWS_MAX 4096
#define CONNECTING_MAX 4096
#define STRANGERS_MAX 256 /* other sides that a process's own port is told of, each within repeat_ns */

/* Who does what: the same process, in the same program, to the same other side. Without holes, for it is compared as bytes. */
struct news {
	__u64 start_ns;
	__u64 mm;
	__u8 address[FRAME_ADDRESS_BYTES];
	__u16 port;
	__u8 site;
	__u8 family;
	__u8 type;
	__u8 protocol;
	__u8 error;
	__u8 strangers; /* 1: the row that counts the other sides of a port */
};

/* The same to a unix socket; the length is in the key, for a name need not end with a zero byte. */
struct unix_news {
	struct news news;
	__u64 length;
	char name[UNIX_NAME_ROOM];
};

struct told {
	__u64 at_ns;
	__u64 count;   /* since it was told first */
	__u64 counted; /* of these, when it was told last */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NEWS_MAX);
	__type(key, struct news);
	__type(value, struct told);
} news SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, UNIX_NEWS_MAX);
	__type(key, struct unix_news);
	__type(value, struct told);
} unix_news SEC(".maps");

/* TCP connections that were asked for and not made yet, by the address of their socket: how it ends is seen elsewhere. */
struct connecting {
	struct news news;
	struct frame_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNECTING_MAX);
	__type(key, __u64);
	__type(value, struct connecting);
} connecting SEC(".maps");

static __always_inline struct sock *sock_at(long fd)
{
	struct file *file = file_at(fd);
	struct inode *inode = GET(file, f_inode);
	struct socket *socket;

	if (!file || (GET(inode, i_mode) & S_IFMT) != S_IFSOCK || GET(inode, i_sb, s_magic) != SOCKFS_MAGIC)
		return NULL;
	socket = GET(file, private_data);
	return GET(socket, sk);
}

static __always_inline bool is_internet(const struct frame_socket *socket)
{
	return socket->family == AF_INET || socket->family == AF_INET6;
}

static __always_inline void put_mapped(__u8 to[FRAME_ADDRESS_BYTES], __u32 v4)
{
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &v4, sizeof(v4));
}

static __always_inline void put_socket(struct frame_socket *to, struct sock *sk)
{
	struct sock_common *common = &sk->__sk_common;

	to->family = GET(common, skc_family);
	to->type = GET(sk, sk_type);
	to->protocol = GET(sk, sk_protocol);
	to->net_ns = GET(common, skc_net.net, ns.inum);
	if (!is_internet(to))
		return;
	to->local_port = GET(common, skc_num);
	to->remote_port = __builtin_bswap16(GET(common, skc_dport));
	if (to->family == AF_INET) {
		put_mapped(to->local, GET(common, skc_rcv_saddr));
		put_mapped(to->remote, GET(common, skc_daddr));
	} else if (bpf_core_field_exists(common->skc_v6_daddr)) {
		bpf_core_read(to->local, sizeof(to->local), &common->skc_v6_rcv_saddr);
		bpf_core_read(to->remote, sizeof(to->remote), &common->skc_v6_daddr);
	}
}

/* Of a call that failed the socket says nothing: then it is what user memory says by now. */
static __always_inline void put_asked(struct frame_socket *to, void *user)
{
	struct { __u16 family, port; __u32 v4; __u8 v6[FRAME_ADDRESS_BYTES]; } asked = {};

	bpf_probe_read_user(&asked, to->family == AF_INET6 ? sizeof(asked) : 8, user);
	to->remote_port = __builtin_bswap16(asked.port);
	__builtin_memset(to->remote, 0, sizeof(to->remote));
	if (asked.family == AF_INET6)
		__builtin_memcpy(to->remote, asked.v6, sizeof(to->remote));
	else
		put_mapped(to->remote, asked.v4);
}

static __always_inline struct news news_of(enum frame_site site, const struct frame_socket *socket)
{
	struct task_struct *task = current_task();

	return (struct news){
		.start_ns = GET(task, group_leader, start_boottime),
		.mm = (__u64)GET(task, mm),
		.site = site,
		.family = socket->family,
		.type = socket->type,
		.protocol = socket->protocol,
		.error = socket->error == EINPROGRESS ? 0 : socket->error,
	};
}

static __always_inline void put_other_side(struct news *key, const __u8 address[FRAME_ADDRESS_BYTES], __u16 port)
{
	__builtin_memcpy(key->address, address, FRAME_ADDRESS_BYTES);
	key->port = port;
}

static __always_inline bool count_repeat(enum frame_site site)
{
	struct frame_counts *counts = counts_of(PIPE_AGENT, site);

	if (counts)
		__sync_fetch_and_add(&counts->repeated, 1);
	return false;
}

/* Whether this is to be told; else it has been counted. */
static __always_inline bool is_new(void *map, const void *key, enum frame_site site, __u32 *repeats)
{
	struct told first = { .at_ns = bpf_ktime_get_boot_ns() };
	struct told *told;

	if (!shared.repeat_ns)
		return true;
	told = bpf_map_lookup_elem(map, key);
	if (!told) {
		if (bpf_map_update_elem(map, key, &first, BPF_NOEXIST) != -EEXIST)
			return true;
		told = bpf_map_lookup_elem(map, key); /* another thread was faster */
		if (!told)
			return true;
	}
	if (first.at_ns - told->at_ns < shared.repeat_ns) {
		__sync_fetch_and_add(&told->count, 1);
		return count_repeat(site);
	}
	told->at_ns = first.at_ns;
	*repeats = told->count - told->counted;
	told->counted = told->count;
	return true;
}

static __always_inline bool is_news(const struct news *key, __u32 *repeats)
{
	return is_new(&news, key, key->site, repeats);
}

/*
 * A port that strangers come to, or are answered from: after so many other sides within the time the next are counted, not
 * told. The row is of the port, and `count` the strangers of this time.
 */
static __always_inline bool is_crowded(const struct news *stranger, __u16 port)
{
	struct news key = *stranger;
	struct told first = { .at_ns = bpf_ktime_get_boot_ns(), .count = 1 };
	struct told *crowd;

	if (!shared.repeat_ns || bpf_map_lookup_elem(&news, stranger))
		return false;
	__builtin_memset(key.address, 0, sizeof(key.address));
	key.port = port;
	key.strangers = 1;
	crowd = bpf_map_lookup_elem(&news, &key);
	if (!crowd) {
		bpf_map_update_elem(&news, &key, &first, BPF_ANY);
		return false;
	}
	if (first.at_ns - crowd->at_ns >= shared.repeat_ns) {
		crowd->at_ns = first.at_ns;
		crowd->count = 0;
	}
	if (crowd->count >= STRANGERS_MAX)
		return !count_repeat(key.site);
	__sync_fetch_and_add(&crowd->count, 1);
	return false;
}

static __always_inline int tell(enum frame_site site, enum frame_kind kind, const struct frame_socket *socket)
{
	struct scratch *s = begin(site, kind);

	if (!s)
		return 0;
	s->event.socket = *socket;
	return end(s, site);
}

/* A name of the file system without its end; one that is not (abstract) begins with a zero byte and may have more of them. */
static __always_inline void read_name(struct unix_news *to, struct unix_address *address)
{
	char *name = (void *)address + bpf_core_field_offset(struct unix_address, name) + sizeof(__u16);
	__u32 length = (GET(address, len) - sizeof(__u16)) & (UNIX_NAME_ROOM - 1);

	if (!address)
		return;
	bpf_probe_read_kernel(to->name, length, name);
	if (to->name[0])
		length--;
	to->length = length;
}

static __always_inline void read_asked_name(struct unix_news *to, void *user)
{
	long length = bpf_probe_read_user_str(to->name, UNIX_NAME_BYTES + 1, user + sizeof(__u16));

	to->length = length > 1 ? length - 1 : 0;
}

static __always_inline int tell_unix(struct unix_news *key, enum frame_kind kind, struct frame_socket *socket)
{
	enum frame_site site = key->news.site & (FRAME_SITES_MAX - 1);
	__u32 length = key->length & (UNIX_NAME_ROOM - 1);
	struct scratch *s;

	if (!is_new(&unix_news, key, site, &socket->repeats))
		return 0;
	s = begin(site, kind);
	if (!s)
		return 0;
	s->event.socket = *socket;
	bpf_probe_read_kernel(text_room(s), length, key->name);
	text_done(s, TEXT_PATH, length);
	return end(s, site);
}

/* Nobody's act: the task that is running when a connection fails need not be the one that asked for it. */
static __always_inline int tell_failed(const struct connecting *asked, __u8 error)
{
	struct news key = asked->news;
	__u32 repeats = 0;
	struct scratch *s;

	key.error = error;
	if (!is_news(&key, &repeats))
		return 0;
	s = take_scratch(PIPE_AGENT, SITE_connect);
	if (!s)
		return 0;
	s->event = asked->event;
	s->event.time_ns = bpf_ktime_get_boot_ns();
	s->event.socket.error = error;
	s->event.socket.repeats = repeats;
	s->at = sizeof(struct frame_event);
	return end(s, SITE_connect);
}

/* A connection is under way no longer. Whoever deletes the row tells; 0: it was made, or given up. */
static __noinline int ended(struct sock *sk, int error)
{
	__u64 address = (__u64)sk;
	struct connecting *found = bpf_map_lookup_elem(&connecting, &address);
	struct connecting asked;

	if (!found)
		return 0;
	asked = *found; /* once deleted, the row is another's */
	if (bpf_map_delete_elem(&connecting, &address) || !error)
		return 0;
	return tell_failed(&asked, error);
}

static __noinline int remember(struct sock *sk, const struct news *key, const struct frame_socket *socket)
{
	struct task_struct *task = current_task();
	struct connecting asked = {};
	__u64 address = (__u64)sk;

	asked.event.kind = FRAME_CONNECT_FAILED;
	asked.event.site = SITE_connect;
	put_actor(&asked.event, task);
	asked.event.ppid = GET(task, real_parent, tgid);
	asked.news = *key;
	asked.event.socket = *socket;
	return bpf_map_update_elem(&connecting, &address, &asked, BPF_ANY);
}

/* connect__state tells how it ends, unless it has already: then nothing was remembered for it to find. */
static __always_inline void follow(struct sock *sk, const struct news *key, const struct frame_socket *socket)
{
	remember(sk, key, socket);
	if (GET(sk, __sk_common.skc_state) != TCP_SYN_SENT)
		ended(sk, GET(sk, __sk_common.skc_state) == TCP_CLOSE ? GET(sk, sk_err) : 0);
}

/* A function of its own: what it and ended() hold must share the 512 bytes of the stack, for kernels before 6.13 count both. */
static __noinline int connected_unix(struct sock *sk, struct frame_socket *socket, void *user)
{
	struct sock *peer = GET((struct unix_sock *)sk, peer);
	struct unix_news key = { .news = news_of(SITE_connect, socket) };

	if (socket->error == ENOENT)
		return 0; /* nobody there */
	if (socket->error)
		read_asked_name(&key, user);
	else
		read_name(&key, GET((struct unix_sock *)peer, addr));
	return tell_unix(&key, FRAME_CONNECT, socket);
}

/* Errors that are of the call, and not of a connection; and asking again for one that is being made. */
static __always_inline bool is_no_connection(long result)
{
	switch (-result) {
	case 9:	  /* EBADF */
	case 14:  /* EFAULT */
	case 22:  /* EINVAL */
	case 88:  /* ENOTSOCK */
	case 106: /* EISCONN */
	case 114: /* EALREADY */
		return true;
	}
	return false;
}

/* NULL: of no socket, or no connection. */
static __always_inline struct sock *asked_to_connect(struct sys_exit *ctx, struct frame_socket *socket)
{
	struct sock *sk = is_no_connection(ctx->ret) ? NULL : sock_at((int)GET(registers(), di));
	bool under_way = ctx->ret == -EINPROGRESS || ctx->ret == -EINTR || ctx->ret == -ERESTARTSYS;

	if (!sk)
		return NULL;
	put_socket(socket, sk);
	socket->error = under_way ? EINPROGRESS : -ctx->ret;
	return sk;
}

/* A program of its own, for both on one stack are too much for kernels before 6.18. */
SEC("tp/syscalls/sys_exit_connect")
int connect__unix(struct sys_exit *ctx)
{
	struct frame_socket socket = {};
	struct sock *sk = asked_to_connect(ctx, &socket);

	return sk && socket.family == AF_UNIX ? connected_unix(sk, &socket, (void *)GET(registers(), si)) : 0;
}

SEC("tp/syscalls/sys_exit_connect")
int connect(struct sys_exit *ctx)
{
	struct frame_socket socket = {};
	struct sock *sk = asked_to_connect(ctx, &socket);
	bool under_way = socket.error == EINPROGRESS;
	struct news key;

	if (!sk || !is_internet(&socket))
		return 0;
	if (socket.error && !under_way)
		put_asked(&socket, (void *)GET(registers(), si));
	if (!socket.remote_port)
		return 0; /* a datagram socket is taken off its other side, or asks for a route alone */
	key = news_of(SITE_connect, &socket);
	put_other_side(&key, socket.remote, socket.remote_port);
	if (is_news(&key, &socket.repeats))
		tell(SITE_connect, FRAME_CONNECT, &socket);
	if (under_way)
		follow(sk, &key, &socket);
	return 0;
}

/* Called by io_uring, by the 32-bit entry, with the first data (TCP Fast Open): then there is no return of the call to wait for. */
static __always_inline bool is_in_call(__u32 call)
{
	return (__u32)GET(registers(), orig_ax) == call;
}

/* args: socket, old state, new state. Only when it begins is the current task the one that connects. */
SEC("raw_tp/inet_sock_set_state")
int connect__state(struct bpf_raw_tracepoint_args *ctx)
{
	struct sock *sk = (void *)ctx->args[0];
	int before = ctx->args[1], now = ctx->args[2];

	if (before == TCP_SYN_SENT) {
		ended(sk, now == TCP_CLOSE ? GET(sk, sk_err) : 0);
	} else if (now == TCP_SYN_SENT && !is_in_call(CALL_CONNECT)) {
		struct frame_socket socket = { .error = EINPROGRESS };
		struct news key;

		put_socket(&socket, sk);
		key = news_of(SITE_connect, &socket);
		put_other_side(&key, socket.remote, socket.remote_port);
		if (is_news(&key, &socket.repeats))
			tell(SITE_connect, FRAME_CONNECT, &socket);
		remember(sk, &key, &socket);
	}
	return 0;
}

static __always_inline int accepted(struct sys_exit *ctx)
{
	struct frame_socket socket = {};
	struct news key;
	struct sock *sk;

	if (ctx->ret < 0)
		return 0;
	sk = sock_at(ctx->ret);
	if (!sk)
		return 0;
	put_socket(&socket, sk);
	if (!is_internet(&socket))
		return 0; /* of a unix socket the one who connects is told */
	key = news_of(SITE_accept, &socket);
	put_other_side(&key, socket.remote, socket.local_port);
	if (is_crowded(&key, socket.local_port) || !is_news(&key, &socket.repeats))
		return 0;
	return tell(SITE_accept, FRAME_ACCEPT, &socket);
}

SEC("tp/syscalls/sys_exit_accept")
int accept(struct sys_exit *ctx)
{
	return accepted(ctx);
}

SEC("tp/syscalls/sys_exit_accept4")
int accept__4(struct sys_exit *ctx)
{
	return accepted(ctx);
}

static __always_inline int named_unix(struct sock *sk, enum frame_kind kind, struct news *news, struct frame_socket *socket)
{
	struct unix_news key = { .news = *news };

	read_name(&key, GET((struct unix_sock *)sk, addr));
	return tell_unix(&key, kind, socket);
}

/* By one's own name: bind and listen. */
static __always_inline int named(struct sock *sk, enum frame_site site, enum frame_kind kind)
{
	struct frame_socket socket = {};
	struct news key;
	bool is_any;

	put_socket(&socket, sk);
	key = news_of(site, &socket);
	if (socket.family == AF_UNIX)
		return named_unix(sk, kind, &key, &socket);
	if (!is_internet(&socket))
		return 0;
	is_any = site == SITE_bind && socket.local_port >= DYNAMIC_PORTS;
	__builtin_memset(socket.remote, 0, sizeof(socket.remote));
	socket.remote_port = 0;
	put_other_side(&key, socket.local, is_any ? 0 : socket.local_port);
	return is_news(&key, &socket.repeats) ? tell(site, kind, &socket) : 0;
}

SEC("tp/syscalls/sys_exit_bind")
int bind(struct sys_exit *ctx)
{
	struct sock *sk = ctx->ret ? NULL : sock_at((int)GET(registers(), di));

	return sk ? named(sk, SITE_bind, FRAME_BIND) : 0;
}

SEC("tp/syscalls/sys_exit_listen")
int listen(struct sys_exit *ctx)
{
	struct sock *sk = ctx->ret ? NULL : sock_at((int)GET(registers(), di));

	return sk ? named(sk, SITE_listen, FRAME_LISTEN) : 0;
}

/* The same by io_uring and the 32-bit entry. A port that the kernel has yet to choose is 0. */
SEC("raw_tp/inet_sock_set_state")
int listen__state(struct bpf_raw_tracepoint_args *ctx)
{
	int now = ctx->args[2];

	if (now != TCP_LISTEN || is_in_call(CALL_LISTEN))
		return 0;
	return named((void *)ctx->args[0], SITE_listen, FRAME_LISTEN);
}

/* family, type and protocol are numbers in registers: the socket need not be looked at. */
SEC("tp/syscalls/sys_exit_socket")
int socket(struct sys_exit *ctx)
{
	struct pt_regs *regs = registers();
	__u32 family = GET(regs, di), type = GET(regs, si) & SOCK_TYPE_MASK, protocol = GET(regs, dx);
	bool is_raw = family == AF_PACKET || ((family == AF_INET || family == AF_INET6) && type == SOCK_RAW);
	bool is_spying = family == AF_NETLINK && (protocol == NETLINK_AUDIT || protocol == NETLINK_CONNECTOR);
	struct frame_socket made = { .family = family, .type = type, .protocol = protocol };
	struct news key;

	if ((!is_raw && !is_spying) || (ctx->ret < 0 && ctx->ret != -EPERM && ctx->ret != -EACCES))
		return 0;
	made.error = ctx->ret < 0 ? -ctx->ret : 0;
	made.net_ns = GET(current_task(), nsproxy, net_ns, ns.inum);
	key = news_of(SITE_socket, &made);
	return is_news(&key, &made.repeats) ? tell(SITE_socket, FRAME_SOCKET, &made) : 0;
}

/* What a policy denies is not sent, and told by policy.bpf.c. */
static __always_inline int sent(struct bpf_sock_addr *ctx, const struct destination *to, const __u8 remote[FRAME_ADDRESS_BYTES])
{
	struct bpf_sock *given = ctx->sk;
	struct sock *sk;
	struct frame_socket socket = {};
	struct verdict verdict;
	struct news key;

	if (judge(to, &verdict))
		return 1;
	bpf_probe_read_kernel(&sk, sizeof(sk), &given); /* it points to the kernel's own structure, which the verifier hides */
	put_socket(&socket, sk);
	__builtin_memcpy(socket.remote, remote, sizeof(socket.remote));
	socket.remote_port = __builtin_bswap16(ctx->user_port);
	key = news_of(SITE_datagram, &socket);
	put_other_side(&key, socket.remote, socket.remote_port);
	if (BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK && is_crowded(&key, socket.local_port))
		return 1;
	if (is_news(&key, &socket.repeats))
		tell(SITE_datagram, FRAME_DATAGRAM, &socket);
	return 1;
}

/* A datagram to an address of its own, by whatever call: sends over a connection never come here. */
SEC("cgroup/sendmsg4")
int datagram__v4(struct bpf_sock_addr *ctx)
{
	struct destination to = to_ipv4(ctx);
	__u8 remote[FRAME_ADDRESS_BYTES] = {};

	put_mapped(remote, ctx->user_ip4);
	return sent(ctx, &to, remote);
}

SEC("cgroup/sendmsg6")
int datagram__v6(struct bpf_sock_addr *ctx)
{
	__u32 words[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };
	struct destination to = to_ipv6(ctx);

	return sent(ctx, &to, (const __u8 *)words);
}
