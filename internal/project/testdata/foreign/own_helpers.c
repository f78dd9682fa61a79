// TEST_RESULT: 77
static int (*put)(unsigned key, unsigned value) = (void *)0x11;
static int (*get)(unsigned key, unsigned *value) = (void *)0x13;

int own_helpers()
{
    unsigned value = 5;

    put(9, 77);
    get(9, &value);
    return value;
}
