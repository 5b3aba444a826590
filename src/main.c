/* main.c - argv to a batch command or the explorer. */
#include <stdio.h>

int main(void)
{
    printf("imrnn %s\n", IMR_VERSION);
    return 0;
}
