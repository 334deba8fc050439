/* SPDX-License-Identifier: Apache-2.0
 *
 * ui: the web UI's files, embedded in the program.  Needs no identity: the page is the sign-in.
 */
#pragma once

struct http_request;
void ui_handle(struct http_request *http);
