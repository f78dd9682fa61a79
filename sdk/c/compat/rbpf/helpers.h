/* For sources that name the folder. */
#include "../helpers.h"
