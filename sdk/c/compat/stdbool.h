/* For sources written for the original. */
#ifndef FEMTO_STDBOOL_H
#define FEMTO_STDBOOL_H

#define bool _Bool
#define true 1
#define false 0

#endif
