/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections and datagrams that a policy denies are refused before anything is sent, with EPERM. Told each time it is another
 * process, in another program, to another place, by another rule; the rest is counted (docs/formats/frame.md, 9).
 */
#include "policy.bpf.h"

#define DENIALS_MAX 4096
#define LET_GO 1
#define REFUSE 0

struct denial {
	struct news news;
	__u32 table;
	__u32 rule;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DENIALS_MAX);
	__type(key, struct denial);
	__type(value, struct told);
} denials SEC(".maps");

static __noinline int tell_denial(struct frame_denied *denied, struct sock *sk)
{
	struct frame_socket socket = {};
	struct denial key;
	struct scratch *s;

	put_socket(&socket, sk);
	denied->family = socket.family;
	denied->type = socket.type;
	denied->net_ns = socket.net_ns;
	key.news = news_of(SITE_policy, &socket);
	put_other_side(&key.news, denied->remote, denied->remote_port);
	key.news.protocol = denied->protocol;
	key.news.error = denied->call; /* all of them are refused alike */
	key.table = denied->table;
	key.rule = denied->rule;
	if (!is_new(&denials, &key, SITE_policy, &denied->repeats))
		return 0;
	s = begin(SITE_policy, FRAME_DENIED);
	if (!s)
		return 0;
	s->event.denied = *denied;
	return end(s, SITE_policy);
}

static __always_inline int decide(struct bpf_sock_addr *ctx, const struct destination *to, __u32 call)
{
	struct verdict verdict = {};
	struct bpf_sock *given;
	struct frame_denied denied = {};
	struct sock *sk;
	__u64 address[2];

	if (!judge(to, &verdict))
		return LET_GO;
	given = ctx->sk;
	bpf_probe_read_kernel(&sk, sizeof(sk), &given); /* it points to the kernel's own structure, which the verifier hides */
	address[0] = __builtin_bswap64(to->high);
	address[1] = __builtin_bswap64(to->low);
	__builtin_memcpy(denied.remote, address, sizeof(address));
	denied.remote_port = to->port;
	denied.protocol = to->protocol;
	denied.call = call;
	denied.rule = verdict.rule;
	denied.table = verdict.table;
	tell_denial(&denied, sk);
	return REFUSE;
}

SEC("cgroup/connect4")
int policy__connect4(struct bpf_sock_addr *ctx)
{
	struct destination to = to_ipv4(ctx);

	return decide(ctx, &to, FRAME_DENIED_CONNECT);
}

SEC("cgroup/connect6")
int policy__connect6(struct bpf_sock_addr *ctx)
{
	struct destination to = to_ipv6(ctx);

	return decide(ctx, &to, FRAME_DENIED_CONNECT);
}

SEC("cgroup/sendmsg4")
int policy__sendmsg4(struct bpf_sock_addr *ctx)
{
	struct destination to = to_ipv4(ctx);

	return decide(ctx, &to, FRAME_DENIED_DATAGRAM);
}

SEC("cgroup/sendmsg6")
int policy__sendmsg6(struct bpf_sock_addr *ctx)
{
	struct destination to = to_ipv6(ctx);

	return decide(ctx, &to, FRAME_DENIED_DATAGRAM);
}
