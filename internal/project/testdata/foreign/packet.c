// TEST_RESULT: 2
// TEST_CONTEXT: 08000020 26000020 08004500 001c0000 00004011 0000 0a000001 0a000002 1633 0035 0008 0000
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Two bytes of the frame's head are left; addresses are those that containers see. */
SEC("xdp")
int only_names(struct xdp_md *packet)
{
    void *data = (void *)(long)packet->data;
    void *end = (void *)(long)packet->data_end;
    struct iphdr *ip = data + 2;
    struct udphdr *udp = (void *)(ip + 1);

    if ((void *)(udp + 1) > end)
        return XDP_ABORTED;
    if (ip->version != 4 || ip->protocol != IPPROTO_UDP)
        return XDP_PASS;
    return udp->dest == bpf_htons(53) && bpf_ntohs(udp->source) == 5683 ? XDP_PASS : XDP_DROP;
}
