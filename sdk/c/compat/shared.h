/* For sources that leave out the folder. */
#include "bpf/shared.h"
