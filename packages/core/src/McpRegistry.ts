/** The MCP servers of a person: one connection each, their tools, prompts and resources, logins and the lock of their tools. */
export { McpRegistry, type ConfigChange, type ConnectOptions, type McpConnectError } from "./mcp/McpRegistry.ts"
export {
  CurrentElicitation,
  type ElicitationResult,
  type ElicitationHandler,
  type ElicitationRequest
} from "./mcp/Elicitation.ts"
export type { CallOptions, CallProgress, HeldConnection, McpConnection } from "./mcp/McpConnection.ts"
export {
  McpCallError,
  McpCallFailed,
  McpConfigInvalid,
  McpEntryUnusable,
  McpError,
  McpReadFailed,
  McpServerNotFound,
  McpServerUnavailable
} from "./mcp/McpError.ts"
export { McpPrompt, PromptResult } from "./mcp/McpPrompt.ts"
export { McpResource, McpResourceTemplate, ResourceContent } from "./mcp/McpResource.ts"
export { McpTool, ToolAnnotations } from "./mcp/McpTool.ts"
export { CurrentSampling, SamplingRefused, type SamplingHandler, type SamplingRequest } from "./mcp/Sampling.ts"
export { inBrief, leftOut, ServerSummary, startable } from "./mcp/ServerSummary.ts"
export { ToolContent, ToolResult } from "./mcp/ToolResult.ts"
export { CurrentSecrets } from "./mcp/config/DefinedServer.ts"
export { ConfigCandidate } from "./mcp/config/McpConfigFiles.ts"
export * as ToolLock from "./mcp/lock/ToolLock.ts"
export { McpLockFailed, McpNotLockable } from "./mcp/lock/ToolLockError.ts"
export { LockSummary, type ToolReview } from "./mcp/lock/ToolLock.ts"
export { unguarded } from "./mcp/lock/ToolLockFiles.ts"
export { CallbackFailed, type Callback, type OpenCallback } from "./mcp/login/Callback.ts"
export { McpLoginFailed } from "./mcp/login/McpLoginFailed.ts"
export type { LoginRequest } from "./mcp/login/McpLogins.ts"
export { McpTransport } from "./mcp/transport/McpTransport.ts"
export type { ServerChannel, ChannelEnd } from "./mcp/transport/ServerChannel.ts"
export { nearest } from "./names/nearest.ts"
