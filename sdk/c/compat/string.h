/* For sources written for the original: there is no C library; small copies
 * and clearings of constant size become instructions. */
#ifndef FEMTO_STRING_H
#define FEMTO_STRING_H

#include <stddef.h>

#define memcpy(to, from, n) __builtin_memcpy(to, from, n)
#define memset(to, byte, n) __builtin_memset(to, byte, n)

#endif
