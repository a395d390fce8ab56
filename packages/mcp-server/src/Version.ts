/**
 * What the server calls itself. A test holds the version to the package's.
 */
export const name = "lms-bridge"
export const title = "lms-bridge: local models with your MCP servers"
export const version = "0.1.0"
