/**
 * What the server calls itself. A test holds the version to the package's.
 */
export const name = "lms-bridge"
export const title = "lms-bridge: local models with your MCP servers"
export const version = "0.1.0"

/** A bridge. Tools have none: forty pictures in `tools/list` would weigh more than all that is said there. */
export const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='none' stroke='%23777' stroke-width='1.5' d='M1 11h14M1 11q7-10 14 0M4.5 8v3M8 6v5M11.5 8v3'/%3E%3C/svg%3E"
