/* For sources that include it for the attributes alone. */
#include "bpf/keywords.h"
