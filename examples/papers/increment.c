/* The papers' first tutorial: one more than the context. */
int increment(unsigned long *context)
{
    return *context + 1;
}
