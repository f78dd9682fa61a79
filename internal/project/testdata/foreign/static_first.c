// TEST_RESULT: 12
static __attribute__((noinline)) unsigned long power(unsigned long base, int n)
{
    unsigned long p = 1;
    while (n-- > 0)
        p *= base;
    return p;
}

int static_first(void *ctx)
{
    return power(2, 3) + power(4, 1);
}
