/* For sources written for Linux: the head of an IPv4 packet (RFC 791). */
#ifndef FEMTO_LINUX_IP_H
#define FEMTO_LINUX_IP_H

#include <linux/types.h>

struct iphdr {
    __u8 ihl : 4, version : 4;
    __u8 tos;
    __be16 tot_len, id, frag_off;
    __u8 ttl, protocol;
    __sum16 check;
    __be32 saddr, daddr;
};
_Static_assert(sizeof(struct iphdr) == 20, "RFC 791");

#endif
