/* For sources written for Linux: the head of a UDP datagram (RFC 768). */
#ifndef FEMTO_LINUX_UDP_H
#define FEMTO_LINUX_UDP_H

#include <linux/types.h>

struct udphdr {
    __be16 source, dest, len;
    __sum16 check;
};
_Static_assert(sizeof(struct udphdr) == 8, "RFC 768");

#endif
