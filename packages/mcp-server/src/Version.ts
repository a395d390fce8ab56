/**
 * What the server calls itself. A test holds the version to the package's.
 */
export const name = "lms-bridge"
export const title = "lms-bridge: local models with your MCP servers"
export const version = "0.1.0"

/** A bridge. Tools have none: forty pictures in `tools/list` would weigh more than all that is said there. */
export const icon =
  "data:image/svg+xml;base64,PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnIHZpZXdCb3g9JzAgMCAxNiAxNic+PHBhdGggZmlsbD0nbm9uZScgc3Ryb2tlPScjNzc3JyBzdHJva2Utd2lkdGg9JzEuNScgZD0nTTEgMTFoMTRNMSAxMXE3LTEwIDE0IDBNNC41IDh2M004IDZ2NU0xMS41IDh2MycvPjwvc3ZnPg=="
