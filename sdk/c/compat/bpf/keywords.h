/* For sources written for Linux: what its headers call the compiler's attributes. */
#ifndef FEMTO_KEYWORDS_H
#define FEMTO_KEYWORDS_H

#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

#endif
