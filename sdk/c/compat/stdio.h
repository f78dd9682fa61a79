/* For sources written for other systems: what is printed goes to the device's
 * log, at most four values in a line. There are no files. */
#ifndef FEMTO_STDIO_H
#define FEMTO_STDIO_H

#include "bpf/bpfapi/helpers.h"

#define printf(format, ...) bpf_printf(format, ##__VA_ARGS__)

#endif
