// TEST_RESULT: 66
#include <stdint.h>

typedef struct node { int value; struct node *next; } node;

static __attribute__((noinline)) int total(const node *n)
{
    int sum = 0;
    for (; n; n = n->next)
        sum += n->value;
    return sum;
}

int structures(void *ctx)
{
    node c = {33, 0}, b = {22, &c}, a = {11, &b};
    return total(&a);
}
