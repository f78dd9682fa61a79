// TEST_RESULT: 42
// TEST_OUTPUT: size 6 of 64
// TEST_OUTPUT: done
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <stdio.h>

char _license[] SEC("license") = "GPL";
__u32 _version SEC("version") = 1;

static __always_inline __u32 swap(__u16 x)
{
    return bpf_ntohs(x);
}

static __noinline int half(int x)
{
    return x / 2;
}

SEC("tracepoint/sched/sched_switch")
int on_switch(void *ctx)
{
    volatile __u16 port = 0x5400;
    __u64 now = bpf_ktime_get_ns();

    if (bpf_get_prandom_u32() == bpf_get_prandom_u32() && now % 1000000)
        return -1;
    bpf_printk("size %d of %d", (int)sizeof("femto"), 64);
    printf("done\n");
    return half(swap(port));
}
