/** The files of MCP clients: where they are, lms-bridge in them, and their text without what is secret. */
export * as ConfigText from "./mcp/dialects/ConfigText.ts"
export { ClientFileError } from "./mcp/install/ClientFileError.ts"
export * as ClientFiles from "./mcp/install/ClientFiles.ts"
export * as ClientPlaces from "./mcp/install/ClientPlaces.ts"
export * as ClientRules from "./mcp/install/ClientRules.ts"
export * as Delegate from "./mcp/install/Delegate.ts"
export * as Imports from "./mcp/install/Imports.ts"
export { shownConfig } from "./mcp/redaction/ShownConfig.ts"
