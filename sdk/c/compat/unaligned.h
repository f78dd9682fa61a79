/* For sources written for the original: any address is good for any width. */
#ifndef UNALIGNED_H
#define UNALIGNED_H

#include <stdint.h>

typedef struct {
    uint16_t value;
} __attribute__((packed)) unaligned_u16;

typedef struct {
    uint32_t value;
} __attribute__((packed)) unaligned_u32;

static inline uint16_t unaligned_get_u16(const void *at)
{
    return ((const unaligned_u16 *)at)->value;
}

static inline uint32_t unaligned_get_u32(const void *at)
{
    return ((const unaligned_u32 *)at)->value;
}

#endif
