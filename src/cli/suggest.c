/* SPDX-License-Identifier: MIT */
#include "suggest.h"

#include <limits.h>
#include <string.h>

#define MAX_WORD 32

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned least = a < b ? a : b;

	return least < c ? least : c;
}

/* Optimal string alignment: table[i][j] is the distance of the first i and j letters. */
unsigned suggest_distance(const char *left, const char *right)
{
	unsigned table[MAX_WORD + 1][MAX_WORD + 1];
	size_t left_length = strlen(left), right_length = strlen(right);

	if (left_length > MAX_WORD || right_length > MAX_WORD)
		return UINT_MAX;
	for (unsigned i = 0; i <= left_length; i++)
		table[i][0] = i;
	for (unsigned j = 0; j <= right_length; j++)
		table[0][j] = j;
	for (size_t i = 1; i <= left_length; i++) {
		for (size_t j = 1; j <= right_length; j++) {
			unsigned differs = left[i - 1] != right[j - 1];
			unsigned least = smallest(table[i - 1][j] + 1, table[i][j - 1] + 1,
						  table[i - 1][j - 1] + differs);
			bool swapped = i > 1 && j > 1 && left[i - 1] == right[j - 2] &&
				       left[i - 2] == right[j - 1];

			if (swapped && table[i - 2][j - 2] + 1 < least)
				least = table[i - 2][j - 2] + 1;
			table[i][j] = least;
		}
	}
	return table[left_length][right_length];
}

bool suggest_is_near(const char *typed, const char *meant)
{
	unsigned distance = suggest_distance(typed, meant);

	return distance <= 2 && distance * 3 <= strlen(meant);
}
