/* For sources written for systems that took over the original's helpers and
 * include them by this name. */
#include "bpf/bpfapi/helpers.h"
