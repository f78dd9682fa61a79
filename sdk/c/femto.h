/* What a container written in C includes: there is no C library beneath it. */
#ifndef FEMTO_H
#define FEMTO_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

#endif
