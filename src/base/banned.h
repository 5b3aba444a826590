/*
 * base/banned.h - functions that have caused enough harm do not compile.
 * Force-included by the build after the headers that declare them.
 */
#ifndef IMR_BASE_BANNED_H
#define IMR_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMR_BANNED(name, instead) imr_banned_##name##_use_##instead
#undef strcpy
#define strcpy(a, b) IMR_BANNED(strcpy, imr_buf)
#undef strcat
#define strcat(a, b) IMR_BANNED(strcat, imr_buf)
#undef strncpy
#define strncpy(a, b, n) IMR_BANNED(strncpy, snprintf)
#undef strncat
#define strncat(a, b, n) IMR_BANNED(strncat, imr_buf)
#undef sprintf
#define sprintf(...) IMR_BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(a, b, c) IMR_BANNED(vsprintf, vsnprintf)
#undef strtok
#define strtok(a, b) IMR_BANNED(strtok, strtok_r)
#undef atoi
#define atoi(a) IMR_BANNED(atoi, imr_parse_int)
#undef atof
#define atof(a) IMR_BANNED(atof, imr_parse_double)
#undef gets
#define gets(a) IMR_BANNED(gets, fgets)
#undef system
#define system(a) IMR_BANNED(system, posix_spawn)
#undef popen
#define popen(a, b) IMR_BANNED(popen, posix_spawn)

#endif
