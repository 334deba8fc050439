/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi: the OpenAPI 3.1 document, printed from routes.def and the schemas.
 */
#pragma once

char *openapi_make(void); /* owned by the caller */
