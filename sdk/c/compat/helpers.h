/* For sources written for systems that took over the original's helpers and
 * include them by this name. */
#ifndef FEMTO_HELPERS_H
#define FEMTO_HELPERS_H

#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

/* print("%d of %d\n", a, b); the semicolon may be left out. */
#define print(format, ...) \
    do { \
        bpf_printf(format, ##__VA_ARGS__); \
    } while (0);

#endif
