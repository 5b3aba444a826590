/*
 * base/banned.h - functions that have caused enough harm do not compile.
 * Force-included by the build after the headers that declare them, which every file of src has so:
 * <stdio.h>, <stdlib.h>, <string.h>. Instead:
 *   strcpy strcat strncat   imr_buf             atoi atof      imr_parse_int, imr_parse_double
 *   strncpy sprintf         snprintf            gets           fgets
 *   vsprintf                vsnprintf           system popen   posix_spawn
 *   strtok                  strtok_r
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
#pragma GCC poison atoi atof gets system popen
