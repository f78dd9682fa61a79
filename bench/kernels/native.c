/* Times the kernels as native code. Reads lines "kernel n repetitions", answers
 * each with "nanoseconds result": the processor time of this thread for all
 * repetitions, and what the last one returned. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "kernel.h"

u64 run_fletcher(const args *), run_alu(const args *), run_memcpy8(const args *), run_memcpy64(const args *),
	run_bubble(const args *), run_quick(const args *), run_sieve(const args *), run_calls(const args *),
	run_hcall(const args *);

static const struct {
	const char *name;
	u64 (*run)(const args *);
} kernels[] = {
	{"fletcher", run_fletcher}, {"alu", run_alu},     {"memcpy8", run_memcpy8}, {"memcpy64", run_memcpy64},
	{"bubble", run_bubble},     {"quick", run_quick}, {"sieve", run_sieve},     {"calls", run_calls},
	{"hcall", run_hcall},
};

static u64 memory[8192];

static u64 now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (u64)t.tv_sec * 1000000000 + (u64)t.tv_nsec;
}

int main(void)
{
	char name[16];
	unsigned long long n, repetitions;

	while (scanf("%15s %llu %llu", name, &n, &repetitions) == 3) {
		for (unsigned i = 0; i < sizeof memory; i++)
			((u8 *)memory)[i] = (u8)(i * 7 + (i >> 8));
		for (unsigned k = 0; k < sizeof kernels / sizeof *kernels; k++) {
			if (strcmp(kernels[k].name, name))
				continue;
			u64 (*volatile run)(const args *) = kernels[k].run;
			volatile args a = {(u64)(unsigned long)memory, n};
			u64 result = 0, start = now();
			for (u64 r = 0; r < repetitions; r++)
				result = run((const args *)&a);
			printf("%llu %llu\n", now() - start, result);
			fflush(stdout);
		}
	}
	return 0;
}
