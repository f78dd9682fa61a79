/* For sources written for the original: a sensor's reading. */
#ifndef PHYDAT_H
#define PHYDAT_H

#include <stdint.h>

#define PHYDAT_DIM (3U)

typedef struct {
    int16_t val[PHYDAT_DIM];
    uint8_t unit;
    int8_t scale;
} phydat_t;
_Static_assert(sizeof(phydat_t) == 8, "what saul_reg_read writes");

#endif
