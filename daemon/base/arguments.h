/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments: what was given on the command line, out of sight of `ps`.  Threads: the first, before any other.
 */
#pragma once

/* A copy of the arguments for the program to use, kept until it ends; in the originals, which every user of the machine may see,
 * what follows the = of a secret is overwritten. */
char **arguments_hide(int argc, char **argv);
